import Machine
import RunFiles
import Storage

/// The cost of each method of `study front`, out of its runs' records. Evaluations and the drawing of responses to
/// judge policies by are no part of it.
struct FrontLedgers {
    private let study: FrontStudyFile
    private let lattice: WeightLattice
    private let drawnTokens: Double
    /// Of all runs by name: those of the ends and the reward models, and those of single weights.
    private let ends: [String: TrainingTokens]
    private let between: [String: TrainingTokens]
    /// Of the runs of PPO.
    private let rollouts: [String: FrontLedger.Cost]

    /// - Parameter drawnTokens: of a response of the reference.
    /// - Throws: `StorageError`.
    init(_ study: FrontStudyFile, _ runs: FrontRuns, drawnTokens: Double) throws {
        self.study = study
        self.drawnTokens = drawnTokens
        lattice = WeightLattice(objectives: study.objectives.count, parts: study.lattice)
        func rows(_ sweep: SweepFile?) throws -> [(run: SweepRun, row: SweepRow)] {
            guard let sweep else { return [] }
            let rows = try SweepRecord(sweep, console: Console(speaks: false)).rows
            return zip(sweep.runs, rows).compactMap { run, row in row.map { (run, $0) } }.filter { $0.row.failure == nil }
        }
        func tokens(_ rows: [(run: SweepRun, row: SweepRow)]) throws -> [String: TrainingTokens] {
            try Dictionary(
                uniqueKeysWithValues: rows.map {
                    ($0.row.name, try TrainingTokens(folder: $0.row.folder, seconds: $0.row.seconds))
                })
        }
        let (first, second) = (try rows(runs.ends), try rows(runs.between))
        ends = try tokens(first)
        between = try tokens(second)
        rollouts = try Dictionary(
            uniqueKeysWithValues: second.filter { $0.run.file.objective.judges == .prompts }.map {
                ($0.row.name, try FrontLedger.Cost(rolloutsOf: $0.run.file, folder: $0.row.folder, seconds: $0.row.seconds))
            })
    }

    /// In the order of the methods.
    var all: [FrontLedger] { study.methods.map(ledger) }

    /// The ends' training.
    private var endsCost: FrontLedger.Cost { sum(study.objectives.compactMap { ends[$0.name]?.cost }) }

    /// Each data set's reference logps once.
    private var reference: FrontLedger.Cost {
        .init(forward: study.objectives.reduce(0) { $0 + (ends[$1.name]?.epoch ?? 0) })
    }

    private func sum(_ costs: [FrontLedger.Cost]) -> FrontLedger.Cost { costs.reduce(.init(), +) }

    private func perModel(_ method: FrontStudyFile.Method) -> FrontLedger.Cost {
        let own = between.filter { $0.key.hasPrefix("\(method.rawValue)-") }.map(\.value.cost)
        return sum(own).divided(by: own.count)
    }

    private func ledger(_ method: FrontStudyFile.Method) -> FrontLedger {
        let inner = lattice.counts.count { lattice.end($0) == nil }
        func ledger(
            _ models: Int, _ perModel: FrontLedger.Cost, _ shared: FrontLedger.Cost, _ remark: String
        ) -> FrontLedger {
            FrontLedger(
                method: method.rawValue, finalModels: models, perModel: perModel, shared: shared, remark: remark)
        }
        switch method {
        case .modpo:
            // Every margin model scores every other objective's data once.
            let margins = FrontLedger.Cost(forward: Double(study.objectives.count - 1) * reference.forward)
            return ledger(
                inner, perModel(method), endsCost + reference + margins, "margin models, their logps and the reference's, once")
        case .sampled:
            // The ends score all data here, their own too.
            let margins = FrontLedger.Cost(forward: Double(study.objectives.count) * reference.forward)
            return ledger(
                lattice.counts.count, .init(), endsCost + reference + margins + (between[method.rawValue]?.cost ?? .init()),
                "the one run, margin models, their logps and the reference's, for any number of weights")
        case .lossWeighting: return ledger(inner, perModel(method), reference, "the reference's logps, once")
        case .soups: return ledger(inner, .init(), endsCost + reference, "the ends")
        case .morlhf:
            let models = sum(study.objectives.compactMap { ends["reward-\($0.name)"]?.cost })
            return ledger(
                lattice.counts.count, sum(Array(rollouts.values)).divided(by: rollouts.count), models, "reward models")
        case .bestOfN:
            return ledger(
                inner, .init(), .init(),
                "no training; \(study.bestOf) responses, \(Int((Double(study.bestOf) * drawnTokens).rounded())) tokens, "
                    + "for each answer, for ever")
        }
    }
}

extension FrontLedger.Cost {
    /// Of a run of PPO: its drawing, and each pass over the drawn responses.
    ///
    /// A step reads S rows, those of its prompts and of its responses but for their last tokens, once by the policy for old
    /// logps and values, once by the reference and by each reward model, and then in E passes forward and backward. Drawing
    /// reads the prompts once more.
    ///
    /// - Throws: `StorageError`.
    init(rolloutsOf run: RunFile, folder: String, seconds: Double) throws {
        let rows = try RunMetrics(folder: folder).rows
        var (prompts, generated, responses) = (0.0, 0.0, 0.0)
        for row in rows {
            guard let count = row["responses"]?.double, let length = row["completions/mean_length"]?.double else { continue }
            // A row's tokens are those of prompts with the longest responses.
            prompts += (row["tokens"]?.double ?? 0) - count * Double(run.ppo.responseLength - 1)
            generated += count * length
            responses += count
        }
        let read = prompts + generated - responses
        let models = run.rewards.sources.count { if case .model = $0.source { true } else { false } }
        let passes = Double(run.ppo.epochs)
        self.init(
            forward: prompts + Double(2 + models) * read + passes * read, backward: passes * read, generated: generated,
            seconds: seconds)
    }
}
