import Checkpoints
import Collectives
import Machine
import Modeling
import RunFiles
import Storage
import Training

/// `iterate`: rounds of generating responses, rewarding them, making pairs, and training on these from the last round's model.
///
/// Each round has a folder in `output_dir` with all that was made in it. Whatever ends a job, the same command goes on where
/// it was, on any number of ranks, to the same files.
package struct IterateJob: Sendable {
    package let file: RunFile

    package init(_ file: RunFile) { self.file = file }

    /// - Returns: what every round was worth, on every rank.
    /// - Throws: on every rank alike. Collective.
    package func run(over communicator: Communicator, console: Console) throws -> Report {
        StopSignal.listen()
        let plan = try communicator.failingTogether { try file.requiredRounds() }
        let output = try communicator.failingTogether { try file.requiredOutputDirectory() }
        var lock: DirectoryLock?
        try communicator.onRoot {
            try FileSystem.makeDirectories(output)
            lock = try RunFolder.lock(output)
            try IterateRecord(of: file, prompts: plan.prompts).check(in: output)
        }
        defer { lock.take()?.release() }

        var model = RoundModel(file)
        var summaries: [RoundSummary] = []
        for round in 1...plan.count {
            let folder = RoundFolder(path: FileSystem.join(output, "round-\(round)"))
            try communicator.onRoot { try FileSystem.makeDirectories(folder.path) }
            try run(round, plan, in: folder, from: model, over: communicator, console: console)
            model = try communicator.failingTogether { try model.followed(by: folder.model) }
            let summary = try communicator.failingTogether {
                try RoundSummary(round: round, folder, rewards: file.rewards.sources.map(\.name), by: plan.decidingReward)
            }
            console.line(summary.line)
            summaries.append(summary)
        }
        let report = RoundReport(summaries, by: plan.decidingReward, model: model.path)
        try communicator.onRoot {
            try AtomicFile.write(
                summaries.map { JSON.object($0.json).text + "\n" }.joined(), to: FileSystem.join(output, "rounds.jsonl"))
        }
        return report.report
    }

    private func run(
        _ round: Int, _ plan: RunFile.Rounds, in folder: RoundFolder, from model: RoundModel,
        over communicator: Communicator, console: Console
    ) throws {
        func stage(_ stage: RoundFolder.Stage, from origin: () throws -> String, _ body: () throws -> Void) throws {
            let found = try communicator.onRoot { () throws -> (input: String, isDone: Bool) in
                let input = try origin()
                return (input, try folder.isDone(stage, from: input))
            }
            guard !communicator.broadcast(found?.isDone ?? false) else {
                console.line("round \(round) of \(plan.count), \(stage.rawValue): done, \(folder.file(stage))")
                return
            }
            console.line("round \(round) of \(plan.count), \(stage.rawValue):")
            try body()
            try communicator.onRoot { try folder.finish(stage, from: found?.input ?? "") }
            guard communicator.max(StopSignal.isRequested ? 1 : 0) == 0 else {
                throw TrainingError.stopped(checkpoint: folder.file(stage))
            }
        }

        let (drawing, rounds) = (file.ppo, file.rounds)
        try stage(.generate, from: { try Digest.of(FileSystem.read(plan.prompts)).hex + model.digest }) {
            var job = GenerationJob(
                model: model.model, adapter: model.adapter, prompts: .file(plan.prompts), output: folder.file(.generate))
            job.sampling = Sampling(temperature: drawing.temperature, topK: rounds.topK, topP: rounds.topP)
            (job.maxNewTokens, job.samples) = (drawing.responseLength, rounds.samples)
            // Other draws in each round.
            job.seed = file.data.seed &+ UInt64(round) &* 0x94D0_49BB_1331_11EB
            job.threads = file.machine.threadsPerRank
            try job.run(over: communicator, console: console)
        }
        try stage(.annotate, from: { try folder.digest(of: .generate) }) {
            try AnnotateJob(
                data: folder.file(.generate), output: folder.file(.annotate), rewards: file.rewards.sources,
                cacheFolder: FileSystem.join(file.cacheFolder, "rewards"), threads: file.machine.threadsPerRank
            ).run(over: communicator, console: console)
        }
        try stage(.pairs, from: { try folder.digest(of: .annotate) }) {
            try communicator.onRoot {
                let counts = try PairsJob(
                    data: folder.file(.annotate), output: folder.file(.pairs), name: plan.decidingReward,
                    choice: rounds.choice, leastGap: rounds.leastGap, seed: file.data.seed
                ).run(console: console)
                guard counts.pairs > 0 else {
                    throw TrainingError.input(
                        "round \(round): no two responses to a prompt differ in \(plan.decidingReward): raise samples or "
                            + "temperature, lower pairs_min_gap, or choose another reward")
                }
            }
        }
        try stage(.train, from: { try folder.digest(of: .pairs) + model.digest }) {
            try Trainer.run(
                model.training(file, on: folder.file(.pairs), in: folder.file(.train)), resume: .auto,
                over: communicator, console: console)
        }
    }
}
