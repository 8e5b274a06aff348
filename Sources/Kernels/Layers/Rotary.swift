import Glibc

/// Rotary position embedding (arXiv 2104.09864), in the halves layout of Hugging Face's models: element i of a head turns
/// together with element i + R/2 by the angle position · frequencyᵢ. Only a head's first R of E elements turn.
package struct Rotary: @unchecked Sendable {
    /// cos and sin of every angle, [rows of the table, R/2] each.
    private let cosines: UnsafeMutablePointer<Float>
    private let sines: UnsafeMutablePointer<Float>
    private let owner: Storage
    private let half: Int
    private let headWidth: Int

    private final class Storage {
        let memory: UnsafeMutablePointer<Float>
        init(count: Int) { memory = .allocate(capacity: count) }
        deinit { memory.deallocate() }
    }

    /// A table of the positions 0..<positions: row p holds position p.
    ///
    /// - Parameters:
    ///   - frequencies: radians per position, R/2 of them.
    ///   - scale: factor on cos and sin (1, except for scalings that stretch attention).
    ///   - headWidth: E; nil: R.
    package init(frequencies: [Double], scale: Double = 1, positions: Int, headWidth: Int? = nil) {
        self.init(rows: positions, half: frequencies.count, scale: scale, headWidth: headWidth) { row in
            (Double(row), frequencies)
        }
    }

    /// A table whose rows differ in frequencies too: `row` gives a row's position and its R/2 frequencies.
    package init(
        rows: Int, half: Int, scale: Double, headWidth: Int?, _ row: (Int) -> (position: Double, frequencies: [Double])
    ) {
        self.half = half
        self.headWidth = headWidth ?? 2 * half
        owner = Storage(count: 2 * rows * half)
        cosines = owner.memory
        sines = owner.memory + rows * half
        for number in 0..<rows {
            let (position, frequencies) = row(number)
            for (i, frequency) in frequencies.enumerated() {
                let angle = position * frequency
                cosines[number * half + i] = Float(cos(angle) * scale)
                sines[number * half + i] = Float(sin(angle) * scale)
            }
        }
    }

    /// Turns every head of every row in place. `x` is [T, ≥ heads · E], of which the first `heads` heads turn; row t turns
    /// by the table's row `rows[t]`.
    package func forward(_ x: Matrix, heads: Int, rows: UnsafePointer<Int32>, on pool: ThreadPool) {
        turn(x, heads: heads, rows: rows, direction: 1, on: pool)
    }

    /// The derivative of a rotation is the rotation back (and the same scale): dx in place.
    package func backward(_ dx: Matrix, heads: Int, rows: UnsafePointer<Int32>, on pool: ThreadPool) {
        turn(dx, heads: heads, rows: rows, direction: -1, on: pool)
    }

    private func turn(
        _ x: Matrix, heads: Int, rows tableRows: UnsafePointer<Int32>, direction: Float, on pool: ThreadPool
    ) {
        let (half, headWidth) = (half, headWidth)
        pool.chunks(of: x.rows, size: 32) { rows in
            for t in rows {
                let cosine = cosines + Int(tableRows[t]) * half
                let sine = sines + Int(tableRows[t]) * half
                for head in 0..<heads {
                    let low = x.row(t) + head * headWidth
                    let high = low + half
                    for i in groups(of: half) {
                        let (a, b) = (Vector(from: low + i), Vector(from: high + i))
                        let (c, s) = (Vector(from: cosine + i), Vector(from: sine + i) * direction)
                        (a * c - b * s).store(to: low + i)
                        (b * c + a * s).store(to: high + i)
                    }
                    for i in remainder(of: half) {
                        let (a, b) = (low[i], high[i])
                        low[i] = a * cosine[i] - b * sine[i] * direction
                        high[i] = b * cosine[i] + a * sine[i] * direction
                    }
                }
            }
        }
    }
}
