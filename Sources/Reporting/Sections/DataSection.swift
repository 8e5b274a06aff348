import Figures
import Machine
import Storage

/// The report's section on the data of a run: rows, drops, duplicates, lengths.
struct DataSection {
    let html: String

    init(_ run: RunRecord) {
        var text = ""
        let sets = [("train", "Training"), ("eval", "Held-out")].compactMap { key, title in
            run.data[key]?.object.map { (title, $0) }
        }
        let facts: [(name: String, key: String)] = [
            ("rows", "rows"), ("judgements", "pairs"), ("different prompts", "prompts"), ("duplicates", "duplicates"),
            ("contradictions", "contradictions"), ("identical responses, dropped", "identical_responses"),
        ]
        var rows = facts.map { name, key in [name] + sets.map { $0.1[key]?.integer.map { grouped($0) } ?? "" } }
        for (name, key) in [("chosen is the longer one", "chosen_longer_share"), ("chosen is the shorter one", "chosen_shorter_share")] {
            rows.append([name] + sets.map { $0.1[key]?.double.map(RunVerdict.percent) ?? "" })
        }
        var reasons: [String] = []
        for (_, set) in sets {
            for name in (set["dropped_rows"]?.object?.names ?? []) where !reasons.contains(name) { reasons.append(name) }
        }
        for reason in reasons {
            rows.append(["dropped: \(reason)"] + sets.map { "\($0.1["dropped_rows"]?[reason]?.integer ?? 0)" })
        }
        for side in ["prompt", "chosen", "rejected", "desirable", "undesirable"] {
            let cells = sets.map { set -> String in
                guard let lengths = set.1["lengths"]?[side] else { return "" }
                return "\(lengths["min"]?.integer ?? 0) / \(lengths["median"]?.integer ?? 0) / \(lengths["max"]?.integer ?? 0)"
            }
            if cells.contains(where: { !$0.isEmpty }) { rows.append(["\(side) tokens: least / median / most"] + cells) }
        }
        rows = rows.filter { $0.dropFirst().contains { !$0.isEmpty } }
        if !sets.isEmpty {
            text += Page.table([""] + sets.map(\.0), rows, numbers: Set(1...sets.count))
            if let shared = run.data["eval_prompts_in_train"]?.integer {
                text += Page.paragraph(
                    shared == 0
                        ? "No held-out prompt is in the training data." : "\(grouped(shared)) held-out prompts are in the training data too.")
            }
            text += Page.figures(sets.compactMap { Self.lengths($0.1, title: "\($0.0) lengths") })
        }
        let mapping = run.data["mapping"]?.array?.compactMap(\.string) ?? []
        if !mapping.isEmpty {
            text += "<details><summary>How rows were read</summary><pre>\(Markup.escaped(mapping.joined(separator: "\n")))</pre></details>\n"
        }
        html = text
    }

    private static func lengths(_ set: JSONObject, title: String) -> Figure? {
        var figure = Figure(title, x: Axis("tokens", including: [0]), y: Axis("responses", including: [0]))
        figure.size = .inPage
        for (colour, side) in [(2, "chosen"), (5, "rejected"), (2, "desirable"), (5, "undesirable")] {
            guard let lengths = set["lengths"]?[side], let width = lengths["bar_width"]?.double else { continue }
            let bars = (lengths["bars"]?.array ?? []).compactMap { bar -> (from: Double, count: Double)? in
                guard let parts = bar.array, parts.count == 2, let from = parts[0].double, let count = parts[1].double else {
                    return nil
                }
                return (from, count)
            }
            guard let last = bars.last else { continue }
            figure.histogram(side, edges: bars.map(\.from) + [last.from + width], counts: bars.map(\.count), colour: colour)
        }
        return figure.isEmpty ? nil : figure
    }
}
