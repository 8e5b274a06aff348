import CKernels

/// y = x Wᵀ for few rows of x, as decoding has them: W is streamed from memory once, as it is stored, and never packed. Every
/// bit is that of `MatrixProduct`.
enum FewRows {
    /// With more rows, packing W pays.
    static let most = 16

    /// Whether a product of so many rows is for these kernels: those that round their operands pack them anyway.
    static func suits(_ rows: Int, on pool: ThreadPool) -> Bool { rows <= most && pool.arithmetic == .float32 }

    /// The largest number of W's lines in one item of work, and how many items each thread gets at least: a late one holds up
    /// little then.
    private static let mostLines = 128
    private static let itemsOfThread = 6
    private static let panel = Int(prefopt_few_lines)

    /// One of the maps that the same rows go through: y [T, N] = x [T, K] Wᵀ, or y += …
    struct Product {
        /// W's lines as the kernels read them; of four bits and grouped integers none.
        fileprivate let lines: prefopt_rows?
        /// W where it isn't trained.
        fileprivate let stored: StoredMatrix?
        let y: Matrix
        let adding: Bool

        init(_ w: Matrix, into y: Matrix, adding: Bool) {
            (lines, stored) = (.float32(w.base, stride: w.stride), nil)
            (self.y, self.adding) = (y, adding)
        }

        /// - Parameter w: not transposed.
        init(_ w: StoredMatrix, into y: Matrix, adding: Bool) {
            (lines, stored) = (w.stored(row: 0, column: 0), w)
            (self.y, self.adding) = (y, adding)
        }

        /// Panels of lines without the last one that isn't whole.
        fileprivate var panels: Int { y.columns / panel }

        /// Some depths of lines as floats, `scratchStride` apart.
        fileprivate func widen(_ range: Range<Int>, _ depths: Range<Int>, into scratch: UnsafeMutablePointer<Float>) {
            if let stored {
                stored.widen(rows: range, columns: depths, into: scratch, stride: scratchStride)
            } else if let lines {
                let floats = lines.base.assumingMemoryBound(to: Float.self)
                for (place, line) in range.enumerated() {
                    (scratch + place * scratchStride).update(
                        from: floats + line * lines.stride + depths.lowerBound, count: depths.count)
                }
            }
        }
    }

    private static let scratchStride = MatrixProduct.longestPart + 8

    /// All of some products of the same rows.
    static func run(_ x: Matrix, _ products: UnsafeBufferPointer<Product>, on pool: ThreadPool) {
        let parts = MatrixProduct.Parts(depth: x.columns, tail: 0, unit: 8)
        let panels = products.reduce(0) { $0 + $1.panels }
        let each = max(1, min(mostLines / panel, panels / (itemsOfThread * pool.count)))
        let items = products.reduce(0) { $0 + ($1.panels + each - 1) / each }
        /// The product and the panels of an item.
        func work(of item: Int) -> (product: Product, panels: Range<Int>) {
            var (number, first) = (0, item)
            while first >= (products[number].panels + each - 1) / each {
                first -= (products[number].panels + each - 1) / each
                number += 1
            }
            return (products[number], first * each..<min(products[number].panels, (first + 1) * each))
        }
        pool.run(items) { item, thread in
            let (product, run) = work(of: item)
            // Threads take items in turns, so this is most likely the next one of this thread.
            var following: prefopt_rows?
            if item + pool.count < items {
                let (next, panels) = work(of: item + pool.count)
                following = next.lines?.from(line: panels.lowerBound * panel)
            }
            for place in run {
                let isLast = place + 1 == run.upperBound
                multiply(
                    x, product, panel: place, next: isLast ? following : product.lines?.from(line: (place + 1) * panel),
                    parts, pool.scratch(thread), pool)
            }
        }
        for product in products where product.y.columns % panel > 0 { multiplyEdge(x, product, parts, pool) }
    }

    static func run(_ x: Matrix, _ product: Product, on pool: ThreadPool) {
        withUnsafePointer(to: product) { run(x, UnsafeBufferPointer(start: $0, count: 1), on: pool) }
    }

    /// One panel of a product.
    ///
    /// - Parameter next: the lines that this thread comes to afterwards.
    private static func multiply(
        _ x: Matrix, _ product: Product, panel place: Int, next: prefopt_rows?, _ parts: MatrixProduct.Parts,
        _ scratch: UnsafeMutablePointer<Float>, _ pool: ThreadPool
    ) {
        let first = place * panel
        let y = product.y
        guard let all = product.lines else {
            return multiplyWidened(
                x, product, first..<first + panel, into: y.columns(first..<first + panel), parts, scratch, pool)
        }
        let lines = all.from(line: first)
        for part in 0..<parts.count {
            let depths = parts[part]
            pool.kernels.multiply_few(
                x.base + depths.lowerBound, x.stride, x.rows, lines, depths.lowerBound, depths.count,
                next?.address(element: panel * depths.lowerBound), y.base + first, y.stride,
                product.adding || part > 0 ? 1 : 0)
        }
    }

    /// The same by way of floats beside it; into a matrix of a panel's columns.
    private static func multiplyWidened(
        _ x: Matrix, _ product: Product, _ lines: Range<Int>, into target: Matrix, _ parts: MatrixProduct.Parts,
        _ scratch: UnsafeMutablePointer<Float>, _ pool: ThreadPool
    ) {
        for part in 0..<parts.count {
            let depths = parts[part]
            product.widen(lines, depths, into: scratch)
            pool.kernels.multiply_few(
                x.base + depths.lowerBound, x.stride, x.rows, .float32(scratch, stride: scratchStride), 0, depths.count,
                nil, target.base, target.stride, product.adding || part > 0 ? 1 : 0)
        }
    }

    /// The lines after the last whole panel: worked at beside the result, with zeros in place of those that are missing.
    private static func multiplyEdge(
        _ x: Matrix, _ product: Product, _ parts: MatrixProduct.Parts, _ pool: ThreadPool
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: panel * (scratchStride + x.rows)) { room in
            guard let scratch = room.baseAddress else { return }
            room.update(repeating: 0)
            let beside = Matrix(scratch + panel * scratchStride, rows: x.rows, columns: panel)
            let lines = product.panels * panel..<product.y.columns
            let rest = product.y.columns(lines)
            for row in 0..<x.rows { beside.row(row).update(from: rest.row(row), count: rest.columns) }
            multiplyWidened(x, product, lines, into: beside, parts, scratch, pool)
            for row in 0..<x.rows { rest.row(row).update(from: beside.row(row), count: rest.columns) }
        }
    }
}

extension prefopt_rows {
    /// The rows from one on.
    fileprivate func from(line: Int) -> prefopt_rows {
        prefopt_rows(
            base: base + line * stride * bytes, factors: factors.map { $0 + 4 * line }, stride: stride,
            elements: elements)
    }

    /// Where an element lies, counted from the first row's first.
    fileprivate func address(element: Int) -> UnsafeRawPointer { base + element * bytes }

    /// Bytes of an element.
    private var bytes: Int {
        switch elements {
        case prefopt_float32: 4
        case prefopt_bfloat16, prefopt_float16: 2
        default: 1
        }
    }
}
