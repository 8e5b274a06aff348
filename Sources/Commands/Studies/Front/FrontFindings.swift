import Figures
import Machine
import Preferences
import RunFiles
import Statistics
import Storage

/// The findings of `study front`, and the text that tells them.
struct FrontFindings {
    private let names: [String]
    private let methods: [String]
    private let seed: Int
    var reference: FrontPoint?
    var points: [FrontPoint] = []
    var ledgers: [FrontLedger] = []

    init(_ study: FrontStudyFile) {
        names = study.objectives.map(\.name)
        methods = study.methods.map(\.rawValue)
        seed = study.seed
    }

    /// Draws of the prompts for intervals.
    private static let resamples = 500

    // MARK: - Hypervolume

    private func points(of method: String) -> [FrontPoint] { points.filter { $0.method == method } }

    /// The point that volumes lie above: the reference policy's means less a deviation of a prompt's reward.
    var corner: [Double] {
        guard let reference else { return names.map { _ in 0 } }
        return reference.rewards.map { Sample($0).mean - Sample($0).deviation }
    }

    struct Volume {
        let method: String
        let value: Double
        let interval: Interval
        let front: [FrontPoint]
    }

    /// Of each method, with its 95 % interval over prompts.
    var volumes: [Volume] {
        methods.compactMap { method in
            let own = points(of: method)
            guard let prompts = own.first?.rewards.first?.count else { return nil }
            let members = ParetoFront.members(of: own.map(\.means)).map { own[$0] }
            return Volume(
                method: method, value: volume(own, Array(0..<prompts)), interval: interval(prompts) { volume(own, $0) },
                front: members)
        }
    }

    private func volume(_ points: [FrontPoint], _ prompts: [Int]) -> Double {
        ParetoFront.hypervolume(of: points.map { $0.means(over: prompts) }, above: corner)
    }

    private func interval(_ prompts: Int, _ figure: ([Int]) -> Double) -> Interval {
        var random = SplitMix64(state: UInt64(seed))
        return Bootstrap.interval(items: prompts, resamples: Self.resamples, using: &random, of: figure)
    }

    /// MODPO's volume less another method's, drawn on the same prompts.
    private func lead(over method: String) -> Interval? {
        let (own, other) = (points(of: FrontStudyFile.Method.modpo.rawValue), points(of: method))
        guard let prompts = own.first?.rewards.first?.count, !other.isEmpty else { return nil }
        return interval(prompts) { volume(own, $0) - volume(other, $0) }
    }

    // MARK: - Rows

    var rows: [JSONObject] {
        var rows = (reference.map { [$0] } ?? []).map { $0.json(names) } + points.map { $0.json(names) }
        rows += volumes.map { volume in
            [
                "method": .string(volume.method), "hypervolume": .number(volume.value),
                "hypervolume_95": .array([.number(volume.interval.low), .number(volume.interval.high)]),
                "above": .object(zip(names, corner).reduce(into: JSONObject()) { $0[$1.0] = .number($1.1) }),
                "front": .array(volume.front.map { .array($0.weights.map { .number($0) }) }),
            ]
        }
        return rows + ledgers.map(\.json)
    }

    // MARK: - Figures

    /// One for each pair of objectives.
    var figures: [(name: String, figure: Figure)] {
        let pairs = names.indices.flatMap { a in names.indices.filter { $0 > a }.map { (a, $0) } }
        return pairs.map { a, b in
            (pairs.count == 1 ? "front" : "front-\(names[a])-\(names[b])", figure(a, b))
        }
    }

    private func figure(_ a: Int, _ b: Int) -> Figure {
        var figure = Figure(
            "Fronts of \(names[a]) and \(names[b])",
            note: "Mean true reward on held-out prompts, with standard errors; up and right is better."
                + (names.count == 2 ? " Numbers: the weight of \(names[a]) in \(title(methods[0]))." : ""),
            x: Axis(names[a]), y: Axis(names[b]))
        func dot(_ point: FrontPoint, label: String?) -> DataPoint {
            let (means, errors) = (point.means, point.standardErrors)
            return DataPoint(
                means[a], means[b], xError: means[a] - errors[a]...means[a] + errors[a],
                yError: means[b] - errors[b]...means[b] + errors[b], label: label,
                note: "w " + point.weights.map { fixed($0, 2) }.joined(separator: ", "))
        }
        for method in methods {
            let own = points(of: method)
            let isCurve = names.count == 2
            figure.points(
                title(method), own.map { dot($0, label: isCurve && method == methods.first ? fixed($0.weights[a], 2) : nil) },
                joined: isCurve)
        }
        if let reference { figure.points("reference", [dot(reference, label: nil)]) }
        return figure
    }

    func title(_ method: String) -> String {
        switch FrontStudyFile.Method(rawValue: method) {
        case .modpo: "MODPO"
        case .sampled: "MODPO, one adapter"
        case .soups: "soups"
        case .lossWeighting: "loss weighting"
        case .morlhf: "MORLHF"
        case .bestOfN: "best of n"
        case nil: method
        }
    }

    // MARK: - Words

    var lines: [String] {
        ["# study front", ""] + pointTable + [""] + volumeTable + [""] + ledgerTable + [""] + sentences
    }

    private func table(_ head: [String], _ rows: [[String]]) -> [String] {
        ([head] + [head.map { _ in "---" }] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
    }

    private var pointTable: [String] {
        table(
            ["method", "w"] + names + ["KL", "tokens"],
            ((reference.map { [$0] } ?? []) + points).map { point in
                let rewards = zip(point.means, point.standardErrors).map { "\(fixed($0, 3)) ± \(fixed($1, 3))" }
                let kl =
                    point.logRatios.map { "\(fixed(Sample($0).mean, 2)) ± \(fixed(Sample($0).standardError, 2))" }
                    ?? point.bound.map { "≤ \(fixed($0, 2))" } ?? ""
                let weights = point.method == "reference" ? "" : point.weights.map { fixed($0, 2) }.joined(separator: ", ")
                return [title(point.method), weights] + rewards + [kl, fixed(point.tokens, 1)]
            })
    }

    private var volumeTable: [String] {
        table(
            ["method", "hypervolume [95 %]", "points on its front"],
            volumes.map {
                [
                    title($0.method), "\(fixed($0.value, 3)) [\(fixed($0.interval.low, 3)), \(fixed($0.interval.high, 3))]",
                    "\($0.front.count) of \(points(of: $0.method).count)",
                ]
            }) + [
                "",
                "Volumes lie above " + zip(names, corner).map { "\($0) \(fixed($1, 3))" }.joined(separator: ", ")
                    + ": the reference's means less one deviation. Intervals: the held-out prompts drawn \(Self.resamples) times.",
            ]
    }

    private var ledgerTable: [String] {
        func tokens(_ cost: FrontLedger.Cost) -> String {
            "\(grouped(Int(cost.forward))) / \(grouped(Int(cost.backward))) / \(grouped(Int(cost.generated)))"
        }
        return table(
            [
                "method", "tokens of a final model: forward / backward / generated", "of shared stages",
                "work of a final model", "seconds of a final model", "with its share of the shared stages",
            ],
            ledgers.map {
                [
                    title($0.method), tokens($0.perModel), tokens($0.shared) + " (\($0.remark))", work($0.perModel),
                    fixed($0.perModel.seconds, 1), fixed($0.amortised.seconds, 1),
                ]
            }) + ["", "Work: multiply-adds for each parameter, 2 a token forward or generated and 4 a token backward, in thousands."]
    }

    private func work(_ cost: FrontLedger.Cost) -> String { grouped(Int((cost.work / 1000).rounded())) }

    private var sentences: [String] {
        guard points.contains(where: { $0.method == FrontStudyFile.Method.modpo.rawValue }) else { return [] }
        let others: [FrontStudyFile.Method] = [.sampled, .soups, .lossWeighting, .morlhf, .bestOfN]
        return others.compactMap { other -> String? in
            guard let lead = lead(over: other.rawValue) else { return nil }
            let verdict =
                lead.low > 0
                ? "MODPO's front encloses more than that of \(title(other.rawValue))"
                : lead.high < 0
                    ? "MODPO's front encloses less than that of \(title(other.rawValue))"
                    : "MODPO's front and that of \(title(other.rawValue)) can't be told apart"
            return "\(verdict): difference of hypervolumes from \(fixed(lead.low, 3)) to \(fixed(lead.high, 3))"
                + (other == .bestOfN ? " (it chooses by the true reward itself, which no trained policy sees)." : ".")
        } + (price.map { [$0] } ?? [])
    }

    /// The cost of MODPO's final model beside MORLHF's.
    private var price: String? {
        func ledger(_ method: FrontStudyFile.Method) -> FrontLedger? { ledgers.first { $0.method == method.rawValue } }
        guard let own = ledger(.modpo), let other = ledger(.morlhf), own.perModel.work > 0, other.perModel.work > 0 else {
            return nil
        }
        let (alone, together) = (other.perModel.work / own.perModel.work, other.amortised.work / own.amortised.work)
        return "A final model of MORLHF takes \(fixed(alone, 1)) times the work of one of MODPO, "
            + "\(fixed(together, 1)) times with the shared stages of both spread over their models."
    }
}
