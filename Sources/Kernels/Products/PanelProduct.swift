import CVector

/// The inner kernel of every matrix product: six rows by two vectors of the result stay in registers while it walks down
/// the depth of two packed panels.
///
/// An element of the result is one chain of fused multiply-adds in the order of the depth, begun at zero, then stored or
/// added to what is there. So its bits depend on its own row and column only: not on the panels beside it, on how the
/// result is cut, or on the width of the vectors.
enum PanelProduct {
    #if PREFOPT_AVX512
        typealias Lanes = SIMD16<Float>
    #else
        typealias Lanes = SIMD8<Float>
    #endif

    static let rows = 6
    static let columns = 2 * Lanes.scalarCount
    /// Rows of A that are multiplied with one panel of B after the other: together they stay in the second cache.
    private static let rowsAtOnce = 32 * rows

    /// The rows of A, packed or as they lie in memory.
    struct Rows {
        package let base: UnsafePointer<Float>
        let panelStride: Int
        let rowStride: Int
        let depthStride: Int
        let depth: Int

        init(_ panels: Panels) {
            base = UnsafePointer(panels.base)
            panelStride = panels.stride
            (rowStride, depthStride, depth) = (1, panels.width, panels.depth)
        }

        /// Read where they lie: worth it when few columns of B would share the packing.
        init(_ x: Operand, depth: Int) {
            base = x.base
            panelStride = rows * x.lineStride
            (rowStride, depthStride, self.depth) = (x.lineStride, x.depthStride, depth)
        }
    }

    /// C = A B or C += A B for B packed in panels of `columns`; the result has `height` × `width`.
    static func run(
        _ a: Rows, _ b: Panels, height: Int, width: Int, into c: UnsafeMutablePointer<Float>, stride: Int, adding: Bool
    ) {
        for first in Swift.stride(from: 0, to: height, by: rowsAtOnce) {
            for column in Swift.stride(from: 0, to: width, by: columns) {
                let right = b.panel(at: column)
                for row in Swift.stride(from: first, to: min(height, first + rowsAtOnce), by: rows) {
                    let left = a.base + row / rows * a.panelStride
                    let tile = c + row * stride + column
                    let present = min(rows, height - row)
                    if column + columns <= width {
                        kernel(left, a, right, height: present, tile, stride, adding)
                    } else {
                        edge(left, a, right, tile, stride, adding, height: present, width: width - column)
                    }
                }
            }
        }
    }

    /// A tile that hangs over the result's right edge: computed whole beside it.
    private static func edge(
        _ left: UnsafePointer<Float>, _ a: Rows, _ b: UnsafePointer<Float>,
        _ c: UnsafeMutablePointer<Float>, _ stride: Int, _ adding: Bool, height: Int, width: Int
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * columns) { tile in
            let tile = tile.baseAddress.unsafelyUnwrapped
            kernel(left, a, b, height: height, tile, columns, false)
            for row in 0..<height {
                for column in 0..<width {
                    let value = tile[row * columns + column]
                    c[row * stride + column] = adding ? value + c[row * stride + column] : value
                }
            }
        }
    }

    /// Of six rows the first `height` are stored.
    @inline(never)
    private static func kernel(
        _ left: UnsafePointer<Float>, _ a: Rows, _ b: UnsafePointer<Float>, height: Int,
        _ c: UnsafeMutablePointer<Float>, _ stride: Int, _ adding: Bool
    ) {
        // Named one by one: an array of accumulators would live in memory.
        var (c00, c01) = (Lanes.zero, Lanes.zero)
        var (c10, c11) = (Lanes.zero, Lanes.zero)
        var (c20, c21) = (Lanes.zero, Lanes.zero)
        var (c30, c31) = (Lanes.zero, Lanes.zero)
        var (c40, c41) = (Lanes.zero, Lanes.zero)
        var (c50, c51) = (Lanes.zero, Lanes.zero)
        if adding {
            for row in 0..<height { prefopt_prefetch(c + row * stride) }
        }
        // A row that isn't there reads the last one again.
        let last = height - 1
        let a0 = left
        let a1 = left + min(1, last) * a.rowStride
        let a2 = left + min(2, last) * a.rowStride
        let a3 = left + min(3, last) * a.rowStride
        let a4 = left + min(4, last) * a.rowStride
        let a5 = left + min(5, last) * a.rowStride
        var (k, b) = (0, b)
        for _ in 0..<a.depth {
            let (b0, b1) = (load(b), load(b + Lanes.scalarCount))
            multiply(a0[k], b0, b1, &c00, &c01)
            multiply(a1[k], b0, b1, &c10, &c11)
            multiply(a2[k], b0, b1, &c20, &c21)
            multiply(a3[k], b0, b1, &c30, &c31)
            multiply(a4[k], b0, b1, &c40, &c41)
            multiply(a5[k], b0, b1, &c50, &c51)
            k += a.depthStride
            b += columns
        }
        store(c00, c01, to: c, adding)
        if last >= 1 { store(c10, c11, to: c + stride, adding) }
        if last >= 2 { store(c20, c21, to: c + 2 * stride, adding) }
        if last >= 3 { store(c30, c31, to: c + 3 * stride, adding) }
        if last >= 4 { store(c40, c41, to: c + 4 * stride, adding) }
        if last >= 5 { store(c50, c51, to: c + 5 * stride, adding) }
    }

    @inline(__always)
    private static func multiply(_ a: Float, _ b0: Lanes, _ b1: Lanes, _ c0: inout Lanes, _ c1: inout Lanes) {
        let a = Lanes(repeating: a)
        c0 = c0.addingProduct(a, b0)
        c1 = c1.addingProduct(a, b1)
    }

    @inline(__always)
    private static func load(_ x: UnsafePointer<Float>) -> Lanes { UnsafeRawPointer(x).loadUnaligned(as: Lanes.self) }

    @inline(__always)
    private static func store(_ c0: Lanes, _ c1: Lanes, to c: UnsafeMutablePointer<Float>, _ adding: Bool) {
        let second = c + Lanes.scalarCount
        let (s0, s1) = adding ? (c0 + load(c), c1 + load(second)) : (c0, c1)
        UnsafeMutableRawPointer(c).storeBytes(of: s0, as: Lanes.self)
        UnsafeMutableRawPointer(second).storeBytes(of: s1, as: Lanes.self)
    }
}
