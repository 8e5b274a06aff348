import Machine
import RunFiles
import Statistics

/// The findings of a study of the frontier, in sentences.
struct FrontierFindings {
    let lines: [String]

    init(points: [FrontierPoint], wins: [FrontierWin], study: FrontierFile) {
        var lines: [String] = []
        let trained: [FrontierMethod] = [.dpo, .ppo, .ppoTruth, .unlikelihood, .preferredFT]
        func own(_ method: FrontierMethod) -> [FrontierPoint] { points.filter { $0.method == method } }
        if let reference = own(.reference).first {
            lines.append(
                "The reference's mean true reward is \(Self.text(reference.reward)) on \(reference.reward.count) held-out prompts.")
        }
        let levels = Self.levels.filter { level in trained.contains { Self.best(own($0), within: level) != nil } }
        for level in levels {
            let best = (trained + [.bestOfN]).compactMap { method in
                Self.best(own(method), within: level).map { "\(method.rawValue) \(Self.text($0.reward))" }
            }
            lines.append("Best mean reward at a KL of at most \(level) nats: \(best.joined(separator: ", ")).")
        }
        for other in [FrontierMethod.ppo, .ppoTruth, .preferredFT, .unlikelihood] where !own(.dpo).isEmpty {
            lines += Self.comparison(own(.dpo), own(other), other, levels).map { [$0] } ?? []
        }
        let judged = points.compactMap(\.disagreement)
        let apart = judged.count { $0 > 3 }
        lines.append(
            "The two estimates of the KL, over the vocabulary and of the drawn tokens, differ by more than 3 standard errors at "
                + "\(apart) of \(judged.count) points.")
        if let best = wins.filter({ trained.contains($0.method) }).max(by: { $0.rate < $1.rate }) {
            lines.append(
                "The highest win rate over the reference is \(best.method.rawValue)'s at temperature \(best.temperature): "
                    + "\(fixed(100 * best.rate, 1)) % (95 % interval \(fixed(100 * best.interval.low, 1)) to "
                    + "\(fixed(100 * best.interval.high, 1)) %).")
        }
        lines.append(
            "What this can't say: the settings of each method were few and not tuned, one seed was run of each, and the true "
                + "reward counts words. An order of methods that holds here need not hold for a large model.")
        self.lines = lines
    }

    private static func text(_ sample: Sample) -> String {
        "\(fixed(sample.mean, 3)) ± \(fixed(sample.standardError, 3))"
    }

    /// Divergences at which methods are compared, in nats a response.
    private static let levels = [0.1, 0.3, 1, 3, 10]

    private static func best(_ points: [FrontierPoint], within level: Double) -> FrontierPoint? {
        points.filter { $0.divergence.mean <= level }.max { $0.reward.mean < $1.reward.mean }
    }

    /// DPO against another method, level by level.
    private static func comparison(
        _ dpo: [FrontierPoint], _ others: [FrontierPoint], _ method: FrontierMethod, _ levels: [Double]
    ) -> String? {
        let differences = levels.compactMap { level -> Double? in
            guard let a = best(dpo, within: level)?.reward, let b = best(others, within: level)?.reward else { return nil }
            let error = (a.standardError * a.standardError + b.standardError * b.standardError).squareRoot()
            return error > 0 ? (a.mean - b.mean) / error : 0
        }
        guard !differences.isEmpty else { return nil }
        let (above, below) = (differences.count { $0 > 2 }, differences.count { $0 < -2 })
        return "dpo against \(method.rawValue) at these levels: above by more than two standard errors at \(above) of "
            + "\(differences.count), below at \(below), within them at \(differences.count - above - below)."
    }
}
