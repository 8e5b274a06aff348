/// A view of a row-major float32 matrix that somebody else owns: `rows` × `columns`, rows `stride` floats apart.
///
/// Kernels take views and check nothing: shapes are checked once, where the arena is cut.
public struct Matrix: @unchecked Sendable {
    public let base: UnsafeMutablePointer<Float>
    public let rows: Int
    public let columns: Int
    public let stride: Int

    @inlinable
    public init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    /// The address of a row's first element.
    @inlinable
    public func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * stride }

    /// Some of the rows.
    @inlinable
    public func rows(_ range: Range<Int>) -> Matrix {
        Matrix(base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    /// Some of the columns, as a strided view.
    @inlinable
    public func columns(_ range: Range<Int>) -> Matrix {
        Matrix(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }
}
