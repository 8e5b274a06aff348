import Collectives
import Kernels
import Machine
import Modeling
import Preferences

/// Logps of whole sets of responses, computed by all ranks. Their bits don't depend on the packing, the ranks or the
/// threads: a row of a micro-batch is computed alike whatever its neighbours are.
package struct ResponseScoring {
    package let set: PreferenceSet
    package let communicator: Communicator
    let console: Console
    /// Draws those that a model with adapters for several objectives reads the comparisons with.
    var weights: WeightSampling?

    package init(set: PreferenceSet, communicator: Communicator, console: Console) {
        (self.set, self.communicator, self.console) = (set, communicator, console)
    }

    /// Σ logps in nats over the scored span of every response of the given comparisons; 0 for the other responses.
    ///
    /// - Parameters:
    ///   - title: for the progress line; nil: none.
    ///   - model: its directory, for messages.
    /// - Throws: `TrainingError.nonFiniteScore`, alike on every rank. Collective.
    func logps(of comparisons: [Int], with transformer: Transformer, title: String?, model: String) throws
        -> [Double]
    {
        var sums = [Double](repeating: 0, count: set.responses.count)
        try eachScore(of: comparisons, with: transformer, title: title) { response, logps in
            sums[response] = logps.reduce(0.0) { $0 + Double($1) }
        }
        communicator.sum(&sums)
        for comparison in comparisons {
            for response in set.comparisons[comparison].responses where !sums[response].isFinite {
                throw TrainingError.nonFiniteScore(model: model, line: set.comparisons[comparison].line)
            }
        }
        return sums
    }

    /// Calls `body` with the token logps of every response of this rank's share of the comparisons.
    package func eachScore(
        of comparisons: [Int], with transformer: Transformer, title: String?,
        _ body: (_ response: Int, _ logps: [Float]) -> Void
    ) throws {
        try eachMicroBatch(of: comparisons, with: [transformer], title: title) { microBatch, batch, spaces in
            for (planned, responses) in zip(microBatch.comparisons, transformer.score(batch, in: spaces[0])) {
                for (response, logps) in zip(set.comparisons[planned.comparison].responses, responses) {
                    body(response, logps)
                }
            }
        }
    }

    /// Calls `body` for each micro-batch of this rank's share of the comparisons, with all their responses packed, and room for
    /// a pass of each model over it.
    ///
    /// - Parameter transformers: of the same shape.
    func eachMicroBatch(
        of comparisons: [Int], with transformers: [Transformer], title: String?,
        _ body: (PlannedMicroBatch, PackedBatch, [Workspace]) -> Void
    ) throws {
        let transformer = transformers[0]
        let plan = planner(transformer.architecture).plan(scoring: comparisons)
        let extent = extent(of: plan, for: transformer.architecture)
        let spaces = try communicator.failingTogether(status: { _ in 4 }) {
            try transformers.map {
                try Workspace($0.architecture, low: $0.lowRank, extent: extent, purpose: .scoring, on: $0.pool)
            }
        }
        let mine = plan.ranks[communicator.rank]
        if title != nil { console.beginActivity() }
        let count = mine.reduce(0) { $0 + plan.microBatches[$1].comparisons.count }
        var scored = 0
        for index in mine {
            let microBatch = plan.microBatches[index]
            let batch = PackedBatch(
                allResponses(of: microBatch), for: transformer.architecture,
                weights: weights.map { sampling in
                    microBatch.comparisons.map { sampling.floats(of: $0.comparison, in: set, step: nil) }
                })
            body(microBatch, batch, spaces)
            scored += microBatch.comparisons.count
            if let title {
                console.progress("\(title): \(scored) of \(count) comparisons on this rank", isLast: false)
            }
        }
        if title != nil { console.endProgress() }
    }

    /// Bytes of memory that scoring takes while it lasts.
    func bytes(of comparisons: [Int], with transformer: Transformer) -> Int {
        let shape = transformer.architecture
        return Workspace.forecast(
            shape, low: transformer.lowRank, extent: extent(of: planner(shape).plan(scoring: comparisons), for: shape),
            purpose: .scoring, threads: transformer.pool.count
        ).reduce(0) { $0 + 4 * $1.floats }
    }

    /// Bytes of memory that scoring so many responses, each with a prompt of its own, takes while it lasts: as if all were as
    /// long as the longest.
    static func bytes(
        _ a: Architecture, low: LowRankExtent, texts: Int, prompt: Int, response: Int, threads: Int
    ) -> Int {
        let together = max(1, min(texts, tokensAtOnce / (prompt + response)))
        var extent = BatchExtent()
        extent.rows = together * (prompt + response)
        (extent.outputRows, extent.scoredRows) = (together * (response + 1), together * response)
        (extent.keys, extent.sequenceScoredRows) = (prompt + response, response)
        return Workspace.forecast(a, low: low, extent: extent, purpose: .scoring, threads: threads)
            .reduce(0) { $0 + 4 * $1.floats }
    }

    private func planner(_ shape: Architecture) -> StepPlanner {
        StepPlanner(
            shapes: set.shapes,
            settings: .init(
                globalBatchSize: max(1, set.judgements.count), microBatchTokens: ResponseScoring.tokensAtOnce,
                worldSize: communicator.size, cost: StepCost(shape)))
    }

    /// Of the largest micro-batch.
    private func extent(of plan: StepPlan, for shape: Architecture) -> BatchExtent {
        plan.microBatches.reduce(into: BatchExtent()) { extent, microBatch in
            extent.formUnion(BatchExtent(allResponses(of: microBatch), for: shape))
        }
    }

    /// Packed tokens of a forward pass: enough that reading the weights costs little.
    private static let tokensAtOnce = 2048

    /// All responses of a comparison, whether or not a pair of the plan needs them.
    private func allResponses(of microBatch: PlannedMicroBatch) -> [PackedSequence] {
        microBatch.comparisons.map { planned in
            let comparison = set.comparisons[planned.comparison]
            return PackedSequence(
                prompt: set.tokens[comparison.prompt],
                responses: set.responses[comparison.responses].map {
                    .init(tokens: set.tokens[$0.tokens], scored: $0.spans.ranges)
                })
        }
    }
}

extension StepCost {
    /// The cost of a model's rows, scored tokens and attention.
    init(_ a: Architecture) {
        self.init(
            layerParameters: a.blockParameters, headParameters: a.outputs * a.width,
            attentionWidth: a.layers * a.queryWidth)
    }
}
