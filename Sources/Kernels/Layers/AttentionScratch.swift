import CKernels

/// One thread's buffers for a tile, cut from its scratch memory.
struct AttentionScratch {
    /// [rows, stride] each
    let probabilities: UnsafeMutablePointer<Float>
    let derivatives: UnsafeMutablePointer<Float>
    let keyLines: UnsafeMutablePointer<Float>
    let valueLines: UnsafeMutablePointer<Float>
    /// Rows of v or k, one part of the keys after the other.
    let depths: UnsafeMutablePointer<Float>
    let queries: UnsafeMutablePointer<Float>
    /// [rows]
    let shares: UnsafeMutablePointer<Float>
    /// Floats from one row of scores to the next.
    let stride: Int
    let count: Int
    let depthPartCount: Int

    /// - Parameter product: nil: room enough for any level's.
    init(_ base: UnsafeMutablePointer<Float>?, keys: Int, width: Int, _ product: prefopt_product? = nil) {
        var cutter = base.map { Cutter($0) } ?? Cutter()
        func count(lines: Int, depth: Int) -> Int {
            product.map { Panels.count(lines: lines, depth: depth, side: prefopt_side_b, $0) }
                ?? Panels.mostFloats(lines: lines, depth: depth)
        }
        // An odd number of cache lines: rows a power of two apart would fall on each other in the caches.
        stride = (AttentionScratch.padded(keys, to: product.map { Int($0.columns) } ?? 32) / 16 | 1) * 16
        let lines = count(lines: keys, depth: width)
        let parts = (keys + AttentionTile.longestPart - 1) / AttentionTile.longestPart
        depthPartCount = count(lines: width, depth: AttentionTile.longestPart)
        probabilities = cutter.take(AttentionTile.rows * stride)
        derivatives = cutter.take(AttentionTile.rows * stride)
        keyLines = cutter.take(lines)
        valueLines = cutter.take(lines)
        depths = cutter.take(parts * depthPartCount)
        queries = cutter.take(count(lines: width, depth: AttentionTile.rows))
        shares = cutter.take(AttentionTile.rows)
        self.count = cutter.count
    }

    func depths(_ part: Int) -> UnsafeMutablePointer<Float> { depths + part * depthPartCount }

    /// Whole panels of keys.
    static func padded(_ keys: Int, to columns: Int) -> Int { (keys + columns - 1) / columns * columns }
}
