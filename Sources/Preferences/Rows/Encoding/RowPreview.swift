import Objectives
import Storage

/// A row as its columns were understood, for people: what a run takes for the prompt and for the responses.
package struct RowPreview: Sendable, Equatable {
    package let format: RowFormat
    /// Line of the file, counted from 1.
    package let line: Int
    /// Columns that were read, in the file's order.
    package let columns: [String]
    /// Text, messages as `role: content` one after the other, or ids as a list.
    package let prompt: String
    package let chosen: String
    /// None for a response by itself.
    package let rejected: String?
    /// For a response by itself, where labels are wanted.
    package let isDesirable: Bool?

    /// The file's kind and why it was taken for it, then the row, shortened.
    package var lines: [String] {
        let what = rejected == nil ? "row" : "pair"
        let first = isDesirable.map { $0 ? "desirable" : "undesirable" } ?? "chosen"
        var lines = [
            "taken for \(format.noun) by its columns \(columns.joined(separator: ", ")); the \(what) of line \(line):",
            "  prompt   \(Self.shortened(prompt, keepsEnd: true))",
            "  \(first)\(String(repeating: " ", count: max(1, 9 - first.count)))\(Self.shortened(chosen))",
        ]
        if let rejected { lines.append("  rejected \(Self.shortened(rejected))") }
        return lines
    }

    private static let width = 90

    /// One line of at most `width` characters; of a prompt the end is what matters.
    private static func shortened(_ text: String, keepsEnd: Bool = false) -> String {
        // White space at the ends is part of what is trained on, so it must be seen.
        let line = JSON.string(String(text.prefix(keepsEnd ? .max : 4 * width))).text.dropFirst().dropLast()
        guard line.count > width else { return "\"\(line)\"" }
        return keepsEnd ? "\"…\(line.suffix(width - 1))\"" : "\"\(line.prefix(width - 1))…\""
    }
}

extension RowEncoder {
    /// The number of rows to look at for one that is of use.
    private static let mostTried = 100

    /// The first row of a file that is of use; nil if none of its first rows is.
    package func preview(of path: String) throws(PreferenceError) -> RowPreview? {
        var reader = try RowReader(path: path)
        for _ in 0..<Self.mostTried {
            guard let row = try reader.next() else { break }
            if let preview = try preview(row) { return preview }
        }
        return nil
    }

    /// A row's first judgement; nil if it has none.
    package func preview(_ row: RowReader.Row) throws(PreferenceError) -> RowPreview? {
        guard rule.judges != .prompts else { return nil }
        var columns = try columns(of: row, rule)
        let content = try columns.content()
        let judgement = content.verdict.judgements(of: rule.judges)?.first { judgement in
            judgement.responses.allSatisfy { content.obstacles[$0] == nil }
        }
        guard content.obstacle == nil, let judgement else { return nil }
        let (prompt, responses): (String, [String]) =
            switch content.body {
            case .text(let prompt, let responses): (prompt, responses)
            case .ids(let prompt, let responses): ("\(prompt)", responses.map { "\($0)" })
            case .document(let text): ("", [text])
            case .conversation(let conversation):
                (Self.text(of: conversation.prompt), conversation.completions.map(Self.text))
            }
        let (chosen, rejected): (Int, Int?) =
            switch judgement {
            case .pair(let pair): (pair.chosen, pair.rejected)
            case .list(let preferences): (preferences[0].chosen, preferences[0].rejected)
            case .labelled(let response, _), .demonstration(let response), .prompt(let response): (response, nil)
            }
        var isDesirable: Bool?
        if case .labelled(_, let label) = judgement { isDesirable = label }
        return RowPreview(
            format: content.format, line: row.line, columns: columns.names.filter { columns.used.contains($0) },
            prompt: prompt, chosen: responses[chosen], rejected: rejected.map { responses[$0] },
            isDesirable: isDesirable)
    }

    private static func text(of messages: [JSON]) -> String {
        messages.map { message in
            let said = message["content"]?.string ?? ""
            return "\(message["role"]?.string ?? ""): \(said.isEmpty ? message["tool_calls"]?.text ?? "" : said)"
        }.joined(separator: "\n")
    }
}
