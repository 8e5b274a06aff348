import Kernels

/// A float32 matrix that owns its memory, with a fence of untouchable floats after every row: a kernel that writes past
/// the end of a row breaks the fence.
final class Grid: @unchecked Sendable {
    let rows: Int
    let columns: Int
    let stride: Int
    let pointer: UnsafeMutablePointer<Float>
    private static let post: Float = 12345.678
    private var length: Int { rows * stride + 8 }

    /// Every element zero; `gap` floats between the rows.
    init(_ rows: Int, _ columns: Int, gap: Int = 3) {
        (self.rows, self.columns, stride) = (rows, columns, columns + gap)
        pointer = .allocate(capacity: rows * (columns + gap) + 8)
        pointer.initialize(repeating: Grid.post, count: length)
        for row in 0..<rows { (pointer + row * stride).update(repeating: 0, count: columns) }
    }

    /// Random elements in ±scale.
    convenience init(_ rows: Int, _ columns: Int, gap: Int = 3, _ random: inout Random, scale: Float = 1) {
        self.init(rows, columns, gap: gap)
        for row in 0..<rows {
            for column in 0..<columns { self[row, column] = random.float() * scale }
        }
    }

    convenience init(_ values: [Float]) {
        self.init(1, values.count)
        for (column, value) in values.enumerated() { self[0, column] = value }
    }

    deinit { pointer.deallocate() }

    var matrix: Matrix { Matrix(pointer, rows: rows, columns: columns, stride: stride) }

    subscript(row: Int, column: Int) -> Float {
        get { pointer[row * stride + column] }
        set { pointer[row * stride + column] = newValue }
    }

    func copy() -> Grid {
        let copy = Grid(rows, columns, gap: stride - columns)
        copy.pointer.update(from: pointer, count: length)
        return copy
    }

    /// All elements, row after row.
    var floats: [Float] {
        (0..<rows).flatMap { row in (0..<columns).map { self[row, $0] } }
    }

    /// The same in double precision: what the slow twins work on.
    var values: [Double] { floats.map(Double.init) }

    /// Every bit of the memory, fence included.
    var bits: [UInt32] { (0..<length).map { pointer[$0].bitPattern } }

    var fenceHolds: Bool {
        (0..<rows).allSatisfy { row in (columns..<stride).allSatisfy { self[row, $0] == Grid.post } }
            && (rows * stride..<length).allSatisfy { pointer[$0] == Grid.post }
    }
}

/// A seeded generator (SplitMix64), so that every test sees the same numbers on every machine.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// In [−1, 1).
    mutating func float() -> Float { Float(Int64(bitPattern: next()) >> 40) * 0x1p-23 }

    mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }

    mutating func index(below count: Int) -> Int { Int(next() % UInt64(count)) }
}
