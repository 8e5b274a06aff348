import CKernels

/// y = x Wᵀ for few rows of x and a W that was packed before: its panels are read from memory once, two at a time. Every bit
/// is that of `MatrixProduct`.
enum PackedRows {
    /// Panels that are read side by side.
    private static let together = 2
    /// Items of work for each thread, which whoever is ready takes: a late one holds up little.
    private static let items = 8

    /// One of the maps that the same rows go through: y [T, N] = x [T, K] Wᵀ, or y += …
    struct Product {
        let lines: PackedLines
        let y: Matrix
        let adding: Bool

        /// Pairs of panels, the last of which may be a single one, or hang over the edge.
        fileprivate var pairs: Int { (y.columns + together * lines.width - 1) / (together * lines.width) }
    }

    /// All of some products of the same rows.
    static func run(_ x: Matrix, _ products: UnsafeBufferPointer<Product>, on pool: ThreadPool) {
        let parts = MatrixProduct.Parts(depth: x.columns, tail: 0, unit: 8)
        let pairs = products.reduce(0) { $0 + $1.pairs }
        pool.chunks(of: pairs, size: max(1, pairs / (items * pool.count))) { range in
            var (number, first) = (0, 0)
            for pair in range {
                while pair - first >= products[number].pairs {
                    first += products[number].pairs
                    number += 1
                }
                multiply(x, products[number], pair: pair - first, parts, pool)
            }
        }
    }

    private static func multiply(
        _ x: Matrix, _ product: Product, pair: Int, _ parts: MatrixProduct.Parts, _ pool: ThreadPool
    ) {
        let (lines, y) = (product.lines, product.y)
        let first = pair * together * lines.width
        let rest = y.columns - first
        let panels = min(together, (rest + lines.width - 1) / lines.width)
        func multiply(into target: Matrix) {
            for part in 0..<parts.count {
                let depths = parts[part]
                pool.kernels.multiply_packed(
                    x.base + depths.lowerBound, x.stride, x.rows,
                    lines.from(panel: pair * together, depth: depths.lowerBound), Int32(panels), depths.count,
                    target.base, target.stride, product.adding || part > 0 ? 1 : 0)
            }
        }
        let width = panels * lines.width
        guard rest < width else { return multiply(into: y.columns(first..<first + width)) }
        // Beside the result, since the last panel hangs over its edge.
        withUnsafeTemporaryAllocation(of: Float.self, capacity: x.rows * width) { room in
            guard let base = room.baseAddress else { return }
            room.update(repeating: 0)
            let beside = Matrix(base, rows: x.rows, columns: width)
            let edge = y.columns(first..<y.columns)
            for row in 0..<x.rows { beside.row(row).update(from: edge.row(row), count: rest) }
            multiply(into: beside)
            for row in 0..<x.rows { edge.row(row).update(from: beside.row(row), count: rest) }
        }
    }
}
