import Figures
import Statistics
import Storage

/// The curves of a run: training as it was logged, pale, with its smoothed course, and held-out on the same axes.
struct RunFigures {
    private let run: RunRecord
    private let window: Int

    init(_ run: RunRecord) {
        self.run = run
        window = suitableWindow(for: run.steps.steps.count)
    }

    /// Those that the run has numbers for.
    var all: [Figure] {
        [loss, perplexity, margin, accuracy, rewards, logps, gradient, learningRate, throughput]
            .compactMap { $0 } + sampleRewards + rest
    }

    // MARK: - The named ones

    private var loss: Figure? {
        figure("Loss", axis: "loss") { figure in
            train("loss", "train", in: &figure)
            held("eval_loss", "held-out", in: &figure)
            if let untrained = value("eval_loss", at: 0) { figure.level("held-out, untrained", untrained) }
            moments(in: &figure)
        }
    }

    private var perplexity: Figure? {
        figure("Perplexity", axis: "perplexity") { figure in
            train("perplexity", "train", in: &figure)
            held("eval_perplexity", "held-out", in: &figure)
        }
    }

    private var margin: Figure? {
        figure("Reward margin", axis: "chosen − rejected") { figure in
            train("rewards/margins", "train", in: &figure)
            held("eval_rewards/margins", "held-out", in: &figure)
            moments(in: &figure)
        }
    }

    private var accuracy: Figure? {
        figure("Reward accuracy", note: "The band is Wilson's 95 % interval.", axis: "ranked rightly (%)") { figure in
            figure.y.range = 0...100
            train("rewards/accuracies", "train", scale: 100, in: &figure)
            var band: [(x: Double, low: Double, high: Double)] = []
            for row in run.evaluations {
                guard let step = row["step"]?.integer, let share = row["eval_rewards/accuracies"]?.double,
                    let count = row["eval_pairs"]?.integer, row["eval_ties"]?.double != 1
                else { continue }
                let interval = Interval.wilson(share: share, of: count)
                band.append((Double(step), 100 * interval.low, 100 * interval.high))
            }
            if !band.isEmpty { figure.band("95 %", band, colour: 1) }
            held("eval_rewards/accuracies", "held-out", scale: 100, in: &figure)
            figure.level("a coin's", 50)
            moments(in: &figure)
        }
    }

    private var rewards: Figure? { sides("Rewards of both sides", "rewards", axis: "reward") }

    private var logps: Figure? { sides("Log-probabilities of both sides", "logps", axis: "nats a response") }

    private func sides(_ title: String, _ family: String, axis: String) -> Figure? {
        figure(title, axis: axis) { figure in
            for (colour, side) in [(2, "chosen"), (5, "rejected")] {
                smooth("\(family)/\(side)", "\(side), train", colour: colour, in: &figure)
                held("eval_\(family)/\(side)", "\(side), held-out", colour: colour, in: &figure)
            }
        }
    }

    private var gradient: Figure? {
        figure("Gradient norm", note: "Before clipping.", axis: "norm") { figure in
            let norms = (run.steps["grad_norm"] ?? []).filter { $0.isFinite && $0 > 0 }
            if let least = norms.min(), let most = norms.max(), most > 100 * least { figure.y.scale = .logarithmic }
            train("grad_norm", "norm", in: &figure)
            if let text = run["max_grad_norm"], let limit = Double(text) { figure.level("max_grad_norm", limit) }
        }
    }

    private var learningRate: Figure? {
        figure("Learning rate", axis: "learning rate") { figure in
            if let points = run.steps.points("learning_rate") { figure.line("", points, colour: 0) }
        }
    }

    private var throughput: Figure? {
        guard let pairs = run.steps["pairs"], let seconds = run.steps["seconds"] else { return nil }
        return figure("Throughput", note: "Of the steps alone.", axis: "pairs/s") { figure in
            figure.y.including = [0]
            let points = run.steps.steps.indices.map { index in
                (x: Double(run.steps.steps[index]), y: seconds[index] > 0 ? pairs[index] / seconds[index] : .nan)
            }
            if window > 1 { figure.line("each row", points, .faint, colour: 0) }
            figure.line(smoothName("smoothed"), smoothed(points, window: window), colour: 0)
        }
    }

    /// A figure for each reward of the policy's samples.
    private var sampleRewards: [Figure] {
        let names = Set(run.evaluations.flatMap(\.names)).filter {
            $0.hasPrefix("eval_sample_rewards/") && !$0.hasSuffix("/low") && !$0.hasSuffix("/high")
        }
        return names.sorted().compactMap { name in
            figure("Samples: \(name.dropFirst("eval_sample_rewards/".count))", axis: "mean reward") { figure in
                var band: [(x: Double, low: Double, high: Double)] = []
                for row in run.evaluations {
                    guard let step = row["step"]?.integer, let low = row["\(name)/low"]?.double,
                        let high = row["\(name)/high"]?.double
                    else { continue }
                    band.append((Double(step), low, high))
                }
                if !band.isEmpty { figure.band("95 %", band, colour: 1) }
                held(name, "samples", in: &figure)
            }
        }
    }

    /// Numbers that no other figure has.
    private var rest: [Figure] {
        let known: Set<String> = [
            "loss", "perplexity", "rewards/margins", "rewards/accuracies", "rewards/chosen", "rewards/rejected",
            "logps/chosen", "logps/rejected", "grad_norm", "learning_rate", "pairs", "tokens", "seconds",
            "tokens_per_second", "epoch", "step", "samples", "ties",
        ]
        var names: [String] = []
        let evaluated = run.evaluations.flatMap(\.names).filter { $0.hasPrefix("eval_") }.map { String($0.dropFirst(5)) }
        for name in run.steps.names + evaluated
        where !known.contains(name) && !name.hasPrefix("time/") && !name.hasPrefix("sample_rewards/") && !names.contains(name) {
            names.append(name)
        }
        return names.prefix(24).compactMap { name in
            figure(name, axis: name) { figure in
                train(name, "train", in: &figure)
                held("eval_\(name)", "held-out", in: &figure)
            }
        }
    }

    // MARK: - Parts

    /// A figure over steps; nil without numbers.
    private func figure(
        _ title: String, note: String = "", axis: String, _ fill: (inout Figure) -> Void
    ) -> Figure? {
        var figure = Figure(title, note: note, x: Axis("step"), y: Axis(axis))
        figure.size = .inPage
        fill(&figure)
        return figure.isEmpty ? nil : figure
    }

    private func smoothName(_ name: String) -> String { window > 1 ? "\(name), mean of \(window) rows" : name }

    private func scaled(_ points: [(x: Double, y: Double)], _ scale: Double) -> [(x: Double, y: Double)] {
        scale == 1 ? points : points.map { ($0.x, scale * $0.y) }
    }

    private func train(_ column: String, _ name: String, scale: Double = 1, in figure: inout Figure) {
        guard let points = run.steps.points(column).map({ scaled($0, scale) }) else { return }
        guard window > 1 else { return figure.line(name, points, colour: 0) }
        figure.line(name, points, .faint, colour: 0)
        figure.line(smoothName(name), smoothed(points, window: window), colour: 0)
    }

    private func smooth(_ column: String, _ name: String, colour: Int, in figure: inout Figure) {
        guard let points = run.steps.points(column) else { return }
        figure.line(smoothName(name), smoothed(points, window: window), colour: colour)
    }

    private func held(_ column: String, _ name: String, scale: Double = 1, colour: Int = 1, in figure: inout Figure) {
        let points = run.evaluations.compactMap { row -> (x: Double, y: Double)? in
            guard let step = row["step"]?.integer, let value = row[column]?.double else { return nil }
            // Where all rewards tie, nothing is ranked rightly or wrongly yet.
            if column == "eval_rewards/accuracies", row["eval_ties"]?.double == 1 { return nil }
            return (Double(step), scale * value)
        }
        if !points.isEmpty { figure.line(name, points, .dotted, colour: colour) }
    }

    private func value(_ column: String, at step: Int) -> Double? {
        run.evaluations.first { $0["step"]?.integer == step }?[column]?.double
    }

    /// Epochs, checkpoints, resumptions and the best step.
    private func moments(in figure: inout Figure) {
        figure.moments("epoch", epochs)
        figure.moments("checkpoint", run.checkpoints.map(Double.init))
        let resumes = run.attempts.dropFirst().compactMap { $0["first_step"]?.integer }.filter { $0 > 1 }
        figure.moments("resumed", resumes.map { Double($0 - 1) })
        let losses = run.evaluations.compactMap { row in
            row["eval_loss"]?.double.flatMap { loss in row["step"]?.integer.map { (step: $0, loss: loss) } }
        }
        if losses.count > 2, let best = losses.min(by: { $0.loss < $1.loss }) {
            figure.moments("least held-out loss", [Double(best.step)])
        }
    }

    /// The steps at which an epoch ended, as far as rows tell.
    private var epochs: [Double] {
        guard let column = run.steps["epoch"] else { return [] }
        var ends: [Double] = []
        for (index, epoch) in column.enumerated() where epoch.isFinite {
            let former = index > 0 ? column[index - 1] : 0
            if former.isFinite, epoch.rounded(.down) > former.rounded(.down) { ends.append(Double(run.steps.steps[index])) }
        }
        // The run's own end says nothing.
        return ends.filter { $0 < Double(run.lastStep) }
    }
}
