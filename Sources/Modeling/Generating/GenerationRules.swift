/// The rules by which texts are drawn and end.
package struct GenerationRules {
    package var sampling: Sampling
    package var maxNewTokens: Int
    /// End tokens are left out of the draw, and stops overlooked, before so many tokens.
    package var minNewTokens: Int
    package var endTokens: Set<Int32>
    /// Whether the tokens of a continuation hold a text that ends it.
    package var stops: ((_ tokens: [Int32]) -> Bool)?

    package init(
        sampling: Sampling, maxNewTokens: Int, minNewTokens: Int = 0, endTokens: Set<Int32> = [],
        stops: ((_ tokens: [Int32]) -> Bool)? = nil
    ) {
        (self.sampling, self.maxNewTokens, self.minNewTokens) = (sampling, maxNewTokens, minNewTokens)
        (self.endTokens, self.stops) = (endTokens, stops)
    }

    /// Why a continuation ends with its last token; nil if it goes on.
    func ending(of tokens: [Int32]) -> Continuation.Ending? {
        if let last = tokens.last, endTokens.contains(last) { return .endToken }
        if tokens.count >= minNewTokens, let stops, stops(tokens) { return .stop }
        return tokens.count >= maxNewTokens ? .length : nil
    }
}
