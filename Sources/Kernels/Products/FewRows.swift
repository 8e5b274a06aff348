import CVector

/// y = x Wᵀ for few rows of x, as decoding has them: W is streamed from memory once, whatever it is stored as, and never
/// packed. Every bit is that of `MatrixProduct`.
enum FewRows {
    /// With more rows, packing W pays.
    static let most = 8

    /// Whether a product of so many rows is for these kernels: those that round their operands pack them anyway.
    static func suits(_ rows: Int, on pool: ThreadPool) -> Bool { rows <= most && pool.arithmetic == .float32 }

    /// The largest number of W's lines in one item of work.
    private static let mostLines = 256
    private static let panel = Int(prefopt_few_lines)

    /// y [T, N] = x [T, K] Wᵀ, or y += …, for W's rows where they lie.
    static func run(_ x: Matrix, _ w: Operand, into y: Matrix, adding: Bool, on pool: ThreadPool) {
        let parts = MatrixProduct.Parts(depth: x.columns, tail: 0, unit: 8)
        eachPanel(of: y.columns, on: pool) { line, isLast, _ in
            let lines = w.from(line: line)
            for part in 0..<parts.count {
                let depths = parts[part]
                // The next part of these lines, or the first of the next ones.
                let next =
                    part + 1 < parts.count
                    ? lines.base + parts[part + 1].lowerBound : isLast ? nil : lines.from(line: panel).base
                prefopt_multiply_few(
                    x.base + depths.lowerBound, x.stride, x.rows, lines.base + depths.lowerBound, w.lineStride,
                    depths.count, next, y.base + line, y.stride, adding || part > 0 ? 1 : 0)
            }
        } edge: { line in
            for column in line..<y.columns {
                for row in 0..<y.rows {
                    var sum: Float = 0
                    for part in 0..<parts.count {
                        var chain: Float = 0
                        for k in parts[part] {
                            chain = chain.addingProduct(x.row(row)[k], w.from(line: column).base[k])
                        }
                        sum = part == 0 && !adding ? chain : chain + (part == 0 ? y.row(row)[column] : sum)
                    }
                    y.row(row)[column] = sum
                }
            }
        }
    }

    /// The same for a stored W, which is widened a panel and a part of the depth at a time.
    static func run(_ x: Matrix, _ w: StoredMatrix, into y: Matrix, adding: Bool, on pool: ThreadPool) {
        let parts = MatrixProduct.Parts(depth: x.columns, tail: 0, unit: 8)
        let stride = MatrixProduct.longestPart + 8
        func multiply(_ lines: Range<Int>, _ scratch: UnsafeMutablePointer<Float>, into target: Matrix, adding: Bool) {
            for part in 0..<parts.count {
                let depths = parts[part]
                w.widen(rows: lines, columns: depths, into: scratch, stride: stride)
                prefopt_multiply_few(
                    x.base + depths.lowerBound, x.stride, x.rows, scratch, stride, depths.count, nil, target.base,
                    target.stride, adding || part > 0 ? 1 : 0)
            }
        }
        eachPanel(of: y.columns, on: pool) { line, _, thread in
            multiply(
                line..<line + panel, pool.scratch(thread), into: y.columns(line..<line + panel), adding: adding)
        } edge: { line in
            // Lines that are left are worked at beside the result, with whatever the others hold.
            withUnsafeTemporaryAllocation(of: Float.self, capacity: panel * (stride + x.rows)) { room in
                guard let scratch = room.baseAddress else { return }
                scratch.update(repeating: 0, count: room.count)
                let beside = Matrix(scratch + panel * stride, rows: x.rows, columns: panel)
                let rest = y.columns(line..<y.columns)
                for row in 0..<y.rows { beside.row(row).update(from: rest.row(row), count: rest.columns) }
                multiply(line..<y.columns, scratch, into: beside, adding: adding)
                for row in 0..<y.rows { rest.row(row).update(from: beside.row(row), count: rest.columns) }
            }
        }
    }

    /// Calls `body` for every panel of lines, in runs of neighbouring ones, saying whether it is a run's last, and `edge` for
    /// the lines after the last whole panel.
    private static func eachPanel(
        of lines: Int, on pool: ThreadPool, _ body: (_ line: Int, _ isLast: Bool, _ thread: Int) -> Void,
        edge: (_ line: Int) -> Void
    ) {
        let whole = lines / panel * panel
        let each = (lines / (3 * pool.count) + panel - 1) / panel * panel
        let run = max(panel, min(mostLines, each))
        pool.run((whole + run - 1) / run) { item, thread in
            let end = min(whole, (item + 1) * run)
            for line in stride(from: item * run, to: end, by: panel) { body(line, line + panel >= end, thread) }
        }
        if whole < lines { edge(whole) }
    }
}
