/// A frozen matrix [N, K] (outputs × inputs) whose elements stay as a file stores them: they become float32 a tile at a
/// time, just before they are multiplied.
///
/// It is a view: whoever mapped the file keeps it mapped. Rows may come from up to three tensors of equal K, one below the
/// other (k and v, gate and up). As `Matrix`, it is handed to kernels that check nothing.
public struct StoredMatrix: Sendable {
    public let rows: Int
    public let columns: Int
    // Named one by one: an array would be an allocation, and its elements counted references.
    let first: StoredPart
    let second: StoredPart?
    let third: StoredPart?

    init(_ first: StoredPart, _ second: StoredPart? = nil, _ third: StoredPart? = nil) {
        (self.first, self.second, self.third) = (first, second, third)
        rows = first.rows + (second?.rows ?? 0) + (third?.rows ?? 0)
        columns = first.columns
    }

    /// Float32 elements at any address.
    /// - Parameter transposed: they are stored [columns, rows], as GPT-2's are.
    public static func float32(
        _ base: UnsafeRawPointer, rows: Int, columns: Int, transposed: Bool = false
    ) -> StoredMatrix {
        StoredMatrix(StoredPart(.float32(base), rows: rows, columns: columns, transposed: transposed))
    }

    public static func bfloat16(
        _ base: UnsafeRawPointer, rows: Int, columns: Int, transposed: Bool = false
    ) -> StoredMatrix {
        StoredMatrix(StoredPart(.bfloat16(base), rows: rows, columns: columns, transposed: transposed))
    }

    public static func float16(
        _ base: UnsafeRawPointer, rows: Int, columns: Int, transposed: Bool = false
    ) -> StoredMatrix {
        StoredMatrix(StoredPart(.float16(base), rows: rows, columns: columns, transposed: transposed))
    }

    /// Rows of `RowQuantization`, at any addresses: codes [rows, columns], and a float32 scale for each row.
    public static func int8(
        _ codes: UnsafeRawPointer, scales: UnsafeRawPointer, rows: Int, columns: Int
    ) -> StoredMatrix {
        let rowwise = QuantizedRows(codes: codes, scales: scales)
        return StoredMatrix(StoredPart(.int8(rowwise), rows: rows, columns: columns, transposed: false))
    }

    /// Blocks of `NormalFloat`, at any addresses.
    ///
    /// - Parameters:
    ///   - codes: of the elements, row after row, two in each byte.
    ///   - scaleCodes: a byte for each 64 elements.
    ///   - outerScales: float32 for each 256 of them.
    ///   - scaleMean: added to every scale.
    public static func normalFloat(
        _ codes: UnsafeRawPointer, scaleCodes: UnsafeRawPointer, outerScales: UnsafeRawPointer, scaleMean: Float,
        rows: Int, columns: Int
    ) -> StoredMatrix {
        let blocks = NormalFloatBlocks(
            codes: codes, scaleCodes: scaleCodes, outerScales: outerScales, scaleMean: scaleMean)
        return StoredMatrix(StoredPart(.normalFloat(blocks), rows: rows, columns: columns, transposed: false))
    }

    /// - Parameter rows: a multiple of 32 / bits, and so is the number of columns.
    public static func grouped(_ integers: GroupedIntegers, rows: Int, columns: Int) -> StoredMatrix {
        StoredMatrix(StoredPart(.grouped(integers), rows: rows, columns: columns, transposed: true))
    }

    /// Matrices of equal K, one below the other.
    /// - Parameter matrices: together at most three tensors, and at least one.
    public init(stacking matrices: [StoredMatrix]) {
        let parts = matrices.flatMap { [$0.first, $0.second, $0.third].compactMap(\.self) }
        precondition(1...3 ~= parts.count && parts.allSatisfy { $0.columns == parts[0].columns })
        self.init(parts[0], parts.count > 1 ? parts[1] : nil, parts.count > 2 ? parts[2] : nil)
    }

    /// Some of the rows.
    public func rows(_ range: Range<Int>) -> StoredMatrix {
        var (parts, start) = ([StoredPart](), 0)
        for part in [first, second, third].compactMap(\.self) {
            let here = range.clamped(to: start..<start + part.rows)
            if !here.isEmpty { parts.append(part.rows(here.lowerBound - start..<here.upperBound - start)) }
            start += part.rows
        }
        if parts.isEmpty { parts.append(first.rows(0..<0)) }
        return StoredMatrix(parts[0], parts.count > 1 ? parts[1] : nil, parts.count > 2 ? parts[2] : nil)
    }

    /// The rows of a tensor that is stored head by head, each head's part after part (q, k, v), as rows part by part, each
    /// part's head after head. The matrix is one whole tensor.
    public func partByPart(heads: Int, parts: Int) -> StoredMatrix {
        StoredMatrix(first.partByPart(heads: heads, parts: parts))
    }

    /// A block of the matrix as float32.
    ///
    /// - Parameters:
    ///   - target: row-major, rows `stride` floats apart.
    public func widen(
        rows: Range<Int>, columns: Range<Int>, into target: UnsafeMutablePointer<Float>, stride: Int
    ) {
        widen(rows, columns, columnsApart: false, into: target, stride)
    }

    /// Whether the elements of a column, not of a row, lie side by side in the file.
    var isTransposed: Bool { first.isTransposed }

    /// - Parameter columnsApart: the target's lines are columns, `stride` floats apart; else rows.
    @inline(__always)
    func widen(
        _ rows: Range<Int>, _ columns: Range<Int>, columnsApart: Bool, into target: UnsafeMutablePointer<Float>,
        _ stride: Int
    ) {
        var start = 0
        func put(_ part: StoredPart) {
            let here = rows.clamped(to: start..<start + part.rows)
            if !here.isEmpty {
                let place = here.lowerBound - rows.lowerBound
                part.widen(
                    here.lowerBound - start..<here.upperBound - start, columns, columnsApart: columnsApart,
                    into: target + (columnsApart ? place : place * stride), stride)
            }
            start += part.rows
        }
        put(first)
        if let second { put(second) }
        if let third { put(third) }
    }

    /// The elements where they lie, if they are aligned float32 of one tensor in its own order.
    var operand: Operand? {
        guard second == nil, case .float32(let base) = first.elements, !first.isByHead,
            UInt(bitPattern: base) % UInt(MemoryLayout<Float>.alignment) == 0
        else { return nil }
        let floats = base.assumingMemoryBound(to: Float.self)
        return isTransposed
            ? Operand(floats + first.start, lineStride: 1, depthStride: first.lineLength)
            : Operand(floats + first.start * columns, lineStride: columns, depthStride: 1)
    }

    /// Whether every element is finite.
    public func isFinite(on pool: ThreadPool) -> Bool {
        let width = 256
        let pieces = (columns + width - 1) / width
        let height = 64
        let strips = (rows + height - 1) / height
        let verdicts = UnsafeMutablePointer<Bool>.allocate(capacity: strips)
        defer { verdicts.deallocate() }
        pool.run(strips) { (strip: Int) in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: height * width) { block in
                guard let base = block.baseAddress else { return }
                let lines = strip * height..<min(rows, (strip + 1) * height)
                var finite = true
                for piece in 0..<pieces {
                    let range = piece * width..<min(columns, (piece + 1) * width)
                    widen(rows: lines, columns: range, into: base, stride: range.count)
                    finite = finite && Conversion.isFinite(base, count: lines.count * range.count)
                }
                verdicts[strip] = finite
            }
        }
        return (0..<strips).allSatisfy { verdicts[$0] }
    }
}
