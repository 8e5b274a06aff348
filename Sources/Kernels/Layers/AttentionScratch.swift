/// What one thread needs for a tile, cut from its scratch buffer.
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
    private let width: Int

    init(_ base: UnsafeMutablePointer<Float>?, keys: Int, width: Int) {
        var cutter = base.map { Cutter($0) } ?? Cutter()
        // An odd number of cache lines: rows a power of two apart would fall on each other in the caches.
        stride = (AttentionScratch.padded(keys) / 16 | 1) * 16
        self.width = width
        let lines = Panels.count(lines: keys, depth: width, width: PanelProduct.columns)
        let parts = (keys + AttentionTile.longestPart - 1) / AttentionTile.longestPart
        probabilities = cutter.take(AttentionTile.rows * stride)
        derivatives = cutter.take(AttentionTile.rows * stride)
        keyLines = cutter.take(lines)
        valueLines = cutter.take(lines)
        depths = cutter.take(parts * AttentionScratch.depthPartCount(width: width))
        queries = cutter.take(Panels.count(lines: width, depth: AttentionTile.rows, width: PanelProduct.columns))
        shares = cutter.take(AttentionTile.rows)
        count = cutter.count
    }

    func depths(_ part: Int) -> UnsafeMutablePointer<Float> {
        depths + part * AttentionScratch.depthPartCount(width: width)
    }

    static func depthPartCount(width: Int) -> Int {
        Panels.count(lines: width, depth: AttentionTile.longestPart, width: PanelProduct.columns)
    }

    /// Whole panels of keys.
    static func padded(_ keys: Int) -> Int {
        (keys + PanelProduct.columns - 1) / PanelProduct.columns * PanelProduct.columns
    }
}
