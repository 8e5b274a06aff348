import CKernels

/// A frozen matrix [N, K] (outputs × inputs) whose elements stay as a file stores them: they become float32 a tile at a
/// time, just before they are multiplied.
///
/// It is a view, of a whole tensor or of some of its rows: whoever mapped the file keeps it mapped. As `Matrix`, it is handed
/// to kernels that check nothing.
package struct StoredMatrix: @unchecked Sendable {
    enum Elements {
        case float32(UnsafeRawPointer)
        case bfloat16(UnsafeRawPointer)
        case float16(UnsafeRawPointer)
        case int8(QuantizedRows)
        case normalFloat(NormalFloatBlocks)
        /// Always transposed.
        case grouped(GroupedIntegers)
        /// A copy for decoding.
        case packed(PackedLines)
    }

    package let rows: Int
    package let columns: Int
    let elements: Elements
    /// The first row's place among the tensor's.
    let start: Int
    /// Rows of the whole tensor.
    let tensorRows: Int
    /// Whether the elements of a column, not of a row, lie side by side in the file.
    package let isTransposed: Bool
    /// Of rows stored head by head, to be seen part by part: how many heads and parts.
    let (heads, parts): (Int, Int)

    private init(_ elements: Elements, rows: Int, columns: Int, transposed: Bool) {
        (self.elements, self.rows, self.columns, isTransposed) = (elements, rows, columns, transposed)
        (start, tensorRows, heads, parts) = (0, rows, 1, 1)
    }

    private init(_ whole: StoredMatrix, rows: Range<Int>, heads: Int, parts: Int) {
        (elements, columns, isTransposed) = (whole.elements, whole.columns, whole.isTransposed)
        (start, self.rows, tensorRows) = (whole.start + rows.lowerBound, rows.count, whole.tensorRows)
        (self.heads, self.parts) = (heads, parts)
    }

    init(packed lines: PackedLines, rows: Int) {
        self.init(.packed(lines), rows: rows, columns: lines.depth, transposed: false)
    }

    /// Float32 elements at any address.
    /// - Parameter transposed: they are stored [columns, rows], as GPT-2's are.
    package static func float32(
        _ base: UnsafeRawPointer, rows: Int, columns: Int, transposed: Bool = false
    ) -> StoredMatrix {
        StoredMatrix(.float32(base), rows: rows, columns: columns, transposed: transposed)
    }

    package static func bfloat16(
        _ base: UnsafeRawPointer, rows: Int, columns: Int, transposed: Bool = false
    ) -> StoredMatrix {
        StoredMatrix(.bfloat16(base), rows: rows, columns: columns, transposed: transposed)
    }

    package static func float16(
        _ base: UnsafeRawPointer, rows: Int, columns: Int, transposed: Bool = false
    ) -> StoredMatrix {
        StoredMatrix(.float16(base), rows: rows, columns: columns, transposed: transposed)
    }

    /// Rows of `RowQuantization`, at any addresses: codes [rows, columns], and a float32 scale for each row.
    package static func int8(
        _ codes: UnsafeRawPointer, scales: UnsafeRawPointer, rows: Int, columns: Int
    ) -> StoredMatrix {
        let rowwise = QuantizedRows(codes: codes, scales: scales)
        return StoredMatrix(.int8(rowwise), rows: rows, columns: columns, transposed: false)
    }

    /// Blocks of `NormalFloat`, at any addresses.
    ///
    /// - Parameters:
    ///   - codes: of the elements, row after row, two in each byte.
    ///   - scaleCodes: a byte for each 64 elements.
    ///   - outerScales: float32 for each 256 of them.
    ///   - scaleMean: added to every scale.
    package static func normalFloat(
        _ codes: UnsafeRawPointer, scaleCodes: UnsafeRawPointer, outerScales: UnsafeRawPointer, scaleMean: Float,
        rows: Int, columns: Int
    ) -> StoredMatrix {
        let blocks = NormalFloatBlocks(
            codes: codes, scaleCodes: scaleCodes, outerScales: outerScales, scaleMean: scaleMean)
        return StoredMatrix(.normalFloat(blocks), rows: rows, columns: columns, transposed: false)
    }

    /// - Parameter rows: a multiple of 32 / bits, and so is the number of columns.
    package static func grouped(_ integers: GroupedIntegers, rows: Int, columns: Int) -> StoredMatrix {
        StoredMatrix(.grouped(integers), rows: rows, columns: columns, transposed: true)
    }

    /// Some of the rows.
    package func rows(_ range: Range<Int>) -> StoredMatrix {
        StoredMatrix(self, rows: range, heads: heads, parts: parts)
    }

    /// The rows of a tensor that is stored head by head, each head's part after part (q, k, v), as rows part by part, each
    /// part's head after head. The matrix is one whole tensor.
    package func partByPart(heads: Int, parts: Int) -> StoredMatrix {
        StoredMatrix(self, rows: 0..<rows, heads: heads, parts: parts)
    }

    /// A block of the matrix as float32.
    ///
    /// - Parameters:
    ///   - target: row-major, rows `stride` floats apart.
    package func widen(
        rows: Range<Int>, columns: Range<Int>, into target: UnsafeMutablePointer<Float>, stride: Int
    ) {
        widen(rows, columns, columnsApart: false, into: target, stride)
    }

    /// Whether rows are seen in another order than the tensor's.
    var isByHead: Bool { parts > 1 }

    /// Rows of a part of a head.
    var partHeight: Int { tensorRows / (heads * parts) }

    /// A row's place among the tensor's.
    func tensorRow(_ row: Int) -> Int {
        guard isByHead else { return start + row }
        let (place, element) = (start + row).quotientAndRemainder(dividingBy: partHeight)
        let (part, head) = place.quotientAndRemainder(dividingBy: heads)
        return (head * parts + part) * partHeight + element
    }

    /// Elements that lie side by side.
    var lineLength: Int { isTransposed ? tensorRows : columns }

    /// The stored lines from an element on, for kernels that widen them on the way; nil where these can't: rows in another
    /// order than the tensor's, four bits, grouped integers, packed lines.
    func stored(row: Int, column: Int) -> prefopt_rows? {
        guard !isByHead else { return nil }
        let (line, place) = isTransposed ? (column, start + row) : (start + row, column)
        let element = line * lineLength + place
        func rows(_ base: UnsafeRawPointer, _ bytes: Int, _ elements: prefopt_elements) -> prefopt_rows {
            prefopt_rows(base: base + bytes * element, factors: nil, stride: lineLength, elements: elements)
        }
        switch elements {
        case .float32(let base): return rows(base, 4, prefopt_float32)
        case .bfloat16(let base): return rows(base, 2, prefopt_bfloat16)
        case .float16(let base): return rows(base, 2, prefopt_float16)
        case .int8(let quantized):
            return prefopt_rows(
                base: quantized.codes + element, factors: quantized.scales + 4 * line, stride: lineLength,
                elements: prefopt_int8)
        case .normalFloat, .grouped, .packed: return nil
        }
    }

    /// The copy for decoding that the matrix is, from its first row on.
    var packedLines: PackedLines? {
        if case .packed(let lines) = elements, start == 0 { lines } else { nil }
    }

    /// Whether every element is finite.
    package func isFinite(on pool: ThreadPool) -> Bool {
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
