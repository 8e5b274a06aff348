import CVector

/// One operand of a product A B: A seen as its rows, or B as its columns. The result has an element for every pair of
/// their *lines*; the *depth* is what is summed over. One of the two strides is 1.
struct Operand {
    package let base: UnsafePointer<Float>
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

/// An operand laid out as the inner kernel reads it: panels of `width` lines, a panel's elements of equal depth side by
/// side. Lines that the last panel lacks are zeros.
struct Panels {
    package let base: UnsafeMutablePointer<Float>
    let depth: Int
    let width: Int
    /// Floats from one panel to the next.
    let stride: Int

    /// A panel's last store may run over by less than eight.
    private static func stride(depth: Int, width: Int) -> Int { (depth * width + 8 + 15) / 16 * 16 }

    static func count(lines: Int, depth: Int, width: Int) -> Int {
        (lines + width - 1) / width * stride(depth: depth, width: width)
    }

    @inline(__always)
    init(_ base: UnsafeMutablePointer<Float>, depth: Int, width: Int) {
        self.init(base, depth: depth, width: width, stride: Panels.stride(depth: depth, width: width))
    }

    private init(_ base: UnsafeMutablePointer<Float>, depth: Int, width: Int, stride: Int) {
        (self.base, self.depth, self.width, self.stride) = (base, depth, width, stride)
    }

    /// The panel that begins at a line, a multiple of the width.
    @inline(__always)
    func panel(at line: Int) -> UnsafeMutablePointer<Float> { base + line / width * stride }

    /// The panels from a line on, a multiple of the width.
    @inline(__always)
    func from(line: Int) -> Panels { Panels(panel(at: line), depth: depth, width: width, stride: stride) }

    /// Some depths of the panels. Packing them may run over into the next eight floats: whoever packs depths one after the
    /// other packs them in this order.
    @inline(__always)
    func depths(_ range: Range<Int>) -> Panels {
        Panels(base + range.lowerBound * width, depth: range.count, width: width, stride: stride)
    }

    /// Packs some lines of an operand, of all `lines` that it has; `range` begins at a multiple of the width.
    @inline(__always)
    func pack(_ x: Operand, _ range: Range<Int>, of lines: Int) {
        if x.depthStride == 1 {
            for line in Swift.stride(from: range.lowerBound, to: range.upperBound, by: width) {
                transpose(x.from(line: line), lines: min(width, lines - line), into: panel(at: line))
            }
        } else {
            copy(x, range, of: lines)
        }
    }

    /// Packs the first `lines` of an operand whose depths lie side by side as the lines from `start` on, leaving what else
    /// is in the panels.
    func pack(_ x: Operand, lines: Int, at start: Int) {
        var line = 0
        while line < lines {
            let place = (start + line) % width
            let here = min(width - place, lines - line)
            let target = panel(at: start + line - place)
            if here == width {
                transpose(x.from(line: line), lines: width, into: target)
            } else {
                for i in 0..<here {
                    let source = x.from(line: line + i).base
                    for k in 0..<depth { target[k * width + place + i] = source[k] }
                }
            }
            line += here
        }
    }

    /// Zeros in the last panel for the lines from `line` on.
    func clear(from line: Int) {
        let place = line % width
        guard place > 0 else { return }
        let target = panel(at: line - place)
        for k in 0..<depth {
            for i in place..<width { target[k * width + i] = 0 }
        }
    }

    /// One panel of an operand whose depths lie side by side.
    @inline(__always)
    private func transpose(_ x: Operand, lines: Int, into panel: UnsafeMutablePointer<Float>) {
        var k = 0
        if lines == width {
            while k + 8 <= depth {
                for line in Swift.stride(from: 0, to: width, by: 8) {
                    prefopt_transpose8(
                        x.base + line * x.lineStride + k, x.lineStride, Int32(min(8, width - line)),
                        panel + k * width + line, width)
                }
                k += 8
            }
        }
        while k < depth {
            for line in 0..<width {
                panel[k * width + line] = line < lines ? x.base[line * x.lineStride + k] : 0
            }
            k += 1
        }
    }

    /// Panels of an operand whose lines lie side by side: one depth after the other, since a row of all lines is what the
    /// memory delivers.
    @inline(__always)
    private func copy(_ x: Operand, _ range: Range<Int>, of lines: Int) {
        // Panels that may be read in whole vectors.
        let whole = max(0, min(range.count, lines - range.lowerBound - (width + 7) / 8 * 8 + width)) / width
        let first = panel(at: range.lowerBound)
        for k in 0..<depth {
            var source = x.base + range.lowerBound + k * x.depthStride
            var target = first + k * width
            if k + Panels.ahead < depth {
                for line in Swift.stride(from: 0, to: range.count, by: 16) {
                    prefopt_prefetch(source + Panels.ahead * x.depthStride + line)
                }
            }
            for _ in 0..<whole {
                for line in Swift.stride(from: 0, to: width, by: 8) {
                    Vector(from: source + line).store(to: target + line)
                }
                source += width
                target += stride
            }
        }
        for line in Swift.stride(from: range.lowerBound + whole * width, to: range.upperBound, by: width) {
            let target = panel(at: line)
            let present = min(width, lines - line)
            for k in 0..<depth {
                for i in 0..<width { target[k * width + i] = i < present ? x.base[line + i + k * x.depthStride] : 0 }
            }
        }
    }

    /// Depths between a row's prefetch and its use.
    private static let ahead = 12
}
