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
    private var warnings: TrainingWarnings

    /// - Parameter checkpoint: a verified checkpoint folder to go on from, as rank 0 knows it.
    /// - Throws: on every rank alike. Collective.
    package init(
        _ run: TrainingRun, saving plan: SavePlan, outputDirectory: String, resumingFrom checkpoint: String?
    ) throws {
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
        let log = try communicator.onRoot { try MetricsLog(directory: folder.path, resumingAfter: state.step) }
        progress = Manifest.Progress(from: state.step)
        manifest = try run.manifest(in: folder.path)
        try communicator.onRoot {
            try AtomicFile.write(run.file.resolved(), to: FileSystem.join(folder.path, "run.yaml"))
            try manifest?.write(progress, clock, outcome: .running)
        }
        if state.step == 0 { try evaluate(log) }
        let (records, firstStep) = (run.file.records, state.step)
        let start = SteadyClock.now()
        var epoch: EpochPlan?

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
            try report(log, isDue: logs, since: start, firstStep: firstStep)
            for line in warnings.add(outcome, step: state.step) { console.line(line) }
            if records.evaluates(after: state.step, stepsPerEpoch: run.planner.stepsPerEpoch) { try evaluate(log) }
            saver.report()
            if saves { try save() }
            if outcome.stop, !isLast {
                try clock.measure(.save) { try saver.settle() }
                console.endProgress()
                throw TrainingError.stopped(checkpoint: folder.path(of: CheckpointFolder.name(ofStep: state.step)))
            }
        }

        try clock.measure(.save) { try saver.settle() }
        if run.evaluation != nil, lastEvaluation != state.step { try evaluate(log) }
        try finish()
        for line in warnings.atEnd(heldOut) { console.line(line) }
        if let conclusion = heldOut.conclusion { console.line(conclusion) }
        for line in clock.table(steps: state.step - firstStep) { console.line(line) }
        console.line("time: \(readableDuration(clock.elapsed)) in all; the steps went at \(progress.rateText)")
        for line in run.nextLines(after: folder.path) { console.line(line) }
        try communicator.onRoot { try manifest?.write(progress, clock, outcome: .done) }
    }

    // MARK: - Records

    private func report(_ log: MetricsLog?, isDue: Bool, since start: Double, firstStep: Int) throws {
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

    private func evaluate(_ log: MetricsLog?) throws {
        guard let held = run.evaluation else { return }
        let start = SteadyClock.now()
        let result = try clock.measure(.evaluate) {
            try Evaluation(
                set: held.set, columns: held.columns, objective: run.file.objective,
                preferenceName: run.file.margins?.preferenceName, communicator: communicator, console: console
            ).result(of: run.policy.transformer, model: run.file.model.path)
        }
        lastEvaluation = state.step
        var row: JSONObject = ["step": .integer(state.step)]
        for (name, value) in result.row.members { row[name] = value }
        row["eval_seconds"] = .number(SteadyClock.now() - start)
        try communicator.failingTogether { try log?.append(row) }
        console.line(heldOut.add(result, step: state.step))
        // What was of order 1 before the first step is known at the last.
        if state.step == run.totalSteps {
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
                guard let last = lastSave?.path else { return }
                try saver.finish(with: bestCheckpoint() ?? last)
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
