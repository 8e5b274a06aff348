import Kernels
import Machine
import Modeling
import Preferences
import Storage

/// Rank 0's summary before step 0: the model, the objective, what makes up a step, and where the memory goes.
package struct RunSummary {
    package let lines: [String]
    /// Of the most memory that this process will have at once, with what it shares with the ranks of its node.
    package let forecast: Int

    /// - Parameter plan: nil for a run that saves nothing.
    package init(_ run: TrainingRun, saving plan: SavePlan? = nil) {
        let (file, a, planner) = (run.file, run.policy.architecture, run.planner)
        let world = run.communicator.size
        var lines = [
            "policy: \(file.model.path), \(a.family.name), \(a.layers) layers of width \(a.width), "
                + "\(grouped(run.trained.count)) trained parameters",
            "objective: \(file.objective)",
        ]
        if run.policy.frozen != nil { lines.insert("adapters: \(run.adapterText)", at: 1) }
        lines.append("reference: \(run.referenceText)")
        lines += run.rolloutTexts
        if let margins = file.marginsText { lines.append("margin rewards: \(margins)") }
        let batch = planner.settings.globalBatchSize
        let noun = file.objective.judges == .prompts ? "prompts" : "pairs"
        let files = run.train.set.parts.count { $0.lossWeight != nil }
        var equation = "\(batch) \(noun)\(files > 1 ? " of each of \(files) files" : "") a step"
        if case .perDevice(let pairs, let accumulation) = file.batch.size {
            equation += " = \(pairs) pairs × \(accumulation) accumulation × \(world) ranks"
        }
        let first = planner.plan(step: 0)
        let (count, most) = (first.microBatches.count, first.microBatches.map(\.rows).max() ?? 0)
        equation += "; the first: \(first.judgements.count) \(noun) = \(count) micro-batch\(count == 1 ? "" : "es") "
        equation += "of up to \(most) tokens over \(world) rank\(world == 1 ? "" : "s")"
        if world > 1 { equation += ", the slowest \(fixed(first.imbalance, 2)) × the mean" }
        lines.append(
            "steps: \(run.totalSteps), \(planner.stepsPerEpoch) an epoch over \(planner.judgements) \(noun); \(equation)")
        lines.append(
            "optimizer: \(file.optimizerText), \(file.optimizer.warmup.steps(of: run.totalSteps)) warm-up steps")

        if let buckets = run.gradientBuckets {
            lines.append("gradients: summed over the ranks in \(buckets.count) parts while the backward pass goes on")
        }

        var parts = RunSummary.memory(of: run)
        if let plan { parts.append(("snapshot", plan.snapshotBytes)) }
        parts.append(("all the rest", RunSummary.restNow(of: run)))
        let (own, shared) = (parts.reduce(0) { $0 + $1.bytes }, RunSummary.shared(run).reduce(0) { $0 + $1.bytes })
        // What came before, the reference's pass above all, may have been the peak already.
        forecast = max(own + shared, PeakMemory.bytes())
        lines.append("memory a rank: \(readableBytes(own))")
        for part in parts where part.bytes > 0 {
            let remark =
                switch part.name {
                case "snapshot": " on rank 0, to save in the background from"
                case "all the rest": " the program, its libraries, rows and tables, as measured"
                default: ""
                }
            lines.append("  \(pad(part.name, 14)) \(pad(readableBytes(part.bytes), -12))\(remark)")
        }
        lines += RunSummary.nodeLines(of: run)
        if let note = plan?.note { lines.append(note) }
        self.lines = lines
    }

    /// The forecast beside what the operating system counted.
    package var memoryLine: String {
        "memory: forecast \(readableBytes(forecast)), peak \(readableBytes(PeakMemory.bytes())) of the whole process"
    }

    /// Bytes of a rank's arrays by part.
    package static func memory(of run: TrainingRun) -> [(name: String, bytes: Int)] {
        let count = run.trained.count
        var parts: [(name: String, bytes: Int)] = [
            ("frozen copies", run.policy.frozen?.ownBytes ?? 0), ("weights", 4 * count),
            ("gradients", GradientVector.bytes(count: count, reproducible: run.file.machine.reproducible)),
            (
                "optimizer",
                Optimizer.bytes(
                    OptimizerState(run.file.optimizer.kind, table: run.trained.table),
                    of: run.shares[run.shares.ranks > 1 ? run.communicator.rank : 0])
            ),
        ]
        parts += Workspace.forecast(
            run.policy.architecture, low: run.policy.transformer.lowRank, extent: run.extent, purpose: run.purpose,
            threads: run.threads
        ).map { ($0.name, 4 * $0.floats) }
        let passing = passing(run)
        if passing.bytes > 0 { parts.append(passing) }
        if run.file.objective.judges == .prompts { parts.append(("drawing", PPOLearner.drawingBytes(run))) }
        parts.append(("packed panels", ThreadPool.panelBytes(threads: run.threads)))
        let tokens = [run.train.set, run.evaluation?.set].compactMap(\.?.tokens)
        parts.append(("token ids", tokens.reduce(0) { $0 + ($1.isShared ? 0 : $1.packedBytes) }))
        return parts
    }

    /// The arrays that the ranks of a node have together.
    private static func shared(_ run: TrainingRun) -> [(name: String, bytes: Int)] {
        let tokens = [run.train.set, run.evaluation?.set].compactMap(\.?.tokens)
        return [
            ("token ids", tokens.reduce(0) { $0 + ($1.isShared ? $1.packedBytes : 0) }),
            ("frozen weights", run.policy.frozen?.mappedBytes ?? 0),
            ("other models", otherModels(run)),
        ]
    }

    private static func nodeLines(of run: TrainingRun) -> [String] {
        let parts = shared(run).filter { $0.bytes > 0 }
        guard !parts.isEmpty else { return [] }
        return ["memory a node, once for all its ranks: \(readableBytes(parts.reduce(0) { $0 + $1.bytes }))"]
            + parts.map { "  \(pad($0.name, 14)) \(pad(readableBytes($0.bytes), -12))" }
    }

    /// The memory that the process has now beside the arrays that are named.
    private static func restNow(of run: TrainingRun) -> Int {
        let present = memory(of: run).filter { ["weights", "frozen copies", "token ids"].contains($0.name) }
        let tokens = shared(run).first { $0.name == "token ids" }?.bytes ?? 0
        let files = ResidentMemory.bytes(ofFilesBelow: [run.policy.source.base, run.file.cacheFolder])
        // What scoring has used of the panels already is named among them.
        let named = present.reduce(tokens + files + run.pool.residentPanelBytes) { $0 + $1.bytes }
        return max(0, ResidentMemory.bytes() - named)
    }

    /// Bytes of the arrays that only a learner makes.
    package static func bytesToCome(_ run: TrainingRun) -> Int {
        memory(of: run).filter { !["weights", "frozen copies", "packed panels", "token ids"].contains($0.name) }
            .reduce(0) { $0 + $1.bytes }
    }
}
