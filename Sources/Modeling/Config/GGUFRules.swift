import Kernels

/// llama.cpp's name of a family, and the properties that its code takes for granted instead of reading them from a
/// file.
package struct GGUFRules: Sendable {
    /// `general.architecture`.
    package let name: String
    /// Whether its rotary positions turn neighbouring elements (2i, 2i + 1), so that rows of q and k are put in that order.
    package var interleavesRotary = false
    /// Whether the file must hold the head even where it is the embedding.
    package var needsHead = false
    /// Whether it takes the embedding for the head whatever the file holds.
    package var tiesHead = false
    /// Values that it reads for this family only.
    package var readsParallelResidual = false
    package var readsWindow = false
    package var readsOriginalPositions = false
    /// The pointwise function of its feed-forward networks.
    package var nonlinearity = Nonlinearity.silu
    package var attentionBias = Bias.optional
    package var feedForwardBias = Bias.optional
    /// Whether a layer has rotary positions.
    package var usesRotary: @Sendable (_ layer: Int) -> Bool = { _ in true }
    /// Whether it knows another scale of attention than 1/√(head width) for this model.
    package var knowsScale: @Sendable (Architecture) -> Bool = { _ in false }

    /// Whether a product has a bias there.
    package enum Bias: Sendable { case never, optional, always }

    init(_ name: String) { self.name = name }
}
