import CKernels

/// One side of a product, from which panels are packed: floats in memory, or a stored matrix that is widened on the way.
protocol ProductSide {
    /// Packs some lines and depths of this side.
    ///
    /// - Parameters:
    ///   - range: the lines, counted from `first`, of which the panels have all; it begins at a multiple of their width.
    ///   - depths: of this side.
    ///   - place: where they begin among the panels' depths.
    ///   - scratch: `StoredSide.scratchCount` floats of the calling thread.
    func pack(
        _ range: Range<Int>, first: Int, _ depths: Range<Int>, into panels: Panels, at place: Int,
        scratch: UnsafeMutablePointer<Float>)
}

extension Operand: ProductSide {
    @inline(__always)
    func pack(
        _ range: Range<Int>, first: Int, _ depths: Range<Int>, into panels: Panels, at place: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        panels.from(line: range.lowerBound).pack(
            from(line: first + range.lowerBound, depth: depths.lowerBound), lines: range.count,
            depths: place..<place + depths.count)
    }
}

extension StoredMatrix {
    /// The elements where they lie, if they are aligned float32 in the tensor's own order.
    var operand: Operand? {
        guard case .float32(let base) = elements, !isByHead,
            UInt(bitPattern: base) % UInt(MemoryLayout<Float>.alignment) == 0
        else { return nil }
        let floats = base.assumingMemoryBound(to: Float.self)
        return isTransposed
            ? Operand(floats + start, lineStride: 1, depthStride: lineLength)
            : Operand(floats + start * columns, lineStride: columns, depthStride: 1)
    }
}

/// A stored matrix as one side of a product: its rows are the lines, or its columns.
struct StoredSide: ProductSide {
    let matrix: StoredMatrix
    let linesAreRows: Bool

    init(rowsOf matrix: StoredMatrix) { (self.matrix, linesAreRows) = (matrix, true) }

    init(columnsOf matrix: StoredMatrix) { (self.matrix, linesAreRows) = (matrix, false) }

    /// The depths of all lines that are widened at a time: they stay in the first cache, as a panel's lines do with all
    /// their depths.
    private static let depthsAtOnce = 16
    static let scratchCount = max(
        (CPULevel.products.map { Int($0.columns) }.max() ?? 0) * scratchStride(MatrixProduct.longestPart),
        depthsAtOnce * scratchStride(MatrixProduct.mostLines))

    /// Not a large power of two, whose multiples would share few places of the cache.
    private static func scratchStride(_ floats: Int) -> Int { (floats + 7) / 8 * 8 + 8 }

    func pack(
        _ range: Range<Int>, first: Int, _ depths: Range<Int>, into panels: Panels, at place: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let target = panels.from(line: range.lowerBound)
        let lines = first + range.lowerBound..<first + range.upperBound
        let places = place..<place + depths.count
        // Most kinds the kernels read as they are stored.
        let (row, column) = linesAreRows ? (lines, depths) : (depths, lines)
        if let stored = matrix.stored(row: row.lowerBound, column: column.lowerBound) {
            if linesAreRows != matrix.isTransposed {
                return target.pack(rows: stored, lines: lines.count, depths: places)
            }
            return target.pack(columns: stored, lines: lines.count, depths: places)
        }
        if linesAreRows, let packed = matrix.packedLines, packed.width == target.width {
            for line in Swift.stride(from: 0, to: lines.count, by: packed.width) {
                let panel = (lines.lowerBound + line) / packed.width
                target.from(line: line).pack(
                    columns: packed.depths(panel: panel, from: depths.lowerBound),
                    lines: min(packed.width, lines.count - line), depths: places)
            }
            return
        }
        if linesAreRows != matrix.isTransposed {
            let stride = StoredSide.scratchStride(depths.count)
            for line in Swift.stride(from: 0, to: lines.count, by: panels.width) {
                let count = min(panels.width, lines.count - line)
                let start = lines.lowerBound + line
                widen(start..<start + count, depths, linesApart: true, into: scratch, stride)
                target.from(line: line).pack(
                    rows: .float32(scratch, stride: stride), lines: count, depths: places)
            }
        } else {
            let stride = StoredSide.scratchStride(lines.count)
            for start in Swift.stride(from: 0, to: depths.count, by: StoredSide.depthsAtOnce) {
                let here = start..<min(depths.count, start + StoredSide.depthsAtOnce)
                widen(
                    lines, depths.lowerBound + here.lowerBound..<depths.lowerBound + here.upperBound, linesApart: false,
                    into: scratch, stride)
                target.pack(
                    columns: .float32(scratch, stride: stride), lines: lines.count,
                    depths: place + here.lowerBound..<place + here.upperBound)
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
        _ range: Range<Int>, first: Int, _ depths: Range<Int>, into panels: Panels, at place: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let own = depths.clamped(to: 0..<depth)
        if !own.isEmpty { side.pack(range, first: first, own, into: panels, at: place, scratch: scratch) }
        let more = max(0, depths.lowerBound - depth)..<max(0, depths.upperBound - depth)
        if !more.isEmpty {
            tail.pack(range, first: first, more, into: panels, at: place + own.count, scratch: scratch)
        }
    }
}
