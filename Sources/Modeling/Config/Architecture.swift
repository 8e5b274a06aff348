import Kernels
import Storage

/// The shape and the arithmetic of a decoder, as its `config.json` gives them: everything the one block needs to know.
///
/// Shape letters: T packed tokens, D width, F feed-forward width, H query heads, G key/value heads, E head width,
/// V vocabulary, L layers.
package struct Architecture: Sendable, Equatable {
    package var family: Family
    /// D
    package var width: Int
    /// F
    package var feedForward: Int
    /// H
    package var heads: Int
    /// G
    package var keyHeads: Int
    /// E
    package var headWidth: Int
    /// V
    package var vocabulary: Int
    /// `max_position_embeddings`: the longest sequence the model was made for.
    package var positions: Int

    /// The properties that differ from layer to layer; L of them.
    package var layerKinds: [Layer]
    package var norm: Norm
    package var normEpsilon: Float
    package var placement: Placement
    /// Whether attention and feed-forward both read what enters the block, and are added to it together.
    package var parallelResidual: Bool
    package var queryKeyNorm: QueryKeyNorm
    /// Scores s become cap · tanh(s / cap) before softmax.
    package var attentionCap: Float?
    package var nonlinearity: Nonlinearity
    /// Whether the nonlinearity gates a second projection, f(g) ∘ u, or stands alone, f(h).
    package var gated: Bool
    package var positionEncoding: PositionEncoding
    /// Factor on the tokens' embeddings.
    package var embeddingScale: Float
    /// Logits z become cap · tanh(z / cap).
    package var logitCap: Float?
    /// Whether the head's weight is the embedding's.
    package var tiedHead: Bool
    package var queryKeyValueBias: Bool
    package var outputBias: Bool
    package var feedForwardBias: Bool
    /// Standard deviation of fresh random weights.
    package var initializerRange: Double
    /// Ids that end a text, from the config.
    package var endTokens: [Int32]

    /// The output that the head makes of the hidden states.
    package var output = Output.logits

    /// The outputs of the head.
    package enum Output: Sendable, Equatable {
        /// A logit for each token of the vocabulary.
        case logits
        /// The same, and a number beside it: the value of the state that the tokens so far are (PPO's). The head of these is
        /// trained with the model and isn't part of its files.
        case logitsAndValues
        /// One number for a text, its reward. As transformers' `…ForSequenceClassification` pools, it is read from the last
        /// token that isn't `padding`.
        case reward(padding: Int32?)
    }

    /// One layer's attention.
    package struct Layer: Sendable, Equatable {
        /// A query at position p sees keys at positions above p − window; nil: all before it.
        package var window: Int?
        /// Whether queries and keys are rotated by their positions, in a model that has rotary positions.
        package var usesRotary: Bool
        /// Factor on q kᵀ.
        package var scale: Float
    }

    /// The normalisation of a block.
    package enum Norm: Sendable, Equatable {
        /// Root mean square, times w.
        case rms
        /// Root mean square, times 1 + w.
        case rmsAroundOne
        /// Mean and variance, times w, plus b.
        case layer
    }

    /// The places of a block's norms, seen from attention and from the feed-forward network.
    package enum Placement: Sendable, Equatable { case before, after, both }

    /// The extent over which queries and keys are normalised before they are rotated.
    package enum QueryKeyNorm: Sendable, Equatable { case none, head, wholeWidth }

    /// The ways in which a token's position enters.
    package enum PositionEncoding: Sendable, Equatable {
        case rotary(RotaryFrequencies)
        /// A learned row for each of `positions` positions, added to the embedding.
        case learned
    }

    /// L
    package var layers: Int { layerKinds.count }
    /// Width of all query heads together: H · E.
    package var queryWidth: Int { heads * headWidth }
    /// Width of all key heads together: G · E.
    package var keyWidth: Int { keyHeads * headWidth }
    /// Columns that the nonlinearity reads: 2F with a gate, F without.
    package var hiddenWidth: Int { gated ? 2 * feedForward : feedForward }
    /// Norms of queries and keys in a row: one per head, or one.
    var queryParts: Int { queryKeyNorm == .head ? heads : 1 }
    var keyParts: Int { queryKeyNorm == .head ? keyHeads : 1 }

    /// Rows of the head's matrix.
    package var outputs: Int { isRewardModel ? 1 : vocabulary }
    package var isRewardModel: Bool { if case .reward = output { true } else { false } }

    /// Refuses a reward model where tokens are asked for.
    package func requireLanguageModel(_ directory: String) throws(ModelError) {
        if isRewardModel { throw .rewardModel(directory: directory) }
    }

    /// The same decoder under a head of one output.
    package func rewarding(padding: Int32?) -> Architecture {
        var model = self
        (model.output, model.tiedHead) = (.reward(padding: padding), false)
        return model
    }

    /// The longest sequence that can be computed at all, where there is a limit.
    package var hardLimit: Int? { positionEncoding == .learned ? positions : nil }

    package var rotary: RotaryFrequencies? {
        if case .rotary(let frequencies) = positionEncoding { frequencies } else { nil }
    }

    /// Parameters that take part in products with every packed row: all but the embedding and the head.
    package var blockParameters: Int {
        layers * width * (2 * queryWidth + 2 * keyWidth + hiddenWidth + feedForward)
    }
}
