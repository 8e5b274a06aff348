/// The bandwidth of the memory to all threads of a pool together: the floor under what reads each weight once.
package enum MemoryBandwidth {
    /// Far more than the caches hold.
    private static let bytes = 256 << 20

    /// Bytes per second of reading an array from one end to the other, at its best of a few times.
    ///
    /// - Throws: `MemoryError`.
    package static func measure(on pool: ThreadPool) throws(MemoryError) -> Double {
        let memory = try Memory(bytes: bytes, touchedBy: pool)
        guard let base = memory.bind(to: Float.self).baseAddress else { return 0 }
        // Each thread's own stretch, as long as a run of pages that it reads ahead.
        let stretch = 1 << 20
        let sums = UnsafeMutablePointer<Float>.allocate(capacity: bytes / 4 / stretch)
        defer { sums.deallocate() }
        let clock = ContinuousClock()
        let times = (0..<4).map { _ in
            clock.measure {
                pool.run(bytes / 4 / stretch) { (item: Int) in sums[item] = sum(base + item * stretch, stretch) }
            }
        }
        guard let best = times.min() else { return 0 }
        return Double(bytes) / (best / .seconds(1))
    }

    private static func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
        var (a, b, c, d) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        for i in stride(from: 0, to: count, by: 32) {
            a += Vector(from: x + i)
            b += Vector(from: x + i + 8)
            c += Vector(from: x + i + 16)
            d += Vector(from: x + i + 24)
        }
        return (a + b + (c + d)).total
    }
}
