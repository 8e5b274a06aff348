/// The sizes of one comparison (a prompt and its responses), all that planning needs to know of it.
package struct ComparisonShape: Sendable, Equatable {
    /// Tokens of the prompt, at least 1.
    package var promptLength: Int
    /// Scored tokens of each response, at least 1 each.
    package var responseLengths: [Int]
    /// Of indices into the responses.
    package var judgements: [Judgement]

    package init(promptLength: Int, responseLengths: [Int], judgements: [Judgement]) {
        self.promptLength = promptLength
        self.responseLengths = responseLengths
        self.judgements = judgements
    }
}

/// One comparison's share of a step: some of its judgements (nearly always all), and the responses they need.
package struct PlannedComparison: Sendable, Equatable {
    /// Index into the shapes.
    package let comparison: Int
    /// Global indices of judgements, counted over all comparisons in file order. Those of a comparison are consecutive.
    package let judgements: Range<Int>
    /// Where these stand in `StepPlan.judgements`: results put there come out in step order on every rank.
    package let positions: Range<Int>
    /// Each needed response once, ascending: indices within the comparison.
    package let responses: [Int]
    /// Packed tokens: the prompt's and, of each response, all but the last, which predicts nothing.
    package let rows: Int
    /// Σ of the responses' lengths: rows of logits, had the prompt's last row one for each response.
    package let scoredTokens: Int
    /// Predicted cost in the units of `StepCost`.
    package let cost: Double

    /// Where one of `responses` stands in them.
    package func place(ofResponse response: Int) -> Int { responses.prefix { $0 < response }.count }
}

/// One packed forward and backward, its comparisons in step order.
package struct PlannedMicroBatch: Sendable, Equatable {
    package let comparisons: [PlannedComparison]
    package let rows: Int
    package let scoredTokens: Int
    package let cost: Double

    init(_ comparisons: [PlannedComparison]) {
        self.comparisons = comparisons
        rows = comparisons.reduce(0) { $0 + $1.rows }
        scoredTokens = comparisons.reduce(0) { $0 + $1.scoredTokens }
        cost = comparisons.reduce(0) { $0 + $1.cost }
    }
}

/// Who computes what in one step. Every rank makes the same plan by itself: it is a function of the shapes, the
/// settings and the step, and nothing is exchanged.
package struct StepPlan: Sendable, Equatable {
    /// Counted from 0 over the whole run.
    package let step: Int
    /// Counted from 0.
    package let epoch: Int
    package let microBatches: [PlannedMicroBatch]
    /// For each rank the indices of its micro-batches, ascending; empty for a rank with nothing to do.
    package let ranks: [[Int]]
    /// Global indices of judgements in step order; their number is what gradients are divided by.
    package let judgements: [Int]

    package var rows: Int { microBatches.reduce(0) { $0 + $1.rows } }
    package var scoredTokens: Int { microBatches.reduce(0) { $0 + $1.scoredTokens } }

    /// Predicted cost of the slowest rank over the mean of all ranks: 1 when the work is spread evenly.
    package var imbalance: Double {
        let costs = ranks.map { $0.reduce(0) { $0 + microBatches[$1].cost } }
        let total = costs.reduce(0, +)
        guard let slowest = costs.max(), total > 0 else { return 1 }
        return slowest * Double(ranks.count) / total
    }
}
