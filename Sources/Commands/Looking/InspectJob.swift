import Collectives
import Machine
import Preferences
import RunFiles
import Storage
import Tokenization
import Training

/// `inspect`: what training would see of a run's data, without computing anything with the model.
package enum InspectJob {
    /// - Parameter pairs: how many of the first pairs are shown token by token.
    /// - Throws: on every rank alike. Collective.
    package static func run(
        _ file: RunFile, pairs: Int, marks: TokenMarks, over communicator: Communicator
    ) throws -> Report {
        let silent = Console(speaks: false)
        let run = try TrainingRun(file, over: communicator, console: silent, computingColumns: false, mayBeBare: true)
        let tokenizer = try communicator.failingTogether { try TextEncoding(folder: run.tokenizerPath).tokenizer }
        let shown = InspectedPairs(count: pairs, marks: marks, tokenizer: tokenizer)
        let train = InspectedSet(run.train.set, title: "train", shown)
        let evaluation = run.evaluation.map { InspectedSet($0.set, title: "eval", shown) }

        var lines = ["mapping"] + run.dataLines.map { "  " + $0 }
        lines += train.lines
        var json: JSONObject = [
            "mapping": .array(run.dataLines.map { .string($0) }), "train": .object(train.json),
        ]
        if let evaluation {
            lines += evaluation.lines
            json["eval"] = .object(evaluation.json)
            let shared = evaluation.facts.promptsShared(with: train.facts)
            lines += ["", "overlap", "  \(shared) of \(evaluation.facts.prompts) prompts of eval are in train too"]
            json["eval_prompts_in_train"] = .integer(shared)
        }
        let summary = RunSummary(run)
        lines += ["", "run"] + summary.lines.map { "  " + $0 }
        var parts = JSONObject()
        for part in RunSummary.memory(of: run) { parts[part.name] = .integer(part.bytes) }
        json["memory_forecast_bytes"] = .object(parts)
        json["steps"] = .integer(run.totalSteps)
        return Report(json: json, lines: lines)
    }
}

/// Pairs to be shown token by token.
struct InspectedPairs {
    let count: Int
    let marks: TokenMarks
    let tokenizer: Tokenizer?

    func lines(_ set: PreferenceSet) -> [String] {
        set.judgements.prefix(count).enumerated().flatMap { number, judgement in
            ["  \(set.noun) \(number + 1), line \(set.comparison(of: judgement).line)"]
                + judgement.namedResponses.map { name, response in
                    "    \(pad(name, 8)) \(marks.line(set.responses[response], in: set, tokenizer))"
                }
        }
    }

    func json(_ set: PreferenceSet) -> JSON {
        .array(
            set.judgements.prefix(count).map { judgement in
                let comparison = set.comparison(of: judgement)
                var object: JSONObject = [
                    "line": .integer(comparison.line),
                    "prompt": tokens(set.tokens[comparison.prompt], after: []),
                ]
                for (name, index) in judgement.namedResponses { object[name] = response(index, in: set) }
                return .object(object)
            })
    }

    private func response(_ index: Int, in set: PreferenceSet) -> JSON {
        let response = set.responses[index]
        let prompt = set.tokens[set.comparisons[response.comparison].prompt]
        let whole = set.tokens[response.tokens]
        // What others say between the turns, and each turn.
        var parts: [(unscored: JSON, scored: JSON)] = []
        var end = 0
        for turn in response.spans.ranges {
            let before = prompt + whole.prefix(end)
            let gap = whole.dropFirst(end).prefix(turn.lowerBound - end)
            let scored = whole.dropFirst(turn.lowerBound).prefix(turn.count)
            parts.append((tokens(gap, after: before), tokens(scored, after: before + gap)))
            end = turn.upperBound
        }
        func json(_ part: (unscored: JSON, scored: JSON)) -> JSONObject {
            ["unscored": part.unscored, "scored": part.scored]
        }
        guard parts.count > 1 else { return .object(parts.first.map(json) ?? [:]) }
        return ["turns": .array(parts.map { .object(json($0)) })]
    }

    private func tokens(_ ids: ArraySlice<Int32>, after context: ArraySlice<Int32>) -> JSON {
        guard let tokenizer else { return .array(ids.map { .integer(Int($0)) }) }
        let pieces = TokenMarks.pieces(ids, after: context, tokenizer)
        return .array(zip(ids, pieces).map { [.integer(Int($0)), .string($1)] })
    }
}

extension Judgement {
    /// Its responses by what it calls them.
    fileprivate var namedResponses: [(name: String, response: Int)] {
        switch self {
        case .pair(let pair): [("chosen", pair.chosen), ("rejected", pair.rejected)]
        case .list: responses.enumerated().map { ("response \($0.offset)", $0.element) }
        case .labelled(let response, let isDesirable): [(isDesirable ? "desirable" : "undesirable", response)]
        case .demonstration(let response): [("chosen", response)]
        case .prompt: []
        }
    }
}

/// One set's share of the report.
struct InspectedSet {
    let facts: PreferenceFacts
    let lines: [String]
    let json: JSONObject

    init(_ set: PreferenceSet, title: String, _ shown: InspectedPairs) {
        let facts = PreferenceFacts(of: set)
        self.facts = facts
        let (good, bad) =
            switch set.judgements.first {
            case .labelled?: ("desirable", "undesirable")
            // As long as it may become.
            case .prompt?: ("response", "")
            default: ("chosen", "rejected")
            }
        let lengths = [
            ("prompt", facts.promptLengths), (good, facts.chosenLengths), (bad, facts.rejectedLengths),
        ].compactMap { name, lengths in LengthDistribution(lengths).map { (name, $0) } }
        let identical = (set.drops + set.skips).count { $0.reason == .identicalResponses }
        let (longer, shorter) = facts.longerChosen
        let difference = facts.meanLengthDifference

        var lines = ["", "\(title): the first \(set.noun)s, scored tokens marked"] + shown.lines(set)
        lines += ["", "\(title): lengths in tokens"]
        for (name, lengths) in lengths { lines += InspectedSet.histogram(name, lengths) }
        lines += ["", "\(title): what is dropped"]
        lines += InspectedSet.counts(set.drops).map { "  \(pad("\($0.count)", -6)) rows: \($0.reason)" }
        lines += InspectedSet.counts(set.skips).map {
            "  \(pad("\($0.count)", -6)) \(set.noun)s of kept rows: \($0.reason)"
        }
        if set.drops.isEmpty, set.skips.isEmpty { lines.append("  nothing") }
        lines += [
            "", "\(title): \(set.noun)s",
            "  \(pad("\(facts.promptLengths.count)", -6)) \(set.noun)s of \(facts.prompts) different prompts",
        ]
        if facts.lengthDifferences.isEmpty {
            lines.append("  \(pad("\(facts.duplicates)", -6)) duplicates (prompt and response of an earlier one)")
        } else {
            lines.append(
                "  \(pad("\(facts.duplicates)", -6)) duplicates (prompt and both responses of an earlier pair)")
        }
        if !facts.rejectedLengths.isEmpty {
            let turned = good == "desirable" ? "an earlier response with the other label" : "an earlier pair the other way round"
            lines.append("  \(pad("\(facts.contradictions)", -6)) contradictions (\(turned))")
        }
        if !facts.lengthDifferences.isEmpty {
            lines += [
                "  \(pad("\(identical)", -6)) with identical responses, dropped",
                "  chosen is longer in \(fixed(100 * longer, 1)) % of pairs, shorter in \(fixed(100 * shorter, 1)) %; "
                    + "on average \(fixed(abs(difference), 1)) tokens \(difference < 0 ? "fewer" : "more")",
            ]
        }
        self.lines = lines

        var distributions = JSONObject()
        for (name, lengths) in lengths { distributions[name] = InspectedSet.json(lengths) }
        var json: JSONObject = [
            "rows": .integer(set.rows), "comparisons": .integer(set.comparisons.count),
            "pairs": .integer(set.judgements.count), "prompts": .integer(facts.prompts),
            "formats": InspectedSet.object(set.formats.map { ($0.format.noun, $0.rows) }),
            "dropped_rows": InspectedSet.object(InspectedSet.counts(set.drops)),
            "dropped_pairs": InspectedSet.object(InspectedSet.counts(set.skips)),
            "notes": InspectedSet.object(
                RowNote.allCases.compactMap { note in set.notes[note].map { (note.phrase, $0.count) } }),
            "unused_columns": .array(set.unusedColumns.map { .string($0) }),
            "duplicates": .integer(facts.duplicates), "contradictions": .integer(facts.contradictions),
            "identical_responses": .integer(identical), "lengths": .object(distributions),
            "first_pairs": shown.json(set),
        ]
        if !facts.lengthDifferences.isEmpty {
            json["chosen_longer_share"] = .number(longer)
            json["chosen_shorter_share"] = .number(shorter)
            json["mean_length_difference"] = .number(difference)
        }
        self.json = json
    }

    private static func counts(_ drops: [PreferenceSet.Drop]) -> [(reason: String, count: Int)] {
        DropReason.allCases.compactMap { reason in
            let count = drops.count { $0.reason == reason }
            return count > 0 ? (reason.description, count) : nil
        }
    }

    private static func object(_ counts: [(String, Int)]) -> JSON {
        var object = JSONObject()
        for (name, count) in counts { object[name] = .integer(count) }
        return .object(object)
    }

    private static func json(_ lengths: LengthDistribution) -> JSON {
        [
            "min": .integer(lengths.least), "median": .integer(lengths.median), "p95": .integer(lengths.most95),
            "max": .integer(lengths.greatest), "mean": .number(lengths.mean), "bar_width": .integer(lengths.barWidth),
            "bars": .array(lengths.bars.map { [.integer($0.from), .integer($0.count)] }),
        ]
    }

    private static func histogram(_ name: String, _ lengths: LengthDistribution) -> [String] {
        let head =
            "  \(pad(name, 8)) \(lengths.least) to \(lengths.greatest), median \(lengths.median), "
            + "mean \(fixed(lengths.mean, 1)), 95 % up to \(lengths.most95)"
        let most = lengths.bars.map(\.count).max() ?? 1
        return [head]
            + lengths.bars.map { bar in
                let range = lengths.barWidth == 1 ? "\(bar.from)" : "\(bar.from)–\(bar.from + lengths.barWidth - 1)"
                // Something is never nothing.
                let length = bar.count == 0 ? 0 : max(1, bar.count * 50 / most)
                return "    \(pad(range, -11)) \(pad("\(bar.count)", -7)) \(String(repeating: "█", count: length))"
            }
    }
}
