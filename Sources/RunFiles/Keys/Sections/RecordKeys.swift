import Objectives

/// When something is done in the course of a run.
package enum Pace: String, Sendable, CaseIterable {
    case no, steps, epoch
}

/// Keys that say what a run writes down and keeps.
package struct RecordKeys: KeySection {
    package static let title = "records"

    package let loggingSteps: Key<Int> = Key(
        "logging_steps", .whole(from: 1), "Steps between lines of metrics.jsonl.",
        default: .value(1, "TRL has 10; steps on CPUs are seconds, lines are cheap"),
        synonyms: [.renamed("logging_interval", nil)])

    package let evalPace: Key<Pace> = Key(
        "eval_strategy", .choice(synonyms: [:]),
        "When eval_file is evaluated and sample_prompts are answered: steps, every eval_steps; epoch, after each epoch; no, at the end only.",
        default: .derived("steps if eval_steps is given, else no", "TRL's no") { run in
            run.records.evalSteps == nil ? .no : .steps
        },
        rule: Rule(with: "eval_file", "eval_steps", "sample_prompts") { run in
            if run.evaluatesNothing, run.records.evalPace != .no {
                return .unused(because: "there is no eval_file")
            }
            return run.records.evalPace == .steps && run.records.evalSteps == nil
                ? .expected("eval_steps beside it: how many steps between two evaluations") : nil
        },
        synonyms: [.renamed("evaluation_strategy", .trl)])

    package let evalSteps: Key<Int?> = Key(
        "eval_steps", optional: .whole(from: 1), "Steps between two evaluations.",
        default: .none("eval_strategy says when"),
        rule: Rule(with: "eval_file", "eval_strategy", "sample_prompts") { run in
            if run.evaluatesNothing { return .unused(because: "there is no eval_file") }
            return run.records.evalPace == .steps
                ? nil : .unused(because: "eval_strategy is \(run.records.evalPace.rawValue)")
        })

    package let savePace: Key<Pace> = Key(
        "save_strategy", .choice(),
        "When a checkpoint is saved: steps, every save_steps; epoch, after each epoch; no, at the end only.",
        default: .value(.steps, "TRL's"))

    package let saveSteps: Key<Int> = Key(
        "save_steps", .whole(from: 1), "Steps between two checkpoints; the last step is saved in any case.",
        default: .value(500, "TRL's"),
        rule: Rule(with: "save_strategy") { run in
            run.records.savePace == .steps
                ? nil : .unused(because: "save_strategy is \(run.records.savePace.rawValue)")
        })

    package let saveTotalLimit: Key<Int?> = Key(
        "save_total_limit", optional: .whole(from: 1), "Checkpoints to keep; older ones are deleted.",
        default: .none("all are kept", "TRL's"), synonyms: [.renamed("max_ckpt_num", .openRLHF)])

    package let savesInBackground: Key<Bool> = Key(
        "save_in_background", .flag,
        "Whether checkpoints are written from a copy while the steps go on. Without the memory for the copy all ranks wait.",
        default: .value(true, "the disk is slower than a step"))

    package let loadsBest: Key<Bool> = Key(
        "load_best_model_at_end", .flag, "Whether final/ is the best checkpoint instead of the last.",
        default: .value(false, "TRL's"),
        rule: Rule(with: "eval_file", "eval_strategy", "eval_steps", "save_strategy", "save_steps") { run in
            let records = run.records
            guard records.loadsBest else { return nil }
            if run.data.evalFiles.isEmpty { return .expected("false, or eval_file and eval_steps to find the best model with") }
            switch (records.evalPace, records.savePace) {
            case (.steps, .steps):
                guard let every = records.evalSteps, records.saveSteps % every != 0 else { return nil }
                return .expected(
                    "save_steps (\(records.saveSteps)) to be a multiple of eval_steps (\(every)), so that every checkpoint "
                        + "has been evaluated")
            case (.epoch, .epoch): return nil
            case (.no, _): return .expected("false, or eval_file and eval_steps to find the best model with")
            default: return .expected("false, or the same eval_strategy and save_strategy")
            }
        })

    package let metric: Key<String> = Key(
        "metric_for_best_model", .text,
        "Held-out metric by which the best checkpoint is chosen, with or without eval_.",
        default: .value("loss", "TRL's"),
        rule: Rule(with: "load_best_model_at_end", "loss_type") { run in
            guard run.records.loadsBest else { return .unused(because: "load_best_model_at_end is not true") }
            guard let objective = try? run.objective() else { return nil }
            let names = Metric.of(objective).filter { $0.isBetterWhen != .neither }.map(\.name)
            return names.contains(run.records.metricName) ? nil : .expected(YAMLText.alternatives(names))
        })

    package let reports: Key<[String]> = Key(
        "report_to", .reports,
        "Where metrics go beside metrics.jsonl: tensorboard, event files in output_dir/tensorboard; or none.",
        default: .value([], "metrics.jsonl has every number"),
        synonyms: [
            .converted("use_tensorboard", .openRLHF) { $0.bool == false ? nil : .string("tensorboard") },
            .converted("tensorboard_dir", .openRLHF) { _ in .string("tensorboard") },
        ])

    package let writesReport: Key<Bool> = Key(
        "report", .flag, "Whether report.html, a page on the whole run, is written at its end.",
        default: .value(true, "a page says more than lines of numbers"))
}

extension RunValues {
    fileprivate var evaluatesNothing: Bool { self.data.evalFiles.isEmpty && self.samples.promptsFile == nil }
}

extension Settings where Section == RecordKeys {
    /// `metric_for_best_model` without the prefix `eval_`; nil unless the best model is wanted.
    package var bestMetric: String? { self.loadsBest ? metricName : nil }

    /// Whether more of `bestMetric` is better.
    package func bestMetricIsGreatest(of objective: Objective) -> Bool {
        Metric.of(objective).first { $0.name == metricName }?.isBetterWhen == .greater
    }

    fileprivate var metricName: String {
        self.metric.hasPrefix("eval_") ? String(self.metric.dropFirst(5)) : self.metric
    }

    /// Whether a checkpoint is due after a step, counted from 1. The last step's is in any case.
    package func saves(after step: Int, stepsPerEpoch: Int) -> Bool {
        isDue(self.savePace, every: self.saveSteps, step, stepsPerEpoch)
    }

    /// Whether a checkpoint is due before the last step.
    package func savesBeforeEnd(of totalSteps: Int, stepsPerEpoch: Int) -> Bool {
        switch self.savePace {
        case .no: false
        case .steps: self.saveSteps < totalSteps
        case .epoch: stepsPerEpoch < totalSteps
        }
    }

    /// Whether an evaluation is due after a step, counted from 1.
    package func evaluates(after step: Int, stepsPerEpoch: Int) -> Bool {
        isDue(self.evalPace, every: self.evalSteps, step, stepsPerEpoch)
    }

    private func isDue(_ pace: Pace, every steps: Int?, _ step: Int, _ stepsPerEpoch: Int) -> Bool {
        switch pace {
        case .no: false
        case .steps: steps.map { step % $0 == 0 } ?? false
        case .epoch: step % stepsPerEpoch == 0
        }
    }
}
