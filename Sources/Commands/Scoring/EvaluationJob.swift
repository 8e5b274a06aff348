import Checkpoints
import Collectives
import Kernels
import Machine
import Modeling
import Objectives
import Preferences
import RunFiles
import Storage
import Training

/// `evaluate`: held-out metrics of a model by a run file's objective, reference and data.
package enum EvaluationJob {
    /// A model with what was found of it.
    package struct Found {
        package let model: String
        /// The same on every rank.
        package let result: EvaluationResult

        /// Metrics by name.
        package var json: JSONObject {
            var json: JSONObject = ["model": .string(model)]
            for (name, value) in result.row.members { json[name] = value }
            return json
        }
    }

    /// - Parameter model: the policy to evaluate, or the folder of the run that trained it. Its reference is that of the
    ///   run's training: the run file's model, with the adapter that it goes on from, unless the run file names another.
    /// - Throws: on every rank alike. Collective.
    package static func run(
        _ file: RunFile, model: String, over communicator: Communicator, console: Console
    ) throws -> Found {
        let pool = ThreadPool(
            count: file.machine.threadsPerRank ?? communicator.neighbourhood.cores,
            arithmetic: file.machine.roundsProducts ? .bfloat16 : .float32)
        let file = try communicator.failingTogether { () throws -> RunFile in
            if let margins = file.margins, margins.areSampled {
                let weights = margins.objectives.map { "\($0.name): \(fixed($0.weight, 2))" }.joined(separator: ", ")
                throw TrainingError.input(
                    "\(file.file): weights: sampled is for training; evaluate some of them, by --set 'weights={\(weights)}'")
            }
            return try file.takingTrainedScales()
        }
        let files = try communicator.failingTogether { try file.requiredEvalFiles() }
        let (source, start) = try communicator.failingTogether {
            (
                try ModelSource(FolderKind(model).finalModel ?? model),
                try ModelSource(file.model.path, adapter: file.adapters.path)
            )
        }
        // As the run's training sees it: an adapter on the same base shares it, quantised or not.
        let quantized = try file.quantize(start.base, over: communicator, on: pool)
        let (initial, policy) = try communicator.failingTogether {
            let initial = try LoadedModel(
                reading: start, positions: 1, quantization: file.adapters.quantization, folder: file.cacheFolder,
                digest: quantized, on: pool)
            let policy = try LoadedModel(reading: source, sharing: initial, positions: 1, on: pool)
            if file.objective.readsRewards {
                try policy.requireRewardModel()
            } else {
                try policy.architecture.requireLanguageModel(source.base)
            }
            return (try initial.requireVocabulary(of: policy), policy)
        }
        let set = try PreferenceSet.load(
            files,
            file.encoders(
                tokenizer: file.model.tokenizerPath ?? source.tokenizerPath, for: policy.architecture, over: communicator),
            seed: file.data.seed, over: communicator, threads: pool.count, console: console
        ) { console.line($0) }

        if file.needsReferenceLogps { console.line("reference: \(Reference(of: file, initial: initial).text)") }
        let positions = TrainingRun.positions(file, policy.architecture, [set])
        let digests = try communicator.onRoot { try ModelDigests(file, policy: initial) } ?? ModelDigests()
        let columns = try ResponseColumns(
            of: set, comparisons: Array(set.comparisons.indices), batches: [Array(set.judgements.indices)], run: file,
            initial: initial, digests: digests,
            using: LogpsColumn(
                communicator: communicator, console: console, cacheFolder: file.cacheFolder, arithmetic: pool.arithmetic
            ),
            positions: positions, on: pool)
        let result = try Evaluation(
            set: set, columns: columns, objective: file.objective, preferenceName: file.margins?.preferenceName,
            communicator: communicator, console: console
        ).result(of: communicator.failingTogether { try policy.seeing(positions: positions, on: pool) }, model: model)
        return Found(model: model, result: result)
    }
}

// MARK: - Row by row

extension EvaluationJob {
    /// - Throws: `TrainingError.input` for a path that can't be written.
    package static func checkOutput(_ path: String) throws { try OutputFile.check(path) }

    /// Writes a line for each judgement of each model.
    /// - Throws: `StorageError`.
    package static func writeRows(_ found: [Found], by objective: Objective, to path: String) throws(StorageError) {
        let lines = found.flatMap { found in
            found.result.verdicts(by: objective).map { verdict in
                var row: JSONObject = ["model": .string(found.model)]
                for (name, value) in verdict.members { row[name] = value }
                return JSON.object(row).text + "\n"
            }
        }
        try AtomicFile.write(lines.joined(), to: path)
    }
}
