import Storage

/// Rows with `chosen` and `rejected` that hold the prompt.
extension RowFormat {
    package static let wholeDialogues = RowFormat(
        noun: "conversations with an implicit prompt",
        explanation: "the prompt is the messages that chosen and rejected begin with",
        recognises: { row in
            row.isPair && [row.mapping.chosenColumn, row.mapping.rejectedColumn].contains(where: row.isMessages)
        },
        read: { row throws(PreferenceError) in
            let chosen = try row.passage(row.mapping.chosenColumn, remedy: "name its column with chosen_column")
            if !row.holdsPrompts { try row.refuseOtherPrompts() }
            // What the two begin with is the prompt, so the rejected one is read in any case; alone, chosen's last
            // message is the response.
            guard row.rule.needsRejected || row.has(row.mapping.rejectedColumn) else {
                guard case .messages(let list) = chosen, let last = list.last else {
                    return RowParts(prompt: .messages([]), responses: [chosen], .firstWins, rewards: .sides)
                }
                var parts = RowParts(
                    prompt: .messages(list.dropLast()), responses: [.messages([last])], .firstWins, rewards: .sides)
                parts.isOneDialogue = true
                return parts
            }
            let rejected = try row.passage(row.mapping.rejectedColumn, remedy: "name its column with rejected_column")
            return RowParts(prompt: nil, responses: [chosen, rejected], .firstWins, rewards: .sides)
        })

    /// HH: "\n\nAssistant:" opens each answer.
    package static let transcript = RowFormat(
        noun: "transcripts", explanation: "the prompt ends with the last \"\\n\\nAssistant:\" of chosen",
        named: [["chosen", "rejected"]], recognises: { $0.isPair && $0.areTranscripts },
        read: { row throws(PreferenceError) in
            let chosen = try row.text(row.mapping.chosenColumn, remedy: "name its column with chosen_column")
            let answer = ImplicitPrompt.transcriptPromptLength(of: chosen)
            let (prompt, first) = ImplicitPrompt.split(chosen, at: answer ?? 0)
            if row.rule.scoredTurns == .all, ImplicitPrompt.transcriptPromptLength(of: String(prompt.dropLast())) != nil {
                throw .wrongType(
                    row.place, item: "\"\(row.mapping.chosenColumn)\"", found: "a transcript of several answers",
                    expected: "messages, whose turns a chat template ends: write it as a list of messages, or set "
                        + "score_turns: last")
            }
            guard row.rule.needsRejected else {
                return row.transcript(prompt, [first], promptsDiffer: answer == nil)
            }
            let rejected = try row.text(row.mapping.rejectedColumn, remedy: "name its column with rejected_column")
            let otherAnswer = ImplicitPrompt.transcriptPromptLength(of: rejected)
            let (otherPrompt, second) = ImplicitPrompt.split(rejected, at: otherAnswer ?? 0)
            // By bytes: Swift's `==` would let canonically equivalent prompts pass for one.
            return row.transcript(
                prompt, [first, second], promptsDiffer: !prompt.utf8.elementsEqual(otherPrompt.utf8))
        })

    package static let commonPrefix = RowFormat(
        noun: "rows with an implicit prompt",
        explanation: "the prompt is what chosen and rejected begin with, up to a space", recognises: \.isPair,
        read: { row throws(PreferenceError) in
            let chosen = try row.text(row.mapping.chosenColumn, remedy: "name its column with chosen_column")
            guard row.rule.needsRejected || row.has(row.mapping.rejectedColumn) else {
                throw row.missing(
                    row.mapping.promptColumn, remedy: "add the prompt or name its column with prompt_column")
            }
            let rejected = try row.text(row.mapping.rejectedColumn, remedy: "name its column with rejected_column")
            try row.refuseOtherPrompts()
            // A response that holds nothing has no beginning, and the row goes for the sake of that.
            if chosen.isBlank || rejected.isBlank {
                return RowParts(
                    prompt: .text(""), responses: [.text(chosen), .text(rejected)], .firstWins, rewards: .sides,
                    obstacle: .emptyResponse)
            }
            let common = ImplicitPrompt.commonPromptLength(of: chosen, rejected)
            let (prompt, first) = ImplicitPrompt.split(chosen, at: common)
            let second = ImplicitPrompt.split(rejected, at: common).response
            let responses: [Passage] = [.text(first), .text(second)]
            return RowParts(
                prompt: .text(prompt), responses: Array(responses.prefix(row.rule.needsRejected ? 2 : 1)), .firstWins,
                rewards: .sides)
        })
}

extension RowColumns {
    fileprivate func transcript(_ prompt: String, _ responses: [String], promptsDiffer: Bool) -> RowParts {
        // The last turn is the assistant's unless a human speaks again.
        let goesOn = responses.contains { $0.contains("\n\nHuman:") }
        return RowParts(
            prompt: .text(prompt), responses: responses.map { .text($0) }, .firstWins, rewards: .sides,
            obstacle: promptsDiffer ? .promptsDiffer : goesOn ? .endsWithOtherRole : nil)
    }

    /// Refuses a row whose prompt may stand in a column that nobody reads.
    fileprivate func refuseOtherPrompts() throws(PreferenceError) {
        let others = names.filter { !used.contains($0) && mayBePrompt($0) }
        guard others.isEmpty else { throw .unclearPrompt(place, columns: others) }
    }

    /// Whether a column may be a prompt: messages, or a text of several words under no name of other things.
    private func mayBePrompt(_ column: String) -> Bool {
        let name = column.lowercased()
        guard !Self.otherThings.contains(name), !Self.partsOfOtherThings.contains(where: name.contains) else {
            return false
        }
        if isMessages(column) { return self[column]?.array?.first.map { $0.object != nil } ?? true }
        guard let text = self[column]?.string else { return false }
        return text.unicodeScalars.contains { $0.value > 0x2E7F }
            || text.split(whereSeparator: \.isWhitespace).count > 1
    }

    /// Names under which no data set keeps its prompts.
    private static let otherThings: Set = [
        "id", "idx", "index", "uid", "uuid", "source", "dataset", "subset", "split", "category", "type", "task", "kind",
        "language", "lang", "domain", "topic", "license", "url", "link", "tags", "tag", "date", "time", "timestamp",
        "created", "author", "annotator", "worker", "model", "models", "metadata", "meta", "gold", "status", "version",
        "unnamed: 0",
    ]
    private static let partsOfOtherThings = [
        "chosen", "rejected", "response", "answer", "completion", "score", "rating", "reward", "_id", "_model",
        "model_", "rationale", "critique", "__index",
    ]
}

/// Finds the prompt inside texts that hold prompt and response together.
enum ImplicitPrompt {
    private static let answer = Array("\n\nAssistant:".utf8)

    /// Bytes of a transcript's prompt: everything up to and including its last "\n\nAssistant:".
    static func transcriptPromptLength(of text: String) -> Int? {
        let bytes = Array(text.utf8)
        return stride(from: bytes.count - answer.count, through: 0, by: -1)
            .first { bytes[$0] == answer[0] && bytes[$0..<$0 + answer.count].elementsEqual(answer) }
            .map { $0 + answer.count }
    }

    /// Bytes of the prompt that two texts share. It is what they begin with, cut before its last run of white space, so
    /// that no word is split between prompt and response and each response begins with its space, as tokenizers like it.
    static func commonPromptLength(of first: String, _ second: String) -> Int {
        let a = Array(first.utf8)
        let b = Array(second.utf8)
        var end = 0
        while end < min(a.count, b.count), a[end] == b[end] { end += 1 }
        while end > 0, !isSpace(a[end - 1]) { end -= 1 }
        while end > 0, isSpace(a[end - 1]) { end -= 1 }
        return end
    }

    /// Cuts a text at a byte that is known to begin a character.
    static func split(_ text: String, at length: Int) -> (prompt: String, response: String) {
        let place = text.utf8.index(text.utf8.startIndex, offsetBy: length)
        return (String(text[..<place]), String(text[place...]))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
