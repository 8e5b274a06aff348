import Checkpoints
import Kernels
import Modeling

/// A tensor of a GGUF file, and how its rows come out of a stored one.
struct GGUFTensor {
    let name: String
    let content: Content

    enum Content {
        case stored(ParameterTable.Parameter, RowOrder)
        case values([Float])
    }

    enum RowOrder {
        /// As the parameter vector has them.
        case same
        /// Rows of heads whose pairs (i, i + E/2) become neighbours, the layout of llama's own rotary positions.
        case neighbouringPairs(headWidth: Int)
    }

    /// [outputs, inputs] or [elements].
    var shape: [Int] {
        switch content {
        case .values(let values): [values.count]
        case .stored(let parameter, _):
            parameter.layout == .transposed ? parameter.shape.reversed() : parameter.shape
        }
    }

    /// Norms, biases and position tables stay float32, and rows that don't fill blocks become float16.
    func type(_ wanted: GGUFFile.TensorType) -> GGUFFile.TensorType {
        guard case .stored(let parameter, _) = content, parameter.shape.count > 1, name != "position_embd.weight" else {
            return .float32
        }
        let columns = shape[1]
        return wanted == .q8 && columns % BlockQuantization.blockElements != 0 ? .float16 : wanted
    }

    /// The stored row of an output row (see `TensorLayout`).
    private static func storedRow(
        _ row: Int, _ parameter: ParameterTable.Parameter, _ order: RowOrder
    ) -> Int {
        switch (order, parameter.layout) {
        case (.neighbouringPairs(let width), _):
            let (head, place) = row.quotientAndRemainder(dividingBy: width)
            return head * width + place % 2 * (width / 2) + place / 2
        case (.same, .byHead): return parameter.storedRow(ofVectorRow: row)
        default: return row
        }
    }

    /// Hands over the tensor's rows in order, a piece at a time, as float32.
    ///
    /// - Parameters:
    ///   - view: the stored tensor.
    ///   - offset: added to every element: 1 for norms that are counted from one.
    func pieces<Failure: Error>(
        of view: TensorView, _ parameter: ParameterTable.Parameter, _ order: RowOrder, offset: Float,
        _ body: (UnsafeMutablePointer<Float>, _ count: Int) throws(Failure) -> Void
    ) throws(Failure) {
        let transposed = parameter.layout == .transposed
        let (rows, columns) =
            transposed
            ? (parameter.shape[1], parameter.shape[0]) : (parameter.storedRows, parameter.storedColumns)
        let height = max(1, min(rows, (1 << 18) / columns))
        let piece = UnsafeMutablePointer<Float>.allocate(capacity: height * columns)
        let line = UnsafeMutablePointer<Float>.allocate(capacity: height)
        defer {
            piece.deallocate()
            line.deallocate()
        }
        for start in stride(from: 0, to: rows, by: height) {
            let count = min(height, rows - start)
            if transposed {
                for column in 0..<columns {
                    view.widen(from: column * rows + start, into: line, count: count)
                    for row in 0..<count { piece[row * columns + column] = line[row] }
                }
            } else {
                for row in 0..<count {
                    let source = GGUFTensor.storedRow(start + row, parameter, order)
                    view.widen(from: source * columns, into: piece + row * columns, count: columns)
                }
            }
            if offset != 0 { for i in 0..<count * columns { piece[i] += offset } }
            try body(piece, count * columns)
        }
    }
}
