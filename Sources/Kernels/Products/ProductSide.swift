/// One side of a product, from which panels are packed: floats in memory, or a stored matrix that is widened on the way.
protocol ProductSide {
    /// Packs some lines and the panels' depths of this side.
    ///
    /// - Parameters:
    ///   - range: the lines, counted from `first`; it begins at a multiple of the panels' width.
    ///   - lines: how many of the lines from `first` on are packed into these panels in all.
    ///   - depth: where the panels' depths begin.
    ///   - scratch: `StoredSide.scratchCount` floats of the calling thread.
    func pack(
        _ range: Range<Int>, of lines: Int, first: Int, depth: Int, into panels: Panels,
        scratch: UnsafeMutablePointer<Float>)
}

extension Operand: ProductSide {
    @inline(__always)
    func pack(
        _ range: Range<Int>, of lines: Int, first: Int, depth: Int, into panels: Panels,
        scratch: UnsafeMutablePointer<Float>
    ) {
        panels.pack(from(line: first, depth: depth), range, of: lines)
    }
}

/// A stored matrix as one side of a product: its rows are the lines, or its columns.
struct StoredSide: ProductSide {
    let matrix: StoredMatrix
    let linesAreRows: Bool

    init(rowsOf matrix: StoredMatrix) { (self.matrix, linesAreRows) = (matrix, true) }

    init(columnsOf matrix: StoredMatrix) { (self.matrix, linesAreRows) = (matrix, false) }

    /// What is widened at a time stays in the first cache: a panel's lines with all their depths, or so many depths of all
    /// lines.
    private static let depthsAtOnce = 16
    static let scratchCount = max(
        PanelProduct.columns * scratchStride(MatrixProduct.longestPart),
        depthsAtOnce * scratchStride(MatrixProduct.mostLines))

    /// Not a large power of two, whose multiples would share few places of the cache.
    private static func scratchStride(_ floats: Int) -> Int { (floats + 7) / 8 * 8 + 8 }

    func pack(
        _ range: Range<Int>, of lines: Int, first: Int, depth: Int, into panels: Panels,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let depths = depth..<depth + panels.depth
        if linesAreRows != matrix.isTransposed {
            let stride = StoredSide.scratchStride(panels.depth)
            for line in Swift.stride(from: range.lowerBound, to: range.upperBound, by: panels.width) {
                let count = min(panels.width, lines - line)
                widen(first + line..<first + line + count, depths, linesApart: true, into: scratch, stride)
                panels.from(line: line).pack(
                    Operand(scratch, lineStride: stride, depthStride: 1), 0..<count, of: count)
            }
        } else {
            let stride = StoredSide.scratchStride(range.count)
            let target = panels.from(line: range.lowerBound)
            for start in Swift.stride(from: 0, to: panels.depth, by: StoredSide.depthsAtOnce) {
                let here = start..<min(panels.depth, start + StoredSide.depthsAtOnce)
                widen(
                    first + range.lowerBound..<first + range.upperBound,
                    depth + here.lowerBound..<depth + here.upperBound, linesApart: false, into: scratch, stride)
                target.depths(here).pack(
                    Operand(scratch, lineStride: 1, depthStride: stride), 0..<range.count, of: range.count)
            }
        }
    }

    @inline(__always)
    private func widen(
        _ lines: Range<Int>, _ depths: Range<Int>, linesApart: Bool, into target: UnsafeMutablePointer<Float>,
        _ stride: Int
    ) {
        if linesAreRows {
            matrix.widen(lines, depths, columnsApart: !linesApart, into: target, stride)
        } else {
            matrix.widen(depths, lines, columnsApart: linesApart, into: target, stride)
        }
    }
}

/// A side of a product with more depths after its own: of A B + A' B' both sides have those of A' and B'.
struct ExtendedSide<Side: ProductSide>: ProductSide {
    let side: Side
    /// Its own depths.
    let depth: Int
    let tail: Operand

    init(_ side: Side, depth: Int, tail: Operand) { (self.side, self.depth, self.tail) = (side, depth, tail) }

    func pack(
        _ range: Range<Int>, of lines: Int, first: Int, depth start: Int, into panels: Panels,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let own = max(0, min(panels.depth, depth - start))
        if own > 0 {
            side.pack(range, of: lines, first: first, depth: start, into: panels.depths(0..<own), scratch: scratch)
        }
        if own < panels.depth {
            tail.pack(
                range, of: lines, first: first, depth: max(0, start - depth), into: panels.depths(own..<panels.depth),
                scratch: scratch)
        }
    }
}
