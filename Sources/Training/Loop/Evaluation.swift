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

    package init(
        set: PreferenceSet, columns: ResponseColumns, objective: Objective, communicator: Communicator, console: Console
    ) {
        (self.set, self.columns, self.objective) = (set, columns, objective)
        (self.communicator, self.console) = (communicator, console)
    }

    /// - Throws: on every rank alike. Collective.
    package func metrics(of transformer: Transformer, model: String) throws -> Metrics {
        let scoring = ResponseScoring(set: set, communicator: communicator, console: console)
        let logps = try scoring.logps(
            of: Array(set.comparisons.indices), with: transformer, title: "evaluation", model: model)
        var metrics = Metrics(of: objective)
        let batch = BatchStatistics(meanLength: set.meanLength(ofBest: set.judgements.indices))
        for judgement in set.judgements {
            let input = columns.input(
                judgement, in: set, logps: judgement.responses.map { logps[$0] })
            metrics.add(input, objective.evaluate(input, in: batch))
        }
        return metrics
    }
}
