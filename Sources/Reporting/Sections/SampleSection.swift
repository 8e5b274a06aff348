import Figures
import Machine
import Storage

/// The policy's answers to the same prompts at each evaluation.
struct SampleSection {
    private static let mostPrompts = 12

    let html: String

    init(_ run: RunRecord) {
        var order: [Int] = []
        var groups: [Int: [JSONObject]] = [:]
        // The first of several answers to a prompt.
        for row in run.samples where row["sample"]?.integer ?? 0 == 0 {
            guard let index = row["index"]?.integer else { continue }
            if groups[index] == nil { order.append(index) }
            groups[index, default: []].append(row)
        }
        let shown = order.prefix(Self.mostPrompts)
        var text = ""
        for (place, index) in shown.enumerated() {
            let rows = Self.kept(groups[index] ?? [])
            let prompt = rows.first?["prompt"].map { $0.string ?? $0.text } ?? ""
            text += "<details\(place < 3 ? " open" : "")><summary class=\"text\">\(Markup.escaped(String(prompt.prefix(600))))</summary>"
            text += Page.table(
                ["step", "answer", "rewards"],
                rows.map { row in
                    let rewards = (row["rewards"]?.object?.members ?? []).compactMap { name, value in
                        value.double.map { "\(name) \(fixed($0, 3))" }
                    }
                    return [
                        "\(row["step"]?.integer ?? 0)", String((row["response"]?.string ?? "").prefix(2000)),
                        rewards.joined(separator: ", "),
                    ]
                }, numbers: [0])
            text += "</details>\n"
        }
        if order.count > shown.count {
            text += Page.paragraph("\(order.count - shown.count) more prompts are in samples.jsonl.", class: "pale")
        }
        html = text
    }

    /// Of many evaluations the first, the last and some in between.
    private static func kept(_ rows: [JSONObject]) -> [JSONObject] {
        let most = 6
        guard rows.count > most else { return rows }
        return (0..<most).map { rows[$0 * (rows.count - 1) / (most - 1)] }
    }
}
