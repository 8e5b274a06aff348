import Collectives
import Machine
import Modeling
import Preferences
import RunFiles

/// Holds what many runs of one job have in common. All ranks make it once, before the first run: pairs as token ids, in
/// memory of the whole node; digests of the models; logps of the reference and of margin models, in the cache that the runs
/// read.
package final class SharedInputs {
    /// The pairs of runs that read the same.
    struct Data {
        let identity: DataIdentity
        let train: PreferenceSet
        let evaluation: PreferenceSet?
        /// The lines that told what became of each file.
        let lines: [String]
        /// The training set's sizes, for planning.
        let shapes: [ComparisonShape]

        init(identity: DataIdentity, train: PreferenceSet, evaluation: PreferenceSet?, lines: [String]) {
            (self.identity, self.train, self.evaluation, self.lines) = (identity, train, evaluation, lines)
            shapes = train.shapes
        }
    }

    private(set) var data: [Data] = []
    /// Whether runs may begin; until then nothing that is known already is told again.
    private(set) var isComplete = false
    private var digests: [String: ModelDigests] = [:]
    /// The forecast of each run's cost.
    package private(set) var forecasts: [RunForecast] = []

    /// A model with what it is asked for.
    private struct Scoring {
        let key: String
        let run: RunFile
        let rows: RunSetup.Rows
        var comparisons: Set<Int>
    }

    /// - Throws: on every rank alike, for what is wrong with any of the runs. Collective.
    package init(for runs: [RunFile], over communicator: Communicator, console: Console) throws {
        var setup: RunSetup?
        var scorings: [Scoring] = []
        for run in runs {
            var current =
                try setup.flatMap { $0.goes(with: run) ? $0 : nil }
                ?? RunSetup(run, over: communicator, console: console, sharing: self)
            current.file = run
            setup = current
            let rows = try current.rows(mayBeBare: false)
            if data.allSatisfy({ $0.identity != rows.data.identity }) { data.append(rows.data) }
            let forecast = RunForecast(run, rows)
            forecasts.append(forecast)
            guard run.needsReferenceLogps || run.objective.needsMarginRewards else { continue }
            let key = SharedInputs.key(run) + " \(run.needsReferenceLogps) \(data.firstIndex { $0.identity == rows.data.identity } ?? 0)"
            let place = scorings.firstIndex { $0.key == key } ?? scorings.count
            if place == scorings.count {
                scorings.append(Scoring(key: key, run: run, rows: rows, comparisons: []))
            }
            scorings[place].comparisons.formUnion(forecast.comparisons)
        }
        defer { isComplete = true }
        guard var setup else { return }
        for scoring in scorings {
            setup.file = scoring.run
            try score(scoring, setup)
        }
    }

    private func score(_ scoring: Scoring, _ setup: RunSetup) throws {
        let model = try setup.model(for: scoring.rows, mayBeBare: false, needsDigests: true)
        let known = model.digests.shared(over: setup.communicator)
        digests[SharedInputs.key(scoring.run)] = known
        let sets =
            [(scoring.rows.train, scoring.comparisons.sorted())]
            + (scoring.rows.evaluation.map { [($0, Array($0.comparisons.indices))] } ?? [])
        for (set, comparisons) in sets {
            // Which prompts stand before other responses is known step by step only: a run asks for those itself.
            _ = try setup.columns(
                set, comparisons, [], initial: model.policy, known, scoring.rows.positions)
        }
    }

    /// Digests of a run's models, on every rank; nil for one whose models weren't asked for anything.
    func digests(for run: RunFile) -> ModelDigests? { digests[SharedInputs.key(run)] }

    /// Stands for the models of a run, by their folders.
    private static func key(_ run: RunFile) -> String {
        let folders = [run.model.path, run.adapters.path ?? "", run.model.referencePath ?? ""] + run.namedModels
        return (folders + [run.adapters.quantization.rawValue, "\(run.machine.roundsProducts)"]).joined(separator: "\n")
    }
}

extension RunSetup {
    /// Whether another run computes with as many threads in the same arithmetic.
    fileprivate func goes(with run: RunFile) -> Bool {
        run.machine.threadsPerRank == file.machine.threadsPerRank
            && run.machine.roundsProducts == file.machine.roundsProducts
    }
}
