import Figures
import Statistics
import Storage

/// The study's two pictures.
enum FrontierFigures {
    /// Reward against divergence, with standard errors.
    static func frontier(_ points: [FrontierPoint]) -> Figure {
        var figure = Figure(
            "True reward against divergence from the reference",
            note: "held-out prompts, temperature 1; bars are standard errors; each method at several settings and steps",
            x: Axis("KL(π ‖ reference), nats a response", .logarithmic), y: Axis("mean true reward"))
        for (colour, method) in FrontierMethod.allCases.filter({ $0 != .reference }).enumerated() {
            let own = points.filter { $0.method == method }
            guard !own.isEmpty else { continue }
            let dots = own.map { point in
                DataPoint(
                    point.divergence.mean, point.reward.mean, xError: bar(point.divergence), yError: bar(point.reward),
                    note: point.name)
            }
            let name = method == .bestOfN ? "best-of-n (bound of its KL)" : method.rawValue
            figure.points(
                name, method == .bestOfN ? dots : dots.sorted { $0.x < $1.x }, joined: method == .bestOfN, colour: colour)
        }
        if let reference = points.first(where: { $0.method == .reference }) {
            figure.level("reference", reference.reward.mean)
        }
        return figure
    }

    private static func bar(_ sample: Sample) -> ClosedRange<Double>? {
        let error = sample.standardError
        return error > 0 ? sample.mean - error...sample.mean + error : nil
    }

    /// Win rates against temperature, with 95 % intervals.
    static func temperatures(_ wins: [FrontierWin]) -> Figure {
        var figure = Figure(
            "Win rate over the reference's responses",
            note: "judged by the true reward, ties a half; the reference draws at temperature 1; 95 % intervals",
            x: Axis("temperature", including: [0]), y: Axis("win rate", including: [0.5]))
        let trained = FrontierMethod.allCases.filter { $0 != .reference }
        for method in FrontierMethod.allCases {
            let own = wins.filter { $0.method == method }
            guard !own.isEmpty else { continue }
            figure.points(
                method.rawValue,
                own.map { DataPoint($0.temperature, $0.rate, yError: $0.interval.low...$0.interval.high) },
                joined: true, colour: trained.firstIndex(of: method) ?? trained.count)
        }
        figure.level("no better", 0.5)
        return figure
    }
}
