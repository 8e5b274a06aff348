import CKernels

/// One operand of a product A B: A seen as its rows, or B as its columns. The result has an element for every pair of
/// their *lines*; the *depth* is what is summed over. One of the two strides is 1.
struct Operand {
    let base: UnsafePointer<Float>
    let lineStride: Int
    let depthStride: Int

    init(_ base: UnsafePointer<Float>, lineStride: Int, depthStride: Int) {
        self.base = base
        self.lineStride = lineStride
        self.depthStride = depthStride
    }

    /// The rows of a matrix as lines.
    init(rowsOf m: Matrix) { self.init(m.base, lineStride: m.stride, depthStride: 1) }

    /// The columns of a matrix as lines.
    init(columnsOf m: Matrix) { self.init(m.base, lineStride: 1, depthStride: m.stride) }

    /// Lines and depths in each other's place.
    var turned: Operand { Operand(base, lineStride: depthStride, depthStride: lineStride) }

    func from(line: Int, depth: Int = 0) -> Operand {
        Operand(base + line * lineStride + depth * depthStride, lineStride: lineStride, depthStride: depthStride)
    }
}

/// An operand laid out as a product's inner kernel reads it: panels of `width` lines, a panel's elements of equal depth side
/// by side. Lines that the last panel lacks are zeros.
struct Panels {
    let base: UnsafeMutableRawPointer
    let depth: Int
    let side: prefopt_side
    let width: Int
    /// Bytes from one panel to the next.
    let stride: Int
    let product: prefopt_product

    /// Bytes of a panel: whole blocks of depths in whole cache lines, and not a multiple of a page, whose panels would share
    /// few places of the caches.
    private static func stride(depth: Int, width: Int, _ product: prefopt_product) -> Int {
        let block = Int(product.block)
        let bytes = (depth + block - 1) / block * block * width * Int(product.element_bytes)
        return (bytes + 63) / 64 * 64 + 64
    }

    /// Floats that panels of some lines take.
    static func count(lines: Int, depth: Int, side: prefopt_side, _ product: prefopt_product) -> Int {
        let width = product.width(of: side)
        return (lines + width - 1) / width * stride(depth: depth, width: width, product) / MemoryLayout<Float>.size
    }

    /// The most floats that panels of some lines take of either side at any level.
    static func mostFloats(lines: Int, depth: Int) -> Int {
        CPULevel.products.reduce(0) { most, product in
            max(
                most, count(lines: lines, depth: depth, side: prefopt_side_a, product),
                count(lines: lines, depth: depth, side: prefopt_side_b, product))
        }
    }

    @inline(__always)
    init(_ base: UnsafeMutablePointer<Float>, depth: Int, side: prefopt_side, _ product: prefopt_product) {
        self.init(
            UnsafeMutableRawPointer(base), depth: depth, side: side,
            stride: Panels.stride(depth: depth, width: product.width(of: side), product), product)
    }

    private init(
        _ base: UnsafeMutableRawPointer, depth: Int, side: prefopt_side, stride: Int, _ product: prefopt_product
    ) {
        (self.base, self.depth, self.side, self.stride, self.product) = (base, depth, side, stride, product)
        width = product.width(of: side)
    }

    /// The panels from a line on, a multiple of the width.
    @inline(__always)
    func from(line: Int) -> Panels {
        Panels(base + line / width * stride, depth: depth, side: side, stride: stride, product)
    }

    /// The panels as the kernels take them.
    var view: prefopt_panels { prefopt_panels(base: base, stride: stride, width: Int32(width), side: side) }

    /// Packs the first `lines` of an operand, with as many of its depths as `depths` has, which become those of the panels.
    @inline(__always)
    func pack(_ x: Operand, lines: Int, depths: Range<Int>) {
        if x.depthStride == 1 {
            pack(rows: .float32(x.base, stride: x.lineStride), lines: lines, depths: depths)
        } else {
            pack(columns: .float32(x.base, stride: x.depthStride), lines: lines, depths: depths)
        }
    }

    /// Packs rows that are lines.
    func pack(rows: prefopt_rows, lines: Int, depths: Range<Int>) {
        product.pack_rows(rows, lines, depths.lowerBound, depths.count, view)
    }

    /// Packs rows that are depths.
    func pack(columns: prefopt_rows, lines: Int, depths: Range<Int>) {
        product.pack_columns(columns, lines, depths.lowerBound, depths.count, view)
    }

    /// C = A B or C += A B for these panels of A and B's of the same depth; the result has `height` × `width`.
    @inline(__always)
    func multiply(
        _ b: Panels, height: Int, width: Int, into c: UnsafeMutablePointer<Float>, stride: Int, adding: Bool
    ) {
        product.multiply(view, b.view, depth, height, width, c, stride, adding ? 1 : 0)
    }
}

/// Panels of float32 products, which keep their depths in order, packed in several runs of lines.
extension Panels {
    /// Packs the first `lines` of an operand whose depths lie side by side as the lines from `start` on, leaving the lines
    /// before them.
    func pack(_ x: Operand, lines: Int, at start: Int) {
        let place = start % width
        let head = place == 0 ? 0 : min(width - place, lines)
        if head > 0 {
            let target = from(line: start - place).floats
            for i in 0..<head {
                let source = x.from(line: i).base
                for k in 0..<depth { target[k * width + place + i] = source[k] }
            }
        }
        if head < lines { from(line: start + head).pack(x.from(line: head), lines: lines - head, depths: 0..<depth) }
    }

    /// Zeros in the last panel for the lines from `line` on.
    func clear(from line: Int) {
        let place = line % width
        guard place > 0 else { return }
        let target = from(line: line - place).floats
        for k in 0..<depth {
            for i in place..<width { target[k * width + i] = 0 }
        }
    }

    private var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
}

extension prefopt_rows {
    static func float32(_ base: UnsafeRawPointer, stride: Int) -> prefopt_rows {
        prefopt_rows(base: base, factors: nil, stride: stride, elements: prefopt_float32)
    }
}

extension prefopt_product {
    /// Lines of a panel.
    func width(of side: prefopt_side) -> Int { Int(side == prefopt_side_a ? rows : columns) }
}

extension CPULevel {
    /// The ways of all levels to compute a product.
    static var products: [prefopt_product] {
        allCases.flatMap { [$0.kernels.pointee.float32, $0.kernels.pointee.bfloat16] }
            + [prefopt_bfloat16_by_pairs().pointee, prefopt_bfloat16_by_tiles().pointee]
    }
}
