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

    /// The same share of the same comparison among others: so many comparisons and judgements before it, and results.
    func moved(comparisons: Int, judgements moved: Int, positions first: Int) -> PlannedComparison {
        PlannedComparison(
            comparison: comparison + comparisons,
            judgements: judgements.lowerBound + moved..<judgements.upperBound + moved,
            positions: positions.lowerBound + first..<positions.upperBound + first, responses: responses, rows: rows,
            scoredTokens: scoredTokens, cost: cost)
    }

    /// The place of one of `responses` in them.
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

/// The work of every rank in one step. Every rank makes the same plan by itself: it is a function of the shapes, the
/// settings and the step, and nothing is exchanged.
package struct StepPlan: Sendable, Equatable {
    /// Judgements whose mean loss has a weight in the step's.
    package struct Part: Sendable, Equatable {
        /// Of `judgements`.
        package let positions: Range<Int>
        package let weight: Double
    }

    /// Counted from 0 over the whole run.
    package let step: Int
    /// Counted from 0.
    package let epoch: Int
    package let microBatches: [PlannedMicroBatch]
    /// For each rank the indices of its micro-batches, ascending; empty for a rank with nothing to do.
    package let ranks: [[Int]]
    /// Global indices of judgements in step order.
    package let judgements: [Int]
    /// One of weight 1 with all of them; where every data file has a loss of its own, one for each.
    package let parts: [Part]

    init(
        step: Int, epoch: Int, microBatches: [PlannedMicroBatch], ranks: [[Int]], judgements: [Int], parts: [Part]? = nil
    ) {
        (self.step, self.epoch, self.microBatches) = (step, epoch, microBatches)
        (self.ranks, self.judgements) = (ranks, judgements)
        self.parts = parts ?? [Part(positions: judgements.indices, weight: 1)]
    }

    /// Steps of several data files as one: Σ w_k L_k. Every file's micro-batches stay as they are, so they have the bits that
    /// they have in a step of that file alone.
    ///
    /// - Parameter plans: each with its weight, and with the number of comparisons and of judgements before the file's first.
    init(
        step: Int, epoch: Int, joining plans: [(plan: StepPlan, weight: Double, comparisons: Int, judgements: Int)],
        worldSize: Int
    ) {
        var (microBatches, judgements, parts) = ([PlannedMicroBatch](), [Int](), [Part]())
        for (plan, weight, comparisons, before) in plans {
            let first = judgements.count
            microBatches += plan.microBatches.map { microBatch in
                PlannedMicroBatch(
                    microBatch.comparisons.map {
                        $0.moved(comparisons: comparisons, judgements: before, positions: first)
                    })
            }
            judgements += plan.judgements.map { $0 + before }
            parts.append(Part(positions: first..<judgements.count, weight: weight))
        }
        self.init(
            step: step, epoch: epoch, microBatches: microBatches,
            ranks: StepPlanPacking.ranks(of: microBatches.map(\.cost), worldSize: worldSize), judgements: judgements,
            parts: parts)
    }

    /// The number of the part that a position of `judgements` belongs to.
    package func part(of position: Int) -> Int {
        parts.count == 1 ? 0 : parts.firstIndex { $0.positions.contains(position) } ?? 0
    }

    /// The factor of the judgement at a position, of its loss and its gradient, in the step's sum: 1 over the number of
    /// judgements of its part, times the part's weight.
    package func share(of position: Int) -> Double {
        let part = parts[part(of: position)]
        // With a weight of 1 the bits are those of a step of this part alone.
        return part.weight * (1 / Double(part.positions.count))
    }

    /// The factor of the loss of the judgement at a position before the mean over all judgements is taken.
    package func lossWeight(of position: Int) -> Double {
        parts.count == 1 && parts[0].weight == 1
            ? 1 : share(of: position) * Double(judgements.count)
    }

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
