/// The pointwise functions between a feed-forward network's projections.
package enum Nonlinearity: Sendable, CaseIterable {
    /// x σ(x) (arXiv 1702.03118)
    case silu
    /// x Φ(x), Φ the normal distribution function (arXiv 1606.08415)
    case gelu
    /// GELU with Φ(x) approximated as σ(2u), u = √(2/π) (x + 0.044715 x³), which is (1 + tanh u) / 2
    case geluTanh
    /// max(x, 0)
    case relu

    /// The words of `config.json` for each.
    private var words: [String] {
        switch self {
        case .silu: ["silu", "swish"]
        case .gelu: ["gelu"]
        case .geluTanh: ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]
        case .relu: ["relu"]
        }
    }

    /// All words that `init(configWord:)` knows.
    package static var configWords: [String] { allCases.flatMap(\.words) }

    /// The function that a `config.json` names.
    package init?(configWord word: String) {
        guard let found = Nonlinearity.allCases.first(where: { $0.words.contains(word) }) else { return nil }
        self = found
    }

    /// f(x)
    @inline(__always)
    func value(_ x: Vector) -> Vector {
        switch self {
        case .silu: x * x.logistic
        case .gelu: x * x.normalDistribution.value
        case .geluTanh: x * Nonlinearity.gate(x).value
        // NaN stays NaN: comparisons with it are false.
        case .relu: x.replacing(with: Vector.zero, where: x .< Vector.zero)
        }
    }

    /// f(x) and f′(x)
    @inline(__always)
    func valueAndSlope(_ x: Vector) -> (value: Vector, slope: Vector) {
        switch self {
        case .silu:
            let s = x.logistic
            return (x * s, s * (1 + x * (1 - s)))
        case .gelu:
            let (share, density) = x.normalDistribution
            return (x * share, share.addingProduct(x, density))
        case .geluTanh:
            let (share, slope) = Nonlinearity.gate(x)
            return (x * share, share.addingProduct(x, slope))
        case .relu:
            let slope = Vector(repeating: 1).replacing(with: Vector.zero, where: x .<= Vector.zero)
            return (value(x), slope)
        }
    }

    /// σ(2u) and its derivative by x.
    @inline(__always)
    private static func gate(_ x: Vector) -> (value: Vector, slope: Vector) {
        let (rate, cubic) = (Float(1.595_769_122), Float(0.044_715))
        let square = x * x
        let s = (x * (1 + square * cubic) * rate).logistic
        return (s, s * (1 - s) * (1 + square * (3 * cubic)) * rate)
    }
}

extension Vector {
    /// Φ(x) and φ(x) of the normal distribution, Φ within about 3e-7 of its own size on both sides.
    ///
    /// For x ≤ 0, Φ(x) = e^(−x²/2) · t · p(t) with t = 1 / (1 + 0.34 |x|); p is a least-squares fit of degree 8 to the tail
    /// (relative error 4e-8 for |x| ≤ 14, beyond which e^(−x²/2) has vanished). The other side is 1 − Φ(−x).
    @inline(__always)
    var normalDistribution: (value: Vector, density: Vector) {
        let magnitude = unsafeBitCast(magnitudeBits, to: Vector.self)
        let bell = (self * self * -0.5).exponential
        let t = 1 / (1 + magnitude * 0.34)
        var p = Vector(repeating: -0.026_641_13)
        p = Vector(repeating: 0.141_812_52).addingProduct(p, t)
        p = Vector(repeating: -0.277_456_54).addingProduct(p, t)
        p = Vector(repeating: 0.206_608_12).addingProduct(p, t)
        p = Vector(repeating: -0.047_420_70).addingProduct(p, t)
        p = Vector(repeating: 0.116_363_55).addingProduct(p, t)
        p = Vector(repeating: 0.114_976_41).addingProduct(p, t)
        p = Vector(repeating: 0.136_138_55).addingProduct(p, t)
        p = Vector(repeating: 0.135_619_20).addingProduct(p, t)
        let tail = bell * t * p
        return ((1 - tail).replacing(with: tail, where: self .< Vector.zero), bell * 0.398_942_280)
    }
}
