import COpenBLAS
import Glibc

/// The speed of bare matrix products: what a step can't exceed.
package enum Roof {
    private static let size = 768

    /// GFLOP/s of single-threaded sgemm on every thread of the pool at once, on square matrices. Takes a tenth of a second.
    package static func measure(on pool: ThreadPool) -> Double {
        let rounds = 8
        let count = size * size
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 3 * count * pool.count)
        defer { memory.deallocate() }
        memory.initialize(repeating: 0.5, count: 3 * count * pool.count)
        func round() {
            pool.run(pool.count) { (item: Int) in
                let a = memory + 3 * count * item
                cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, CblasTrans, blasint(size), blasint(size), blasint(size), 1,
                    a, blasint(size), a + count, blasint(size), 0, a + 2 * count, blasint(size))
            }
        }
        round()
        var (start, end) = (timespec(), timespec())
        clock_gettime(CLOCK_MONOTONIC, &start)
        for _ in 0..<rounds { round() }
        clock_gettime(CLOCK_MONOTONIC, &end)
        let seconds = Double(end.tv_sec - start.tv_sec) + Double(end.tv_nsec - start.tv_nsec) * 1e-9
        return 2 * Double(count) * Double(size) * Double(pool.count * rounds) / seconds / 1e9
    }
}
