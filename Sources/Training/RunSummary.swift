import Kernels
import Modeling
import Preferences
import Storage

/// What rank 0 says before step 0: the model, the objective, what makes up a step, and where the memory goes.
struct RunSummary {
    let lines: [String]
    /// Forecast bytes of one rank's arrays.
    let forecast: Int

    /// - Parameter plan: nil for a run that saves nothing.
    init(_ run: TrainingRun, saving plan: SavePlan? = nil) {
        let (file, a, planner) = (run.file, run.policy.architecture, run.planner)
        let world = run.communicator.size
        var lines = [
            "policy: \(file.model.path), \(a.family.rawValue), \(a.layers) layers of width \(a.width), "
                + "\(RunSummary.grouped(run.policy.weights.count)) parameters",
            "objective: \(file.objectiveText)",
        ]
        if let margins = file.marginsText { lines.append("margin rewards: \(margins)") }
        let batch = planner.settings.globalBatchSize
        var equation = "\(batch) pairs a step"
        if case .perDevice(let pairs, let accumulation) = file.batch.size {
            equation += " = \(pairs) pairs × \(accumulation) accumulation × \(world) ranks"
        }
        let first = planner.plan(step: 0)
        let (count, most) = (first.microBatches.count, first.microBatches.map(\.rows).max() ?? 0)
        equation += "; the first: \(first.pairs.count) pairs = \(count) micro-batch\(count == 1 ? "" : "es") "
        equation += "of up to \(most) tokens over \(world) rank\(world == 1 ? "" : "s")"
        if world > 1 { equation += ", the slowest \(fixed(first.imbalance, 2)) × the mean" }
        lines.append(
            "steps: \(run.totalSteps), \(planner.stepsPerEpoch) an epoch over \(planner.pairs) pairs; \(equation)")
        lines.append(
            "optimizer: \(file.optimizerText), \(file.optimizer.warmup.steps(of: run.totalSteps)) warm-up steps")

        var parts = RunSummary.memory(of: run)
        if let plan { parts.append(("snapshot", plan.snapshotBytes)) }
        forecast = parts.reduce(0) { $0 + $1.bytes }
        lines.append("memory a rank: \(readableBytes(forecast))")
        for part in parts where part.bytes > 0 {
            let remark = part.name == "snapshot" ? " on rank 0, to save in the background from" : ""
            lines.append("  \(pad(part.name, 14)) \(pad(readableBytes(part.bytes), -12))\(remark)")
        }
        if let note = plan?.note { lines.append(note) }
        self.lines = lines
    }

    /// The forecast beside what the operating system counted.
    var memoryLine: String {
        "memory: forecast \(readableBytes(forecast)) of arrays, peak \(readableBytes(PeakMemory.bytes())) of the whole process"
    }

    /// Bytes of a rank's arrays by part.
    static func memory(of run: TrainingRun) -> [(name: String, bytes: Int)] {
        let count = run.policy.weights.count
        var parts: [(name: String, bytes: Int)] = [
            ("weights", 4 * count),
            ("gradients", GradientVector.bytes(count: count, reproducible: run.file.machine.reproducible)),
            (
                "optimizer",
                Optimizer.bytes(
                    OptimizerState(run.file.optimizer.kind, table: run.policy.weights.table),
                    of: run.shares[run.shares.ranks > 1 ? run.communicator.rank : 0])
            ),
        ]
        parts += Workspace.forecast(
            run.policy.architecture, extent: run.extent, purpose: run.purpose, threads: run.threads
        ).map { ($0.name, 4 * $0.floats) }
        parts.append(("packed panels", ThreadPool.panelBytes(threads: run.threads)))
        parts.append(("token ids", 4 * (run.train.set.tokens.count + (run.evaluation?.set.tokens.count ?? 0))))
        return parts
    }

    /// Bytes of the arrays that only a learner makes.
    static func bytesToCome(_ run: TrainingRun) -> Int {
        memory(of: run).filter { !["weights", "packed panels", "token ids"].contains($0.name) }.reduce(0) {
            $0 + $1.bytes
        }
    }

    private static func grouped(_ number: Int) -> String {
        var digits = String(number)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }
}
