import Storage

/// A pair as a file's columns were understood, for people: what a run takes for prompt, chosen and rejected.
package struct MappedPair: Sendable, Equatable {
    package let format: RowFormat
    /// Line of the file, counted from 1.
    package let line: Int
    /// Columns that were read, in the file's order.
    package let columns: [String]
    /// Text, messages as `role: content` one after the other, or ids as a list.
    package let prompt: String
    package let chosen: String
    /// None for `sft`.
    package let rejected: String?

    /// The file's kind and why it was taken for it, then the pair, shortened.
    package var lines: [String] {
        var lines = [
            "taken for \(format.noun) by its columns \(columns.joined(separator: ", ")); the pair of line \(line):",
            "  prompt   \(Self.shortened(prompt, keepsEnd: true))", "  chosen   \(Self.shortened(chosen))",
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
    /// How many rows are looked at for one that has a pair.
    private static let mostTried = 100

    /// The first pair of a file; nil if none of its first rows has one.
    package func firstPair(of path: String) throws(PreferenceError) -> MappedPair? {
        var reader = try RowReader(path: path)
        for _ in 0..<Self.mostTried {
            guard let row = try reader.next() else { break }
            if let pair = try mapped(row) { return pair }
        }
        return nil
    }

    /// A row's first pair; nil if it has none.
    package func mapped(_ row: RowReader.Row) throws(PreferenceError) -> MappedPair? {
        var parser = try RowParser(
            row.content, place: RowPlace(file: file, line: row.line), mapping: mapping, rule: rule)
        let content = try parser.content()
        guard content.obstacle == nil, let pair = content.pairs.first else { return nil }
        let (prompt, responses): (String, [String]) =
            switch content.body {
            case .text(let prompt, let responses): (prompt, responses)
            case .ids(let prompt, let responses): ("\(prompt)", responses.map { "\($0)" })
            case .conversation(let conversation):
                (Self.text(of: conversation.prompt), conversation.completions.map(Self.text))
            }
        return MappedPair(
            format: content.format, line: row.line, columns: parser.row.names.filter { parser.used.contains($0) },
            prompt: prompt, chosen: responses[pair.chosen], rejected: pair.rejected.map { responses[$0] })
    }

    private static func text(of messages: JSON) -> String {
        (messages.array ?? []).map { message in
            "\(message["role"]?.string ?? ""): \(message["content"]?.string ?? message["tool_calls"]?.text ?? "")"
        }.joined(separator: "\n")
    }
}
