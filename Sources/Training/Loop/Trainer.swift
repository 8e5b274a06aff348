import Checkpoints
import Collectives
import Kernels
import Liveness
import Machine
import Modeling
import Objectives
import Preferences
import Storage

/// The training loop: which step comes next, and what is written down of it.
package final class Trainer {
    private let run: TrainingRun
    private let folder: CheckpointFolder
    private let communicator: Communicator
    private let console: Console
    private let learner: any StepLearner
    private let saver: CheckpointSaver
    private var state: TrainerState
    private var clock: PhaseClock
    private var progress: Manifest.Progress
    /// Rank 0's.
    private var manifest: Manifest?
    private var window: LogWindow
    private var lastEvaluation: Int?
    /// The checkpoint that was saved last, or that the run goes on from.
    private var lastSave: (step: Int, path: String)?
    private var usualSeconds = RunningMedian()
    private var heldOut = HeldOutProgress()
    /// Nil for a run without `sample_prompts`.
    private let samples: SampleEvaluation?
    private var sampleProgress = SampleProgress()
    private var warnings: TrainingWarnings
    /// Called after each step, and before the first, with the steps done and those of the whole run. What it throws ends
    /// this rank's job.
    private let afterStep: (Int, Int) throws -> Void
    /// The warnings told so far, for the run's records.
    private var saidWarnings: [String] = []
    /// Rank 0's.
    private var log: MetricsLog?
    /// Rank 0's, of a run with `sample_prompts`.
    private var sampleLog: StepLog?
    /// The newest evaluation.
    package private(set) var heldOutResult: EvaluationResult?
    /// Bytes that this process was expected to need at most, for the records.
    package var memoryForecast: Int?

    /// - Parameter checkpoint: a verified checkpoint folder to go on from, as rank 0 knows it.
    /// - Throws: on every rank alike. Collective.
    package init(
        _ run: TrainingRun, saving plan: SavePlan, outputDirectory: String, resumingFrom checkpoint: String?,
        afterStep: @escaping (Int, Int) throws -> Void = { _, _ in }
    ) throws {
        self.afterStep = afterStep
        self.run = run
        communicator = run.communicator
        console = run.console
        folder = CheckpointFolder(path: outputDirectory)
        clock = run.clock
        progress = Manifest.Progress(from: 0)
        learner = try run.learner()
        saver = try CheckpointSaver(run, plan: plan, folder: folder, descent: learner.descent)
        window = LogWindow(objective: run.file.objective)
        warnings = TrainingWarnings(
            objective: run.file.objective, maxGradNorm: run.file.optimizer.maxGradNorm, totalSteps: run.totalSteps)
        samples = try SampleEvaluation(run)
        state = TrainerState(step: 0, best: nil, identity: run.identity.members)
        if let checkpoint { try restore(checkpoint) }
    }

    private func restore(_ checkpoint: String) throws {
        let saved = try communicator.onRoot {
            let saved = try TrainerState(directory: checkpoint)
            if let difference = run.identity.difference(from: saved) {
                throw TrainingError.resumeMismatch(
                    checkpoint: checkpoint, what: difference.what, found: difference.found,
                    expected: difference.expected)
            }
            guard saved.step <= run.totalSteps else {
                throw TrainingError.input(
                    "\(checkpoint): step \(saved.step) is beyond the \(run.totalSteps) steps of this run; raise max_steps or "
                        + "num_train_epochs, choose an earlier checkpoint by --resume DIR, or begin anew by --resume never"
                )
            }
            return saved
        }
        state.step = communicator.broadcast(saved?.step ?? 0)
        let best = communicator.broadcast(saved?.best.map { [Double($0.step), $0.value] } ?? [])
        state.best = best.isEmpty ? nil : .init(step: Int(best[0]), value: best[1])
        learner.carried = CarriedState(numbers: communicator.broadcast(saved?.carried.numbers ?? []))
        try TrainerState.restore(
            from: checkpoint, weights: learner.descent.weights, optimizer: learner.descent.optimizer,
            over: communicator, on: run.pool)
        lastSave = (state.step, checkpoint)
        let isDone = state.step == run.totalSteps
        console.line(
            "resume: going on after step \(state.step) from \(checkpoint)"
                + (isDone ? "; that was the last step (--resume never begins anew)" : ""))
    }

    /// Runs all remaining steps and writes `final/`.
    ///
    /// - Throws: `TrainingError` on every rank alike; other errors through `SharedFailure`. Collective.
    package func train() throws {
        do {
            try takeSteps()
        } catch {
            saver.abandon()
            let isStop = if case TrainingError.stopped = error { true } else { false }
            try? manifest?.write(progress, clock, outcome: isStop ? .stopped : .failed("\(error)"))
            throw error
        }
    }

    private func takeSteps() throws {
        log = try communicator.onRoot {
            try MetricsLog(
                directory: folder.path, resumingAfter: state.step,
                tensorboard: run.file.records.reports.contains("tensorboard"))
        }
        sampleLog = try communicator.onRoot {
            try samples.map {
                try StepLog(
                    FileSystem.join(folder.path, "samples.jsonl"), resumingAfter: state.step, rowsPerStep: $0.count)
            }
        } ?? nil
        if state.step > 0, let log {
            heldOut.restore(
                HeldOutRecord(before: folder.path, judgements: run.evaluation?.set.judgements.count ?? 0),
                rows: log.evaluations)
        }
        progress = Manifest.Progress(from: state.step)
        manifest = try run.manifest(in: folder.path)
        try communicator.onRoot {
            try AtomicFile.write(run.file.resolved(), to: FileSystem.join(folder.path, "run.yaml"))
            try manifest?.write(progress, clock, outcome: .running)
        }
        if state.step == 0 { try evaluate() }
        let (records, firstStep) = (run.file.records, state.step)
        let start = SteadyClock.now()
        var epoch: EpochPlan?
        try afterStep(state.step, run.totalSteps)

        while state.step < run.totalSteps {
            let stepStart = SteadyClock.now()
            clock.beginStep()

            // The plan: the same on every rank, nothing exchanged.
            let plan = clock.measure(.plan) {
                let number = state.step / run.planner.stepsPerEpoch
                let current = epoch?.epoch == number ? epoch : run.planner.epoch(number)
                epoch = current
                return current.map { $0.plan(step: state.step) } ?? run.planner.plan(step: state.step)
            }
            let outcome = try learner.step(plan, clock: &clock)
            state.step += 1
            RunProgress.finishStep(usual: usualSeconds.add(SteadyClock.now() - stepStart))

            // Log, evaluate, save.
            let seconds = SteadyClock.now() - stepStart
            window.add(outcome, plan: plan, seconds: seconds, phases: clock.step)
            progress.add(step: state.step, pairs: plan.judgements.count, tokens: plan.rows, seconds: seconds)
            let isLast = state.step == run.totalSteps
            let saves =
                records.saves(after: state.step, stepsPerEpoch: run.planner.stepsPerEpoch) || isLast || outcome.stop
            // A row at every checkpoint too: a run that goes on from it can't know the steps since the last one.
            let logs = state.step % records.loggingSteps == 0 || saves
            try report(isDue: logs, since: start, firstStep: firstStep)
            try afterStep(state.step, run.totalSteps)
            for line in warnings.add(outcome, step: state.step) { warn(line) }
            if records.evaluates(after: state.step, stepsPerEpoch: run.planner.stepsPerEpoch) { try evaluate() }
            saver.report()
            if saves { try save() }
            if outcome.stop, !isLast {
                try clock.measure(.save) { try saver.settle() }
                console.endProgress()
                throw TrainingError.stopped(checkpoint: folder.path(of: CheckpointFolder.name(ofStep: state.step)))
            }
        }

        try clock.measure(.save) { try saver.settle() }
        if lastEvaluation != state.step { try evaluate() }
        try finish()
        for line in warnings.atEnd(heldOut) { warn(line) }
        if let conclusion = heldOut.conclusion {
            console.line(conclusion)
            manifest?.note("conclusion", .string(conclusion))
        }
        for conclusion in sampleProgress.conclusions { console.line(conclusion) }
        for line in clock.table(steps: state.step - firstStep) { console.line(line) }
        console.line("time: \(readableDuration(clock.elapsed)) in all; the steps went at \(progress.rateText)")
        for line in run.nextLines(after: folder.path) { console.line(line) }
        try noteResources()
        try communicator.onRoot { try manifest?.write(progress, clock, outcome: .done) }
    }

    // MARK: - Records

    private func warn(_ line: String) {
        console.line(line)
        saidWarnings.append(line)
        manifest?.note("warnings", .array(saidWarnings.map { .string($0) }))
    }

    /// Notes what this attempt took of the machine. Collective.
    private func noteResources() throws {
        let waits = communicator.gather(clock.total[.wait] ?? 0)
        let peaks = communicator.gather(Double(PeakMemory.bytes()))
        manifest?.note("rank_wait_seconds", .array(waits.map { .number($0) }))
        manifest?.note("rank_peak_memory_bytes", .array(peaks.map { .integer(Int($0)) }))
        if let memoryForecast { manifest?.note("memory_forecast_bytes", .integer(memoryForecast)) }
    }

    private func report(isDue: Bool, since start: Double, firstStep: Int) throws {
        let done = state.step - firstStep
        let left = (SteadyClock.now() - start) / Double(done) * Double(run.totalSteps - state.step)
        console.progress(
            window.progressLine(step: state.step, of: run.totalSteps) + ", \(readableDuration(left)) left",
            isLast: state.step == run.totalSteps)
        guard isDue else { return }
        let epoch = Double(state.step) / Double(run.planner.stepsPerEpoch)
        let row = window.row(step: state.step, epoch: epoch)
        window = LogWindow(objective: run.file.objective)
        try clock.measure(.log) { try communicator.failingTogether { try log?.append(row) } }
    }

    /// Held-out metrics and samples of the policy as it is.
    private func evaluate() throws {
        lastEvaluation = state.step
        let start = SteadyClock.now()
        var row: JSONObject = ["step": .integer(state.step)]
        let result = try evaluatePairs()
        for (name, value) in result?.row.members ?? [] { row[name] = value }
        // A run that ended between its last checkpoint and its end has them already.
        let isSampled = communicator.broadcast(sampleLog?.rowsOfLastStep.step == state.step)
        let drawn = try isSampled ? nil : clock.measure(.evaluate) { try samples?.result(step: state.step) }
        for (name, value) in drawn?.members.members ?? [] { row[name] = value }
        guard result != nil || drawn != nil else { return }
        row["eval_seconds"] = .number(SteadyClock.now() - start)
        try communicator.failingTogether {
            guard let log else { return }
            if let drawn { try sampleLog?.append(drawn.rows) }
            try log.append(row, samples: drawn?.rows ?? [])
            if let result, let held = run.evaluation {
                try log.append(
                    result.margins(by: run.file.objective), named: "eval/rewards/margins_histogram", step: state.step)
                try HeldOutRecord.write(
                    result, step: state.step, of: held.set, by: run.file.objective, to: folder.path)
            }
        }
        if let result { tell(result) }
        if let drawn { console.line(sampleProgress.add(drawn, step: state.step)) }
    }

    /// Nil without held-out pairs.
    private func evaluatePairs() throws -> EvaluationResult? {
        guard let held = run.evaluation else { return nil }
        return try clock.measure(.evaluate) {
            try Evaluation(
                set: held.set, columns: held.columns, objective: run.file.objective,
                preferenceName: run.file.margins?.preferenceName, communicator: communicator, console: console
            ).result(of: run.policy.transformer, model: run.file.model.path)
        }
    }

    /// Says what an evaluation found, and keeps it where it is the best so far.
    private func tell(_ result: EvaluationResult) {
        heldOutResult = result
        console.line(heldOut.add(result, step: state.step))
        // What comes to be of order 1 is known at the last step, and before the first where the reference isn't the policy.
        if state.step == run.totalSteps || (state.step == 0 && result.rewardSpread > 1e-3) {
            for line in run.train.columns.scales.flatMap({ $0.lines(beside: result.rewardSpread) }) {
                console.line(line)
            }
        }
        // The untrained policy is no checkpoint.
        if state.step > 0 { noteBest(result.metrics) }
    }

    private func noteBest(_ metrics: Metrics) {
        guard let name = run.file.records.bestMetric, let value = metrics[name] else { return }
        let isBetter =
            state.best.map {
                run.file.records.bestMetricIsGreatest(of: run.file.objective) ? value > $0.value : value < $0.value
            } ?? true
        if isBetter { state.best = .init(step: state.step, value: value) }
    }

    private func save() throws {
        guard lastSave?.step != state.step else { return }
        lastSave = (state.step, folder.path(of: CheckpointFolder.name(ofStep: state.step)))
        state.carried = learner.carried
        try clock.measure(.save) { try saver.save(state) }
        try communicator.onRoot { try manifest?.write(progress, clock, outcome: .running) }
    }

    /// `final/`: the model of the last checkpoint, or with `load_best_model_at_end` that of the best one.
    private func finish() throws {
        try clock.measure(.save) {
            try communicator.onRoot {
                guard let last = lastSave else { return }
                let best = bestCheckpoint()
                let card = ModelCard(
                    run, folder: folder.path, step: best == nil ? last.step : state.best?.step ?? last.step,
                    evaluations: log?.evaluations ?? [])
                try saver.finish(with: best ?? last.path, card: card.text)
            }
        }
        console.line("done: \(folder.path(of: "final"))")
    }

    /// The best checkpoint, if it is to be the result and isn't the last one; rank 0 looks.
    private func bestCheckpoint() -> String? {
        guard let metric = run.file.records.bestMetric, let best = state.best, best.step != state.step else {
            return nil
        }
        let path = folder.path(of: CheckpointFolder.name(ofStep: best.step))
        do {
            try folder.verify(path)
            console.line("final: the weights of step \(best.step), the best by \(metric)")
            return path
        } catch {
            console.line("final: the last weights; those of step \(best.step) were the best by \(metric), but \(error)")
            return nil
        }
    }
}

extension TrainingRun {
    /// The learner that takes the steps of this run's objective.
    /// - Throws: on every rank alike. Collective.
    package func learner() throws -> any StepLearner {
        if file.objective.judges == .prompts { return try PPOLearner(self) }
        return try Learner(self)
    }
}
