import Machine
import Statistics
import Storage

/// The results of the rounds of `iterate`: a table with 95 % intervals over prompts.
struct RoundReport {
    private let rounds: [RoundSummary]
    private let deciding: String
    private let model: String

    /// - Parameters:
    ///   - deciding: the reward that pairs were made by.
    ///   - model: what the last round ended with.
    init(_ rounds: [RoundSummary], by deciding: String, model: String) {
        (self.rounds, self.deciding, self.model) = (rounds, deciding, model)
    }

    /// A mean with half of its 95 % interval.
    static func text(_ sample: Sample) -> String {
        "\(fixed(sample.mean, 4)) ± \(fixed(Interval.z * sample.standardError, 4))"
    }

    var report: Report {
        var json: JSONObject = ["rounds": .array(rounds.map { .object($0.json) }), "model": .string(model)]
        for (name, change) in changes {
            json["held_out_change/\(name)"] = .number(change.mean)
            json["held_out_change/\(name)/standard_error"] = .number(change.standardError)
        }
        return Report(json: json, lines: lines)
    }

    /// By reward what all rounds together changed of the held-out one, prompt by prompt.
    private var changes: [(name: String, change: Sample)] {
        guard let first = rounds.first, let last = rounds.last else { return [] }
        return zip(first.heldOut, last.heldOut).map { before, after in
            (before.name, Sample(zip(before.before, after.after).map { $1 - $0 }))
        }
    }

    private var lines: [String] {
        var lines = ["round  responses   \(pad(deciding, 18)) pairs   gap     held-out \(deciding)"]
        if let first = held(rounds.first) { lines.append(pad("    0", 51) + Self.text(Sample(first.before))) }
        for round in rounds {
            let drawn = round.drawn.first { $0.name == deciding }.map { Self.text(Sample($0.values)) } ?? ""
            lines.append(
                "\(pad("\(round.round)", -5))  \(pad("\(round.responses)", -9))   \(pad(drawn, 18)) "
                    + "\(pad("\(round.pairs)", -5))   \(pad(fixed(Sample(round.gaps).mean, 3), 7)) "
                    + (held(round).map { Self.text(Sample($0.after)) } ?? "no sample_prompts"))
        }
        for (name, change) in changes {
            let errors = change.standardError > 0 ? fixed(change.mean / change.standardError, 1) : "–"
            lines.append(
                "held-out \(name): \(change.mean > 0 ? "+" : "")\(Self.text(change)) over all rounds, \(errors) standard errors "
                    + "of \(change.count) prompts")
        }
        return lines + ["the last round's model: \(model)"]
    }

    private func held(_ round: RoundSummary?) -> RoundSummary.HeldOut? {
        round?.heldOut.first { $0.name == deciding }
    }
}
