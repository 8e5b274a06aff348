import CKernels

/// y = x Wᵀ for few rows of x, as decoding has them: W is streamed from memory once, as it is stored, and never packed. Every
/// bit is that of `MatrixProduct`.
enum FewRows {
    /// With more rows, packing W pays.
    static let most = 16

    /// Whether a product of so many rows is for these kernels: those that round their operands pack them anyway.
    static func suits(_ rows: Int, on pool: ThreadPool) -> Bool { rows <= most && pool.arithmetic == .float32 }

    /// Of the panels of lines that each thread is given at once: in these it knows what it reads next.
    private static let share = 3.0 / 4
    /// Pieces for each thread into which the others are cut, which whoever is ready takes: a late one holds up little.
    private static let pieces = 4
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

    /// The panels of some products, one after the other, and who works at which.
    private struct Shares {
        let products: UnsafeBufferPointer<Product>
        let threads: Int
        let panels: Int
        /// Panels of the first item of each thread, and of an item that is anyone's.
        let own: Int
        let each: Int
        let items: Int

        init(_ products: UnsafeBufferPointer<Product>, threads: Int) {
            (self.products, self.threads) = (products, threads)
            panels = products.reduce(0) { $0 + $1.panels }
            own = Int(share * Double(panels / threads))
            let rest = panels - own * threads
            each = max(1, rest / (pieces * threads))
            items = (own > 0 ? threads : 0) + (rest + each - 1) / each
        }

        /// The panels of an item.
        subscript(item: Int) -> Range<Int> {
            if own > 0, item < threads { return item * own..<(item + 1) * own }
            let start = own * threads + (own > 0 ? item - threads : item) * each
            return start..<min(panels, start + each)
        }

        /// The product that a panel is of, and its number there.
        func place(of panel: Int) -> (product: Product, panel: Int) {
            var (number, left) = (0, panel)
            while left >= products[number].panels {
                left -= products[number].panels
                number += 1
            }
            return (products[number], left)
        }

        /// A panel's lines, if they are read as they are stored.
        func lines(of number: Int) -> prefopt_rows? {
            let (product, place) = place(of: number)
            return product.lines?.from(line: place * panel)
        }
    }

    /// All of some products of the same rows.
    static func run(_ x: Matrix, _ products: UnsafeBufferPointer<Product>, on pool: ThreadPool) {
        let parts = MatrixProduct.Parts(depth: x.columns, tail: 0, unit: 8)
        let shares = Shares(products, threads: pool.count)
        pool.run(shares.items) { item, thread in
            let panels = shares[item]
            // Threads take items in turns, so this is most likely what comes to this one afterwards.
            let following = item + pool.count < shares.items ? shares[item + pool.count] : 0..<0
            for number in panels {
                func lines(ahead steps: Int) -> prefopt_rows? {
                    let beyond = number + steps - panels.upperBound
                    if beyond < 0 { return shares.lines(of: number + steps) }
                    return beyond < following.count ? shares.lines(of: following.lowerBound + beyond) : nil
                }
                let (product, place) = shares.place(of: number)
                multiply(
                    x, product, panel: place, next: lines(ahead: 1), later: lines(ahead: 2), parts,
                    pool.scratch(thread), pool)
            }
        }
        for product in products where product.y.columns % panel > 0 { multiplyEdge(x, product, parts, pool) }
    }

    static func run(_ x: Matrix, _ product: Product, on pool: ThreadPool) {
        withUnsafePointer(to: product) { run(x, UnsafeBufferPointer(start: $0, count: 1), on: pool) }
    }

    /// One panel of a product.
    ///
    /// - Parameters:
    ///   - next: the lines that this thread comes to afterwards.
    ///   - later: those after them.
    private static func multiply(
        _ x: Matrix, _ product: Product, panel place: Int, next: prefopt_rows?, later: prefopt_rows?,
        _ parts: MatrixProduct.Parts, _ scratch: UnsafeMutablePointer<Float>, _ pool: ThreadPool
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
            let done = panel * depths.lowerBound
            let ahead = prefopt_ahead(next: next?.address(element: done), later: later?.address(element: done))
            pool.kernels.multiply_few(
                x.base + depths.lowerBound, x.stride, x.rows, lines, depths.lowerBound, depths.count, ahead,
                y.base + first, y.stride, product.adding || part > 0 ? 1 : 0)
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
                prefopt_ahead(), target.base, target.stride, product.adding || part > 0 ? 1 : 0)
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
    private var bytes: Int { elements.bytes }
}
