import Kernels
import Testing

@Suite struct EmbeddingTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var width: Int
        var scale: Float = 1
        var positions = false
        var testDescription: String { "width \(width), scale \(scale)\(positions ? ", learned positions" : "")" }
    }

    static let shapes = [
        Shape(width: 1), Shape(width: 9), Shape(width: 8, scale: 2.5), Shape(width: 21, positions: true),
        Shape(width: 21, scale: 0.5, positions: true),
    ]
    let tokens: [Int32] = [3, 0, 3, 5, 1]
    let places: [Int32] = [0, 1, 2, 0, 1]

    private func twin(_ table: [Double], _ positions: [Double], _ shape: Shape) -> [Double] {
        zip(tokens, places).flatMap { token, place in
            (0..<shape.width).map { i in
                table[Int(token) * shape.width + i] * Double(shape.scale)
                    + (shape.positions ? positions[Int(place) * shape.width + i] : 0)
            }
        }
    }

    @Test("embeddings and their gradients equal their definitions", arguments: shapes)
    func bothWays(_ shape: Shape) {
        var random = Random(1)
        let (table, positions) = (Grid(6, shape.width, &random), Grid(3, shape.width, &random))
        let (y, dy) = (Grid(5, shape.width), Grid(5, shape.width, &random))
        let (dTable, dPositions) = (Grid(6, shape.width, &random), Grid(3, shape.width, &random))
        let (startTable, startPositions, upstream) = (dTable.floats, dPositions.floats, dy.values)
        let pool = ThreadPool(count: 2)
        Embedding.forward(
            table.matrix, tokens, scale: shape.scale, into: y.matrix, on: pool)
        if shape.positions {
            Embedding.add(positions.matrix, places, into: y.matrix, on: pool)
            Embedding.backward(dy.matrix, places, scale: 1, into: dPositions.matrix, on: pool)
        }
        Embedding.backward(dy.matrix, tokens, scale: shape.scale, into: dTable.matrix, on: pool)
        let (tables, rows) = (table.values, positions.values)
        #expect(deviation(y, from: twin(tables, rows, shape)) < 1e-6)
        #expect(dTable.fenceHolds && dPositions.fenceHolds)
        let gradient = zip(dTable.floats, startTable).map { $0 - $1 }
        #expect(deviation(ofGradient: gradient, at: tables) { inner(twin($0, rows, shape), upstream) } < 1e-5)
        let places = zip(dPositions.floats, startPositions).map { $0 - $1 }
        let off = deviation(ofGradient: places, at: rows) { inner(twin(tables, $0, shape), upstream) }
        #expect(shape.positions ? off < 1e-5 : places.allSatisfy { $0 == 0 })
    }
}
