import Kernels

/// The extent of a generation at a time: texts that are continued together, and rows whose keys and values are held.
package struct GenerationPlan: Sendable, Equatable {
    /// Tokens of the longest prompt, and of the longest continuation.
    package let longestPrompt: Int
    package let maxNewTokens: Int
    /// Texts in one round at most.
    package let texts: Int
    /// Pages of keys and values in each layer.
    let pages: Int

    /// Beyond so many texts a round is bound by arithmetic, and more of them gain nothing.
    private static let mostTexts = 128
    /// Rows of prompts that are read together.
    private static let rowsAtOnce = 512

    /// - Parameters:
    ///   - texts: continuations that are wanted of all prompts.
    ///   - batchTokens: rows of keys and values at most; nil: those of 128 texts, or what fits into `memory`.
    ///   - memory: bytes for them.
    /// - Returns: nil if `batchTokens` are fewer than `leastTokens`.
    package init?(
        _ a: Architecture, texts: Int, longestPrompt: Int, maxNewTokens: Int, batchTokens: Int? = nil, memory: Int
    ) {
        (self.longestPrompt, self.maxNewTokens) = (longestPrompt, maxNewTokens)
        self.texts = max(1, min(texts, GenerationPlan.mostTexts))
        let (page, most) = (KeyValuePages.rows, self.texts)
        let least = GenerationPlan.leastTokens(a, longestPrompt: longestPrompt, maxNewTokens: maxNewTokens)
        let all = most * least
        let tokens = batchTokens ?? min(all, max(least, memory / GenerationPlan.bytesPerToken(a)))
        guard tokens >= least else { return nil }
        pages = min(all, tokens) / page
    }

    /// Rows of keys and values that the longest prompt takes with one continuation, in whole pages.
    package static func leastTokens(_ a: Architecture, longestPrompt: Int, maxNewTokens: Int) -> Int {
        let own = GenerationPlan.ownPages(a, prompt: longestPrompt, maxNewTokens: maxNewTokens)
        return (KeyValuePages.count(rows: longestPrompt) + own) * KeyValuePages.rows
    }

    /// Bytes of the keys and values of a token in all layers.
    package static func bytesPerToken(_ a: Architecture) -> Int { 4 * 2 * a.keyWidth * a.layers }

    /// Tokens whose keys and values have room.
    package var tokens: Int { pages * KeyValuePages.rows }

    /// Bytes that a generator takes.
    package func bytes(_ a: Architecture, low: LowRankExtent, threads: Int) -> Int {
        let space = Workspace.forecast(a, low: low, extent: extent(a), purpose: .scoring, threads: threads)
        return tokens * GenerationPlan.bytesPerToken(a) + space.reduce(0) { $0 + 4 * $1.floats }
    }

    /// Pages of a continuation beside its prompt's: of its own rows (its last token is never read); or of the whole text
    /// where it may grow into another set of frequencies, by which all of its keys are rotated anew.
    static func ownPages(_ a: Architecture, prompt: Int, maxNewTokens: Int) -> Int {
        let longest = prompt + maxNewTokens - 1
        let changes = a.rotary.map { $0.frequencySet(length: longest) != $0.frequencySet(length: prompt) } ?? false
        return KeyValuePages.count(rows: changes ? longest : maxNewTokens - 1)
    }

    /// The extent of one pass.
    func extent(_ a: Architecture) -> BatchExtent {
        var extent = BatchExtent()
        let longest = longestPrompt + maxNewTokens
        let longestRead = a.rotary?.dependsOnLength == true ? longest : longestPrompt
        extent.rows = max(longestRead, GenerationPlan.rowsAtOnce, texts)
        extent.outputRows = max(texts, min(extent.rows, GenerationPlan.rowsAtOnce))
        (extent.scoredRows, extent.keys) = (extent.outputRows, longest)
        return extent
    }
}
