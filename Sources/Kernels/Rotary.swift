import Glibc

/// Rotary position embedding (arXiv 2104.09864), in the halves layout of Hugging Face's models: element i of a head turns
/// together with element i + E/2 by the angle position · frequencyᵢ.
public struct Rotary: @unchecked Sendable {
    /// cos and sin of every angle, [positions, E/2] each.
    private let cosines: UnsafeMutablePointer<Float>
    private let sines: UnsafeMutablePointer<Float>
    private let owner: Storage
    public let positions: Int
    private let half: Int

    private final class Storage {
        let memory: UnsafeMutablePointer<Float>
        init(count: Int) { memory = .allocate(capacity: count) }
        deinit { memory.deallocate() }
    }

    /// - Parameters:
    ///   - frequencies: radians per position, E/2 of them.
    ///   - scale: factor on cos and sin (1, except for scalings that stretch attention).
    ///   - positions: how many positions the tables cover.
    public init(frequencies: [Double], scale: Double = 1, positions: Int) {
        half = frequencies.count
        self.positions = positions
        owner = Storage(count: 2 * positions * half)
        cosines = owner.memory
        sines = owner.memory + positions * half
        for position in 0..<positions {
            for (i, frequency) in frequencies.enumerated() {
                let angle = Double(position) * frequency
                cosines[position * half + i] = Float(cos(angle) * scale)
                sines[position * half + i] = Float(sin(angle) * scale)
            }
        }
    }

    /// Turns every head of every row in place. `x` is [T, heads · E]; row t stands at `positions[t]`.
    public func forward(_ x: Matrix, heads: Int, positions: UnsafePointer<Int32>, on pool: ThreadPool) {
        turn(x, heads: heads, positions: positions, direction: 1, on: pool)
    }

    /// The derivative of a rotation is the rotation back (and the same scale): dx in place.
    public func backward(_ dx: Matrix, heads: Int, positions: UnsafePointer<Int32>, on pool: ThreadPool) {
        turn(dx, heads: heads, positions: positions, direction: -1, on: pool)
    }

    private func turn(_ x: Matrix, heads: Int, positions: UnsafePointer<Int32>, direction: Float, on pool: ThreadPool) {
        let half = half
        pool.chunks(of: x.rows, size: 32) { rows in
            for t in rows {
                let cosine = cosines + Int(positions[t]) * half
                let sine = sines + Int(positions[t]) * half
                for head in 0..<heads {
                    let low = x.row(t) + head * 2 * half
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
