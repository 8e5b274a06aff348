import CKernels
import Statistics

/// The arithmetic of linear maps.
package enum Arithmetic: String, Sendable {
    /// Operands as they are; an element is a chain of fused multiply-adds over each part of the depth.
    case float32
    /// Operands rounded to bfloat16 (to the nearest, ties to even; denormals are zeros), sums in float32 in the order of AMX's
    /// instruction: for every 32 depths two chains from zero, of the even and of the odd ones, then C += even + odd.
    case bfloat16
}

/// The ways to compute products of bfloat16, all with the same bits.
package enum BFloat16Way: String, Sendable {
    case vectors = "float32 vectors"
    /// AVX512_BF16: twice as fast as float32 on Zen 4 and 5, half as fast on Intel's.
    case pairs = "AVX512_BF16"
    case tiles = "AMX tiles"

    /// The fastest way of a level that this CPU has, and what is to be said of the choice.
    package static func best(at level: CPULevel) -> (way: BFloat16Way, note: String?) {
        switch level {
        case .v3: return (.vectors, nil)
        case .v4: return (fastOnVectors, nil)
        case .amx:
            if tilesFollowTheManual { return (.tiles, nil) }
            return (
                fastOnVectors,
                "note: this CPU's AMX gave other bits than Intel's manual says; products of bfloat16 go by "
                    + "\(fastOnVectors.rawValue) instead"
            )
        }
    }

    func product(at level: CPULevel) -> prefopt_product {
        switch self {
        case .vectors: level.kernels.pointee.bfloat16
        case .pairs: prefopt_bfloat16_by_pairs().pointee
        case .tiles: prefopt_bfloat16_by_tiles().pointee
        }
    }

    /// Which of AVX-512's two ways is faster here: some milliseconds of each.
    private static let fastOnVectors: BFloat16Way = {
        guard prefopt_has_bfloat16_pairs() != 0 else { return .vectors }
        let seconds = [BFloat16Way.vectors, .pairs].map { TrialProduct(192, 192, 320).seconds(by: $0.product(at: .v4)) }
        return seconds[1] < seconds[0] ? .pairs : .vectors
    }()

    /// Whether AMX gives every bit that its twin in C gives, at edges of tiles too.
    private static let tilesFollowTheManual: Bool = [(32, 32, 64), (45, 37, 200)].allSatisfy {
        let trial = TrialProduct($0, $1, $2)
        return trial.bits(by: prefopt_bfloat16_by_tiles().pointee) == trial.bits(by: prefopt_bfloat16_by_twin().pointee)
    }
}

/// A product of made-up numbers, to time and to compare ways with.
struct TrialProduct {
    private let rows, columns, depth: Int
    private let a: [Float]
    private let b: [Float]

    init(_ rows: Int, _ columns: Int, _ depth: Int) {
        (self.rows, self.columns, self.depth) = (rows, columns, depth)
        var state: UInt64 = 1
        func numbers(_ count: Int) -> [Float] {
            (0..<count).map { _ in
                state = SplitMix64.mixed(state)
                return Float(Int64(bitPattern: state) >> 40) * 0x1p-23
            }
        }
        (a, b) = (numbers(rows * depth), numbers(columns * depth))
    }

    /// The bits of C = A B, twice added up.
    func bits(by product: prefopt_product) -> [UInt32] {
        var c = [Float](repeating: 0, count: rows * columns)
        compute(by: product, into: &c, times: 2)
        return c.map(\.bitPattern)
    }

    /// The least time of C += A B among several, operands packed.
    func seconds(by product: prefopt_product) -> Double {
        var c = [Float](repeating: 0, count: rows * columns)
        return compute(by: product, into: &c, times: 12)
    }

    @discardableResult
    private func compute(by product: prefopt_product, into c: inout [Float], times: Int) -> Double {
        let floats = [(prefopt_side_a, rows), (prefopt_side_b, columns)].map {
            Panels.count(lines: $1, depth: depth, side: $0, product)
        }
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: floats[0] + floats[1])
        defer { memory.deallocate() }
        let left = Panels(memory, depth: depth, side: prefopt_side_a, product)
        let right = Panels(memory + floats[0], depth: depth, side: prefopt_side_b, product)
        a.withUnsafeBytes { operand in
            guard let base = operand.baseAddress else { return }
            left.pack(rows: .float32(base, stride: depth), lines: rows, depths: 0..<depth)
        }
        b.withUnsafeBytes { operand in
            guard let base = operand.baseAddress else { return }
            right.pack(rows: .float32(base, stride: depth), lines: columns, depths: 0..<depth)
        }
        return c.withUnsafeMutableBufferPointer { c in
            guard let c = c.baseAddress else { return 0 }
            var least = Duration.seconds(1)
            for _ in 0..<times {
                let time = ContinuousClock().measure {
                    left.multiply(right, height: rows, width: columns, into: c, stride: columns, adding: true)
                }
                least = min(least, time)
            }
            return Double(least.components.attoseconds)
        }
    }
}
