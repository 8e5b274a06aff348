import ChatTemplates
import Storage
import Tokenization

/// A prompt to generate from: that of any row that training reads, or of a row that has nothing else.
package struct PromptRow: Sendable, Equatable {
    /// Data row, counted from 0 without blank lines.
    package let row: Int
    /// Line of the file, counted from 1.
    package let line: Int
    /// As the model reads it; nil for token ids.
    package let text: String?
    /// Of a conversation, which a chat template made the text of.
    package let messages: [JSON]?
    /// At least one token, without an ending.
    package let tokens: [Int32]

    package init(row: Int, line: Int, text: String?, messages: [JSON]? = nil, tokens: [Int32]) {
        self.row = row
        self.line = line
        self.text = text
        self.messages = messages
        self.tokens = tokens
    }

    /// As the row gives it: a text or a list of messages; nil for token ids.
    package var given: JSON? { messages.map { .array($0) } ?? text.map { .string($0) } }
}

extension RowEncoder {
    fileprivate static let promptRemedy = "each row needs a prompt: a string, a list of messages, or prompt_ids"

    /// Encodes the prompt of one row. `maxLength` and `truncation` don't apply: how many tokens fit depends on how many
    /// are to be generated.
    /// - Throws: `PreferenceError`, also for a prompt without a token: there would be nothing to predict from.
    package func encodePrompt(_ given: RowReader.Row) throws(PreferenceError) -> PromptRow {
        let place = RowPlace(file: file, line: given.line)
        var rule = rule
        rule.judges = .demonstrations
        rule.scoreNames = []
        var columns = try columns(of: given, rule)
        let (format, body) = try columns.prompt()
        let text: String
        var messages: [JSON]?
        switch body {
        case .ids(let prompt, _):
            guard !prompt.isEmpty else { throw .emptyPrompt(place, column: RowColumns.promptIDs) }
            return PromptRow(row: given.row, line: given.line, text: nil, tokens: prompt)
        case .text(let prompt, _): text = prompt
        case .document: throw columns.missing(mapping.promptColumn, remedy: Self.promptRemedy)
        case .conversation(let conversation):
            var notes = columns.notes
            text = try render(conversation, at: place, &notes) { template, conversation throws(ChatTemplateError) in
                var variables = conversation.templateVariables?.object ?? [:]
                if let tools = conversation.tools { variables["tools"] = tools }
                let goesOn = conversation.prompt.last?["role"]?.string == "assistant"
                return try template.render(
                    messages: .array(conversation.prompt), addGenerationPrompt: !goesOn,
                    continuing: goesOn ? "content" : nil, variables: variables)
            }
            messages = conversation.prompt
        }
        guard let tokenizer else { throw .needsTokenizer(place, format: format) }
        let tokens = try PromptedText.prompt(
            text, addSpecialTokens: messages == nil, tokenizer: tokenizer, at: place)
        guard !tokens.isEmpty else { throw .emptyPrompt(place, column: mapping.promptColumn) }
        try checkVocabulary(tokens, at: place)
        return PromptRow(row: given.row, line: given.line, text: text, messages: messages, tokens: tokens)
    }

    /// The same for a row as JSON text.
    package func encodePrompt(line: [UInt8], number: Int, row: Int) throws(PreferenceError) -> PromptRow {
        try encodePrompt(RowReader.Row(content: .text(line), line: number, row: row))
    }

    /// All prompts of a file, in its order.
    package func prompts(of path: String) throws(PreferenceError) -> [PromptRow] {
        var reader = try RowReader(path: path)
        var prompts: [PromptRow] = []
        while let row = try reader.next() {
            prompts.append(try encodePrompt(row))
        }
        return prompts
    }
}

extension RowColumns {
    /// The row's prompt, without responses. It is its ids, the prompt column with what stands beside it, a dialogue up to
    /// where the assistant is to speak, or the prompt of its format.
    fileprivate mutating func prompt() throws(PreferenceError) -> (RowFormat, RowContent.Body) {
        if has(RowColumns.promptIDs) {
            return (.tokenIDs, .ids(prompt: try ids(RowColumns.promptIDs), responses: []))
        }
        let remedy = RowEncoder.promptRemedy
        let dialogue = ["messages", "conversations"].first { isMessages($0) && !isBlank($0) }
        let column = self[mapping.promptColumn] != nil ? mapping.promptColumn : dialogue
        if let column {
            let prompt = try passage(column, remedy: remedy)
            let asks = prompt.text != nil || prompt.lastRole != "assistant" || column == mapping.promptColumn
            if asks {
                let parts = RowParts(prompt: prompt, responses: [], .ranking([]))
                return (.text, try content(of: .text, parts).body)
            }
        }
        do throws(PreferenceError) {
            let content = try content()
            return (content.format, content.body)
        } catch {
            if case .unknownFormat = error { throw missing(mapping.promptColumn, remedy: remedy) }
            throw error
        }
    }
}

extension Passage {
    fileprivate var lastRole: String? {
        if case .messages(let messages) = self { messages.last?["role"]?.string } else { nil }
    }
}
