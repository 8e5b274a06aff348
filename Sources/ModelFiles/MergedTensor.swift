import Checkpoints
import Kernels
import Modeling

/// A tensor of a merged model: what it is made of, computed a piece at a time.
struct MergedTensor {
    let name: String
    let shape: [Int]
    let elementType: ElementType
    let content: Content

    enum Content {
        /// As it came, byte by byte.
        case copied(TensorView)
        /// Σ wᵢ Tᵢ
        case sum([(weight: Double, tensor: MergeBase.Source)])
        case adapted(AdaptedMatrix)
    }

    private static let pieceElements = 1 << 20

    /// Writes the tensor.
    ///
    /// - Parameters:
    ///   - owner: the directory to name in messages.
    ///   - release: called now and then to let go of what was read.
    /// - Throws: `ModelError` for a result that isn't finite in its type; `CheckpointError`; `MemoryError`.
    func write(
        to writer: inout SafetensorsWriter, owner: String, on pool: ThreadPool, release: () -> Void
    ) throws {
        if case .copied(let view) = content {
            for start in stride(from: 0, to: view.bytes.count, by: 4 * MergedTensor.pieceElements) {
                let end = min(view.bytes.count, start + 4 * MergedTensor.pieceElements)
                try writer.write(UnsafeRawBufferPointer(rebasing: view.bytes[start..<end]))
                release()
            }
            return
        }
        let (rows, columns) = (shape.first ?? 1, shape.dropFirst().reduce(1, *))
        guard rows * columns > 0 else { return }
        let height = max(1, min(rows, MergedTensor.pieceElements / columns))
        let memory = try Memory(bytes: 4 * height * columns)
        let piece = Matrix(memory.bind(to: Float.self).baseAddress!, rows: height, columns: columns)
        var prepared: AdaptedMatrix.Prepared?
        if case .adapted(let matrix) = content { prepared = try matrix.prepared(pieceRows: height, on: pool) }
        for start in stride(from: 0, to: rows, by: height) {
            let range = start..<min(rows, start + height)
            let part = piece.rows(0..<range.count)
            switch content {
            case .copied: break
            case .sum(let terms): MergedTensor.sum(terms, from: start * columns, into: part, on: pool)
            case .adapted: prepared?.compute(range, into: part, on: pool)
            }
            try MergedTensor.put(part, of: name, as: elementType, into: &writer, owner: owner)
            release()
        }
    }

    private static func sum(
        _ terms: [(weight: Double, tensor: MergeBase.Source)], from start: Int, into piece: Matrix, on pool: ThreadPool
    ) {
        let (count, size) = (piece.rows * piece.columns, 1 << 14)
        pool.run((count + size - 1) / size) { (item: Int) in
            let range = item * size..<min(count, (item + 1) * size)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) { wide in
                withUnsafeTemporaryAllocation(of: Double.self, capacity: range.count) { total in
                    guard let wide = wide.baseAddress, let total = total.baseAddress else { return }
                    total.update(repeating: 0, count: range.count)
                    for term in terms {
                        term.tensor.widen(from: start + range.lowerBound, into: wide, count: range.count)
                        for i in 0..<range.count { total[i] += term.weight * Double(wide[i]) }
                    }
                    let target = piece.base + range.lowerBound
                    for i in 0..<range.count { target[i] = Float(total[i]) }
                }
            }
        }
    }

    /// Writes finished numbers in the tensor's type.
    static func put(
        _ piece: Matrix, of name: String, as type: ElementType, into writer: inout SafetensorsWriter, owner: String
    ) throws {
        let count = piece.rows * piece.columns
        guard Conversion.isFinite(piece.base, count: count) else {
            throw ModelError.nonFinite(directory: owner, name: name)
        }
        guard type != .float32 else {
            return try writer.write(UnsafeRawBufferPointer(start: piece.base, count: 4 * count))
        }
        // The smallest number that rounds to infinity.
        if type == .float16, (0..<count).contains(where: { abs(piece.base[$0]) >= 65520 }) {
            throw ModelError.inconsistent(
                file: owner,
                reason: "merged, \"\(name)\" holds numbers too large for float16; use --dtype bfloat16 or float32")
        }
        let memory = try Memory(bytes: 2 * count)
        let narrow = memory.bind(to: UInt16.self).baseAddress!
        if type == .float16 {
            Conversion.toFloat16(piece.base, into: narrow, count: count)
        } else {
            Conversion.toBFloat16(piece.base, into: narrow, count: count)
        }
        try writer.write(UnsafeRawBufferPointer(start: narrow, count: 2 * count))
    }
}
