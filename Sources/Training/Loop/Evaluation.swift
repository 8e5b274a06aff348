import Collectives
import Kernels
import Machine
import Modeling
import Objectives
import Preferences

/// Held-out metrics of a policy: exact means over all pairs of a set, by all ranks.
package struct Evaluation {
    package let set: PreferenceSet
    let columns: ResponseColumns
    let objective: Objective
    package let communicator: Communicator
    let console: Console
    /// The name of the trained preference beside margin rewards.
    let preferenceName: String?

    /// Scored tokens of a set whose logps are kept one by one.
    private static let mostKeptTokens = 200_000

    package init(
        set: PreferenceSet, columns: ResponseColumns, objective: Objective, preferenceName: String?,
        communicator: Communicator, console: Console
    ) {
        (self.set, self.columns, self.objective) = (set, columns, objective)
        self.preferenceName = preferenceName
        (self.communicator, self.console) = (communicator, console)
    }

    /// - Throws: on every rank alike. Collective.
    package func result(of transformer: Transformer, model: String) throws -> EvaluationResult {
        var scoring = ResponseScoring(set: set, communicator: communicator, console: console)
        scoring.weights = columns.sampling
        // Of a small set the tokens' logps are kept: a report shows where a response went wrong.
        let keepsTokens = set.responses.reduce(0) { $0 + $1.length } <= Self.mostKeptTokens
        let all = Array(set.comparisons.indices)
        let tokenLogps =
            keepsTokens ? try scoring.tokenLogps(of: all, with: transformer, title: "evaluation", model: model) : []
        let logps =
            keepsTokens
            ? tokenLogps.map { $0.reduce(0.0, +) }
            : try scoring.logps(of: all, with: transformer, title: "evaluation", model: model)
        var metrics = Metrics(of: objective)
        var judgements: [JudgementResult] = []
        var agreement = ObjectiveAgreement(columns.margins)
        // The statistics are those of the whole set.
        var batch = BatchStatistics(meanLength: set.meanLength(ofBest: set.judgements.indices))
        if objective.needs(.mismatchedLogRatio) {
            batch.mismatchedLogRatio = try LogRatioScoring(
                set: set, columns: columns, communicator: communicator, console: console
            ).mismatched(set.judgements, with: transformer, model: model)
        }
        if objective.needs(.runningLogRatio) {
            let responses = set.judgements.flatMap(\.responses)
            batch.runningLogRatio = RunningMean(of: responses.map { logps[$0] - columns.reference[$0] }).value
        }
        for judgement in set.judgements {
            let input = columns.input(judgement, in: set, logps: judgement.responses.map { logps[$0] })
            let output = objective.evaluate(input, in: batch)
            metrics.add(input, output)
            let comparison = set.comparison(of: judgement)
            judgements.append(
                JudgementResult(
                    row: comparison.row, line: comparison.line, input: input, output: output,
                    weights: columns.weights(of: judgement, in: set)))
            agreement.add(judgement, output)
        }
        return EvaluationResult(
            metrics: metrics, judgements: judgements, tokenLogps: tokenLogps,
            objectives: agreement.values(preference: preferenceName, metrics),
            rewardSpread: agreement.spread)
    }
}

extension TrainingRun {
    /// The scoring of held-out pairs with the policy.
    package func scoring(heldOut set: PreferenceSet) -> ResponseScoring {
        var scoring = ResponseScoring(set: set, communicator: communicator, console: console)
        scoring.weights = evaluation?.columns.sampling
        return scoring
    }
}
