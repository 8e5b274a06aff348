import Machine
import Statistics

/// The result of a run in a sentence, with what speaks against it.
struct RunVerdict {
    let sentence: String
    /// Worst first.
    let warnings: [String]

    init(_ run: RunRecord) {
        sentence = Self.heldOut(run) ?? Self.train(run)
        var warnings: [String] = []
        if let last = run.attempts.last?["outcome"]?.string, last != "done" {
            let done = run.totalSteps.map { "\(run.lastStep) of \($0)" } ?? "\(run.lastStep)"
            warnings.append(
                last == "running"
                    ? "The run is going on, or was killed: \(done) steps are logged."
                    : "The run isn't complete: its last attempt \(last.hasPrefix("failed") ? last : "was \(last)"), after \(done) steps.")
        }
        let losses = run.evaluations.compactMap { row in
            row["eval_loss"]?.double.flatMap { loss in row["step"]?.integer.map { (step: $0, loss: loss) } }
        }
        if let best = losses.min(by: { $0.loss < $1.loss }), let last = losses.last, best.step < last.step,
            last.loss - best.loss > 0.02 * abs(best.loss)
        {
            warnings.append(
                "Held-out loss was lowest at step \(best.step) (\(fixed(best.loss, 4))) and is \(fixed(last.loss, 4)) at the "
                    + "end: fewer steps, a lower learning_rate or load_best_model_at_end may help.")
        }
        for line in run.warnings {
            let text = line.replacing("warning: ", with: "").replacing("note: ", with: "")
            warnings.append(text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : "."))
        }
        self.warnings = warnings
    }

    /// The effect on held-out judgements; nil without both ends.
    private static func heldOut(_ run: RunRecord) -> String? {
        guard !run.before.isEmpty, run.before.count == run.after.count else { return means(run) }
        let (first, last) = (Sample(run.before.map(\.loss)), Sample(run.after.map(\.loss)))
        var random = Resampling()
        let difference = Bootstrap.difference(run.after.map(\.loss), run.before.map(\.loss), using: &random)
        let verb = difference.high < 0 ? "fell" : difference.low > 0 ? "rose" : "did not change measurably:"
        var text = "Held-out loss \(verb) from \(fixed(first.mean, 4)) to \(fixed(last.mean, 4)) "
        text += "(difference \(signed(last.mean - first.mean)), 95 % interval \(signed(difference.low)) to "
        text += "\(signed(difference.high)), \(run.after.count) judgements)"
        let right = run.after.compactMap(\.accuracy)
        if right.count == run.after.count {
            let share = Sample(right).mean
            let interval = Interval.wilson(share: share, of: right.count)
            text += "; \(percent(share)) of them are ranked rightly (\(percent(interval.low)) to \(percent(interval.high)))"
        }
        return text + "."
    }

    /// The same of a run that kept no judgements: without intervals.
    private static func means(_ run: RunRecord) -> String? {
        let losses = run.evaluations.compactMap { row in
            row["eval_loss"]?.double.flatMap { loss in row["step"]?.integer.map { (step: $0, loss: loss) } }
        }
        guard let first = losses.first, let last = losses.last, first.step < last.step else { return nil }
        var text = "Held-out loss went from \(fixed(first.loss, 4)) at step \(first.step) to \(fixed(last.loss, 4)) at step "
        text += "\(last.step)"
        if let row = run.evaluations.last, let share = row["eval_rewards/accuracies"]?.double,
            let count = row["eval_pairs"]?.integer
        {
            let interval = Interval.wilson(share: share, of: count)
            text += "; \(percent(share)) of \(count) judgements are ranked rightly "
            text += "(\(percent(interval.low)) to \(percent(interval.high)))"
        }
        return text + "."
    }

    /// The effect on the run's own steps: on the rewards of what the policy drew, else to the loss.
    private static func train(_ run: RunRecord) -> String {
        let scores = run.steps["objective/scores"]?.filter(\.isFinite) ?? []
        let (name, values) =
            scores.isEmpty
            ? ("Training loss", run.steps["loss"]?.filter(\.isFinite) ?? []) : ("The mean reward of drawn responses", scores)
        guard !values.isEmpty else { return "No step is logged yet." }
        let tenth = max(1, values.count / 10)
        let (first, last) = (Sample(Array(values.prefix(tenth))).mean, Sample(Array(values.suffix(tenth))).mean)
        return "\(name) went from \(fixed(first, 4)) to \(fixed(last, 4)) (means over the first and the last tenth of "
            + "\(run.lastStep) steps). What it does to other data isn't known: there are no two held-out evaluations to "
            + "compare."
    }

    static func signed(_ value: Double) -> String { (value > 0 ? "+" : "") + fixed(value, 4) }

    static func percent(_ share: Double) -> String { fixed(100 * share, 1) + " %" }
}
