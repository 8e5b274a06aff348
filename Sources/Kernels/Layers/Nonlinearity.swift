import CKernels

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

    var kernel: prefopt_nonlinearity {
        switch self {
        case .silu: prefopt_silu
        case .gelu: prefopt_gelu
        case .geluTanh: prefopt_gelu_tanh
        case .relu: prefopt_relu
        }
    }
}
