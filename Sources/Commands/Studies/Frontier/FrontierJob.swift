import Collectives
import Kernels
import Machine
import Objectives
import Preferences
import Rewards
import RunFiles
import Statistics
import Storage
import Training

/// `study frontier`: how much true reward each method gets for how much divergence from the reference. After figures 2 and
/// 3 of the DPO paper (arXiv 2305.18290), on one's own model or on the embedded example.
///
/// The reference draws responses, the true reward orders them in pairs, each method trains on these or by a reward, and every
/// checkpoint is judged by the true reward on held-out prompts. Runs that are complete are not run again.
package struct FrontierJob {
    private let study: FrontierFile
    private let communicator: Communicator
    private let console: Console
    private let pool: ThreadPool

    /// - Parameter study: nil for the embedded example.
    /// - Throws: on every rank alike. Collective.
    package init(_ study: FrontierFile?, over communicator: Communicator, console: Console) throws {
        (self.communicator, self.console) = (communicator, console)
        self.study = try communicator.failingTogether { try study ?? ExampleStudy.frontier(writes: communicator.isRoot) }
        communicator.barrier()
        pool = ThreadPool(count: communicator.neighbourhood.cores)
    }

    /// Writes `points.jsonl`, `temperatures.jsonl`, `frontier.svg`, `temperatures.svg` and `findings.md`.
    /// - Throws: on every rank alike. Collective.
    package func run() throws {
        let start = SteadyClock.now()
        try communicator.onRoot { try FileSystem.makeDirectories(study.outputDirectory) }
        console.line("study frontier: \(study.model), true reward \(study.truth.spec), into \(study.outputDirectory)")
        let truth = try scoring(NamedReward(name: "truth", source: study.truth))

        let runs = try prepare(truth)
        let all = try communicator.failingTogether { try runs.all() }
        // A step of PPO draws, scores and updates four times; judging the reference's many responses takes as long as a run.
        let weights = all.map { Double($0.points.last ?? 0) * ($0.method == .ppo || $0.method == .ppoTruth ? 4 : 1) }
        var progress = StudyProgress(
            parts: [Double(study.steps)] + weights + [Double(study.steps)], on: console)
        try train(runs.reward())
        progress.finish("reward model")

        let judge = try PolicyJudge(
            reference: study.model, prompts: study.heldOut, count: study.heldOutCount,
            responseLength: study.responseLength, seed: study.seed, on: pool, over: communicator)
        var points = [try point(.reference, nil, nil, study.model, judge, truth)]
        for run in all {
            try train(run.file)
            for step in run.points {
                let model = FileSystem.join(run.output, "checkpoint-\(step)")
                points.append(try point(run.method, run.setting, step, model, judge, truth))
            }
            progress.finish(points[points.count - 1].summary)
        }
        points += try bestOfN(judge, truth, learned: runs.rewardModel)
        let wins = try winRates(points, judge, truth)
        progress.finish("best-of-n and temperatures")

        let findings = FrontierFindings(points: points, wins: wins, study: study)
        try communicator.onRoot { try write(points, wins, findings) }
        for line in findings.lines { console.line(line) }
        console.line(
            "\(FileSystem.join(study.outputDirectory, "frontier.svg")): \(points.count) points in "
                + readableDuration(SteadyClock.now() - start))
    }

    private func scoring(_ reward: NamedReward) throws -> RewardScoring {
        try RewardScoring(
            [reward], cacheFolder: nil, on: pool, over: communicator, console: Console(speaks: false))
    }

    // MARK: - Data and runs

    /// Draws the responses, orders them, and says what the runs are. Collective.
    private func prepare(_ truth: RewardScoring) throws -> FrontierRuns {
        let drawer = try PolicyJudge(
            reference: study.model, prompts: study.prompts, count: study.promptCount,
            responseLength: study.responseLength, seed: study.seed &+ 1, on: pool, over: communicator)
        let drawn = try drawer.responses(of: drawer.open(study.model), samples: study.completions)
        let rewards = try drawer.rewards(of: drawn, by: truth)
        let made = FrontierPairs(of: drawn, rewards: rewards, seed: study.seed)
        let (pairs, prompts) = (
            FileSystem.join(study.outputDirectory, "pairs.jsonl"), FileSystem.join(study.outputDirectory, "prompts.jsonl")
        )
        try communicator.onRoot {
            for (path, rows) in [(pairs, made.pairs), (prompts, made.prompts)] {
                try AtomicFile.write(rows.map { $0.text + "\n" }.joined(), to: path)
            }
        }
        let sample = Sample(rewards)
        console.line(
            "\(pairs): \(made.pairs.count) pairs of \(drawn.responses.count) responses to \(made.prompts.count) prompts, true "
                + "reward \(fixed(sample.mean, 3)) ± \(fixed(sample.deviation, 3)); "
                + "\(fixed(100 * made.agreement, 1)) % of the pairs are ordered as it says")
        return FrontierRuns(study: study, pairs: pairs, prompts: prompts, maxLength: drawer.positions)
    }

    /// Trains a run, or goes on with it, or finds it done. Collective.
    private func train(_ file: @autoclosure () throws -> RunFile) throws {
        let file = try communicator.failingTogether(file)
        try Trainer.run(file, resume: .auto, over: communicator, console: Console(speaks: false))
    }

    // MARK: - Points

    private func point(
        _ method: FrontierMethod, _ setting: Double?, _ step: Int?, _ model: String, _ judge: PolicyJudge,
        _ truth: RewardScoring
    ) throws -> FrontierPoint {
        let policy = try judge.open(model)
        let drawn = try judge.responses(of: policy)
        let rewards = try judge.rewards(of: drawn, by: truth)
        let found = try judge.divergence(of: policy, along: drawn)
        return FrontierPoint(
            method: method, setting: setting, step: step, model: model, reward: Sample(rewards),
            divergence: Sample(found.exact),
            sampled: (Sample(found.sampled), Sample(zip(found.exact, found.sampled).map { $0 - $1 })),
            length: Sample(drawn.responses.map { Double($0.length) }).mean)
    }

    /// Most prompts of best-of-n: each takes as many responses as the largest N.
    private static let bestOfNPrompts = 64

    /// Best-of-n by the learned reward, from one set of the reference's responses. Collective.
    private func bestOfN(_ judge: PolicyJudge, _ truth: RewardScoring, learned: String) throws -> [FrontierPoint] {
        guard let most = study.bestOfN.max() else { return [] }
        let drawn = try judge.responses(
            of: judge.open(study.model), count: min(study.heldOutCount, Self.bestOfNPrompts), samples: most, salt: 1)
        let scoring = try scoring(
            NamedReward(name: "learned", source: .model(FileSystem.join(learned, "final"))))
        let worth = try judge.rewards(of: drawn, by: truth)
        let seen = try judge.rewards(of: drawn, by: scoring)
        return study.bestOfN.map { n in
            let weights = BestOfN.weights(of: most, best: n)
            let means = drawn.comparisons.map { comparison in
                let order = comparison.responses.sorted { (seen[$0], $0) < (seen[$1], $1) }
                return zip(order, weights).reduce(0) { $0 + $1.1 * worth[$1.0] }
            }
            return FrontierPoint(
                method: .bestOfN, setting: Double(n), step: nil, model: nil, reward: Sample(means),
                divergence: Sample([BestOfN.divergenceBound(n)]), sampled: nil, length: nil)
        }
    }

    // MARK: - Temperatures

    /// Each method's best policy at every temperature, against the reference at 1. Collective.
    private func winRates(
        _ points: [FrontierPoint], _ judge: PolicyJudge, _ truth: RewardScoring
    ) throws -> [FrontierWin] {
        let opponents = try judge.rewards(of: judge.responses(of: judge.open(study.model), salt: 2), by: truth)
        var wins: [FrontierWin] = []
        for method in FrontierMethod.allCases {
            let own = points.filter { $0.method == method && $0.model != nil }
            guard let model = own.max(by: { $0.reward.mean < $1.reward.mean })?.model else { continue }
            let policy = try judge.open(model)
            for temperature in study.temperatures {
                let rewards = try judge.rewards(of: judge.responses(of: policy, temperature: temperature), by: truth)
                let scores = zip(rewards, opponents).map { $0 > $1 ? 1 : $0 < $1 ? 0 : 0.5 }
                let rate = Sample(scores).mean
                wins.append(
                    FrontierWin(
                        method: method, temperature: temperature, rate: rate,
                        interval: .wilson(share: rate, of: scores.count), model: model))
            }
        }
        return wins
    }

    // MARK: - Results

    private func write(_ points: [FrontierPoint], _ wins: [FrontierWin], _ findings: FrontierFindings) throws {
        func write(_ name: String, _ text: String) throws {
            try AtomicFile.write(text, to: FileSystem.join(study.outputDirectory, name))
        }
        try write("points.jsonl", points.map { $0.json.text + "\n" }.joined())
        try write("temperatures.jsonl", wins.map { $0.json.text + "\n" }.joined())
        try write("frontier.svg", FrontierFigures.frontier(points).svg)
        try write("temperatures.svg", FrontierFigures.temperatures(wins).svg)
        try write("findings.md", findings.lines.joined(separator: "\n\n") + "\n")
    }
}

extension FrontierPoint {
    /// For people, on one line.
    var summary: String {
        "\(name): reward \(fixed(reward.mean, 3)) ± \(fixed(reward.standardError, 3)) at a KL of "
            + "\(fixed(divergence.mean, 3)) ± \(fixed(divergence.standardError, 3))"
    }
}
