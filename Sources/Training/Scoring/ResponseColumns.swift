import Kernels
import Modeling
import Objectives
import Preferences
import RunFiles
import Storage

/// An objective's inputs for every response beside the policy: the reference's logps and the weighted margin rewards.
/// Computed before the first step, constant from then on.
package struct ResponseColumns: Sendable {
    /// Reference logps, sums in nats; empty if the objective needs none.
    private(set) var reference: [Double] = []
    /// Σ_{k≥1} w_k m_k(y), summed in the order of the run file; empty if the objective needs none. Where weights are drawn it
    /// isn't read.
    private(set) var marginReward: [Double] = []
    /// The weights' draws, if they are drawn.
    private(set) var sampling: WeightSampling?
    /// w_0 of the comparisons of each of the set's parts, where these have objectives of their own.
    private var preferenceWeights: [Double] = []

    /// m_k(y) of each margin reward, scaled, not weighted.
    private(set) var margins: [(name: String, values: [Double])] = []
    /// The spread of each margin reward between chosen and rejected.
    private(set) var scales: [MarginScale] = []
    /// The reference's logps of responses behind other prompts; empty unless the objective compares rewards with their mean.
    private(set) var mismatched: [PreferenceSet.Pairing: Double] = [:]
    /// Most tokens of a prompt with a response that the models are asked for.
    private(set) var longest = 0

    /// None, for a look at the data.
    package init() {}

    /// - Parameters:
    ///   - comparisons: those that the run will come to; the others' responses have no reference and no model's reward.
    ///   - batches: the judgements of each of its steps.
    ///   - initial: the initial policy, before any step.
    /// - Throws: on every rank alike. Collective.
    package init(
        of set: PreferenceSet, comparisons: [Int], batches: [[Int]], run: RunFile, initial: LoadedModel,
        digests: ModelDigests,
        using column: LogpsColumn, positions: Int, on pool: ThreadPool
    ) throws {
        func logps(
            _ path: String?, name: String, of other: PreferenceSet? = nil, _ load: () throws -> Transformer
        ) throws -> [Double] {
            try column.logps(
                of: other ?? set, comparisons: other.map { Array($0.comparisons.indices) } ?? comparisons,
                model: path ?? initial.source.path,
                digest: digests[path] ?? Digest.of([]), name: name,
                transformer: { try column.communicator.failingTogether(load) })
        }

        // The policy's own responses are there when it has drawn them.
        if run.needsReferenceLogps, run.objective.judges != .prompts {
            let model = Reference(of: run, initial: initial)
            reference = try logps(model.path, name: "reference") {
                try model.transformer(positions: positions, on: pool)
            }
            longest = positions
            if run.objective.needs(.mismatchedLogRatio) {
                var known: Set<PreferenceSet.Pairing> = []
                let pairings = batches.flatMap { set.mismatched($0.map { set.judgements[$0] }) }
                    .filter { known.insert($0).inserted }
                let paired = PreferenceSet(pairing: pairings, of: set, longest: longest)
                let values = try logps(model.path, name: "reference of mismatched responses", of: paired) {
                    try model.transformer(positions: positions, on: pool)
                }
                mismatched = Dictionary(uniqueKeysWithValues: zip(pairings, values))
            }
        }
        if run.objective.readsRewards, let margin = set.scores[RowMapping.margin] {
            marginReward = margin.map { Double($0) }
        }
        guard run.objective.needsMarginRewards, let given = run.margins else { return }
        marginReward = [Double](repeating: 0, count: set.responses.count)
        sampling = WeightSampling(run)
        if set.parts.contains(where: { $0.preference != nil }) {
            preferenceWeights = set.parts.map { given.weight(of: $0.preference ?? given.preferenceName) }
        }
        for reward in given.rewards {
            let values: [Double]
            switch reward.source {
            case .column(let name): values = (set.scores[name] ?? []).map { Double($0) }
            case .length(let factor): values = set.responses.map { factor * Double($0.length) }
            case .rewardModel(let path):
                values = try logps(path, name: "margin reward \(reward.name)") {
                    try initial.companion(path, givingRewards: true, positions: positions, on: pool)
                }
            case .model(let path, let beta):
                let logps = try logps(path, name: "margin reward \(reward.name)") {
                    try initial.companion(path, positions: positions, on: pool)
                }
                values = zip(logps, reference).map { beta * ($0 - $1) }
            }
            let scale = try MarginScale(reward, values: values, of: set)
            // With a factor of 1 the bits are the reward's own.
            let scaled = values.map { scale.factor * $0 }
            for response in scaled.indices {
                // An objective is no margin of its own preferences.
                let own = set.preference(of: set.responses[response].comparison) ?? given.preferenceName
                if own == reward.name { continue }
                marginReward[response] += reward.weight * scaled[response]
            }
            margins.append((reward.name, scaled))
            scales.append(scale)
        }
    }

    /// The objective's input for a judgement, given the policy's logps of its responses.
    ///
    /// - Parameter step: that weights are drawn for, counted from 0; nil: an evaluation.
    func input(_ judgement: Judgement, in set: PreferenceSet, logps: [Double], step: Int? = nil) -> JudgementInput {
        let comparison = set.responses[judgement.responses[0]].comparison
        let drawn = sampling.map { sampling in
            (
                weights: Dictionary(
                    uniqueKeysWithValues: zip(
                        sampling.objectives, sampling.weights(of: comparison, in: set, step: step))),
                preference: sampling.objectives[sampling.preference(of: comparison, in: set)]
            )
        }
        func margin(of response: Int) -> Double {
            guard let drawn else { return marginReward.isEmpty ? 0 : marginReward[response] }
            return margins.reduce(0) { sum, margin in
                margin.name == drawn.preference ? sum : sum + (drawn.weights[margin.name] ?? 0) * margin.values[response]
            }
        }
        return JudgementInput(
            judgement.verdict,
            zip(judgement.responses, logps).map { response, logps in
                ResponseInput(
                    logps: logps, referenceLogps: reference.isEmpty ? 0 : reference[response],
                    length: set.responses[response].length, marginReward: margin(of: response))
            }, preferenceWeight: drawn.map { $0.weights[$0.preference] ?? 1 } ?? preferenceWeight(of: comparison, in: set))
    }

    private func preferenceWeight(of comparison: Int, in set: PreferenceSet) -> Double? {
        guard !preferenceWeights.isEmpty, let part = set.parts.firstIndex(where: { $0.comparisons.contains(comparison) }) else {
            return nil
        }
        return preferenceWeights[part]
    }

    /// The weights that a judgement's input was made with, by objective; none where they aren't drawn.
    func weights(of judgement: Judgement, in set: PreferenceSet, step: Int? = nil) -> [(name: String, weight: Double)] {
        guard let sampling else { return [] }
        let comparison = set.responses[judgement.responses[0]].comparison
        return zip(sampling.objectives, sampling.weights(of: comparison, in: set, step: step)).map { ($0, $1) }
    }
}

extension Judgement {
    /// The same in terms of places among `responses`.
    fileprivate var verdict: JudgementInput.Verdict {
        switch self {
        case .pair: return .pair
        case .labelled(_, let isDesirable): return .labelled(isDesirable: isDesirable)
        case .demonstration, .prompt: return .demonstration
        case .list(let preferences):
            let places = Dictionary(zip(responses, 0...), uniquingKeysWith: { first, _ in first })
            return .list(
                preferences.map {
                    Preference(chosen: places[$0.chosen, default: 0], rejected: places[$0.rejected, default: 0])
                })
        }
    }
}

extension PreferenceSet {
    /// Σ n / judgements over the better responses of some judgements: what `nll_reduction: token` divides by.
    func meanLength(ofBest judgements: some Collection<Int>) -> Double {
        let tokens = judgements.reduce(0) { $0 + responses[self.judgements[$1].best].length }
        return Double(tokens) / Double(max(1, judgements.count))
    }
}
