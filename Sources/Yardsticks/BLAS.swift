import COpenBLAS
import Glibc
import Kernels
import Machine

/// OpenBLAS's matrix product beside our own: a yardstick, and nothing that a step computes with.
package enum BLAS {
    private static let size = 768

    /// The library found at run time, as it names itself: version, flavour and the kernels that it chose.
    package static func description() -> String {
        let configuration = openblas_get_config().map { String(cString: $0) } ?? "an unnamed BLAS"
        // 0, 1, 2: serial, POSIX threads, OpenMP.
        let flavours = ["serial", "pthread", "openmp"]
        let flavour = Int(openblas_get_parallel())
        let version = configuration.split(separator: " ").prefix(2).joined(separator: " ")
        return
            "\(version), \(flavours.indices.contains(flavour) ? flavours[flavour] : "unknown") flavour, \(core) kernels"
    }

    /// The kernels that it chose, by a CPU's name.
    package static var core: String { openblas_get_corename().map { String(cString: $0) } ?? "unknown" }

    /// The fault of its choice on this CPU, with the remedy; nil where the kernels use the vectors that there are.
    package static func misfit(core: String, best: CPULevel) -> String? {
        let wide = ["SkylakeX", "Cooperlake", "Sapphirerapids"]
        let fitting = best == .v3 ? ["Haswell", "Zen"] + wide : wide
        guard !fitting.contains(where: { $0.lowercased() == core.lowercased() }) else { return nil }
        return
            "OpenBLAS doesn't know this CPU and takes kernels for \(core), where it has \(best.description): its sgemm is "
            + "no measure of the CPU (the products of a step are our own); OPENBLAS_CORETYPE=\(best == .v3 ? "Haswell" : "SkylakeX") "
            + "makes it fit"
    }

    /// GFLOP/s of single-threaded sgemm on every thread of the pool at once, on square matrices. Takes a tenth of a second.
    package static func measure(on pool: ThreadPool) -> Double {
        openblas_set_num_threads(1)
        let rounds = 4
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
        let start = SteadyClock.now()
        for _ in 0..<rounds { round() }
        let seconds = SteadyClock.now() - start
        return 2 * Double(count) * Double(size) * Double(pool.count * rounds) / seconds / 1e9
    }
}
