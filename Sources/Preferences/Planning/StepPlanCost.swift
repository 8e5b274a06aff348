/// The time of a comparison, predicted up to a factor:
///
///     rowCost · rows + scoredTokenCost · scored tokens + attendedCost · attended
///
/// where attended is the number of (query, key) products of a packed comparison with P prompt rows and c rows of each
/// response: P²/2 + Σ (c·P + c²/2). Only ratios matter, since the cost decides balance and nothing else.
package struct StepCost: Sendable, Equatable {
    /// Of a packed token in the matrix products of all layers.
    package var rowCost: Double
    /// Of a row of logits.
    package var scoredTokenCost: Double
    /// Of one query meeting one key, in all layers and heads.
    package var attendedCost: Double

    package init(rowCost: Double = 1, scoredTokenCost: Double = 0, attendedCost: Double = 0) {
        self.rowCost = rowCost
        self.scoredTokenCost = scoredTokenCost
        self.attendedCost = attendedCost
    }

    /// Multiply-adds of the forward pass of a decoder; the backward pass doubles each part alike.
    ///
    /// - Parameters:
    ///   - layerParameters: parameters of the matrices of all L layers, without embedding and head.
    ///   - headParameters: V · D.
    ///   - attentionWidth: L · H · E: each query meets each key in two products.
    package init(layerParameters: Int, headParameters: Int, attentionWidth: Int) {
        self.init(
            rowCost: Double(layerParameters), scoredTokenCost: Double(headParameters),
            attendedCost: 2 * Double(attentionWidth))
    }

    func cost(promptLength: Int, responseLengths: some Sequence<Int>) -> Double {
        let prompt = Double(promptLength)
        var rows = prompt
        var scored = 0.0
        var attended = prompt * prompt / 2
        for length in responseLengths {
            let responseRows = Double(length - 1)
            rows += responseRows
            scored += Double(length)
            attended += responseRows * prompt + responseRows * responseRows / 2
        }
        return rowCost * rows + scoredTokenCost * scored + attendedCost * attended
    }
}
