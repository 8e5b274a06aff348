import ChatTemplates
import Tokenization

/// A prompt to generate from: `{"prompt": …}` or `{"prompt_ids": […]}`.
package struct PromptRow: Sendable, Equatable {
    /// Data row, counted from 0 without blank lines.
    package let row: Int
    /// Line of the file, counted from 1.
    package let line: Int
    /// As the row gives it; nil for token ids.
    package let text: String?
    /// At least one token, without an ending.
    package let tokens: [Int32]

    package init(row: Int, line: Int, text: String?, tokens: [Int32]) {
        self.row = row
        self.line = line
        self.text = text
        self.tokens = tokens
    }
}

extension RowEncoder {
    /// Encodes the prompt of one row. `maxLength` and `truncation` don't apply: how many tokens fit depends on how many
    /// are to be generated.
    /// - Throws: `PreferenceError`, also for an empty prompt: there would be nothing to predict from.
    package func encodePrompt(_ given: RowReader.Row) throws(PreferenceError) -> PromptRow {
        let (row, number) = (given.row, given.line)
        let place = RowPlace(file: file, line: number)
        var parser = try RowParser(given.content, place: place, mapping: mapping, rule: rule)
        switch try parser.promptOnly() {
        case .ids(let prompt, _):
            guard !prompt.isEmpty else { throw .emptyPrompt(place, column: RowMapping.promptIDs) }
            return PromptRow(row: row, line: number, text: nil, tokens: prompt)
        case .text(let prompt, _):
            guard let tokenizer else { throw .needsTokenizer(place, format: .text) }
            return try self.prompt(prompt, addSpecialTokens: true, tokenizer, given)
        case .conversation(let conversation):
            guard let tokenizer else { throw .needsTokenizer(place, format: .messages) }
            let template = try chatTemplate(for: conversation, at: place)
            var variables = conversation.templateVariables?.object ?? [:]
            if let tools = conversation.tools { variables["tools"] = tools }
            let text: String
            do throws(ChatTemplateError) {
                text = try template.render(
                    messages: conversation.prompt, addGenerationPrompt: true, variables: variables)
            } catch {
                throw .chatTemplate(place, error)
            }
            return try prompt(text, addSpecialTokens: false, tokenizer, given)
        }
    }

    private func prompt(
        _ text: String, addSpecialTokens: Bool, _ tokenizer: Tokenizer, _ given: RowReader.Row
    ) throws(PreferenceError) -> PromptRow {
        let place = RowPlace(file: file, line: given.line)
        let tokens = try PromptedText.prompt(
            text, addSpecialTokens: addSpecialTokens, tokenizer: tokenizer, at: place)
        guard !tokens.isEmpty else { throw .emptyPrompt(place, column: mapping.promptColumn) }
        try checkVocabulary(tokens, at: place)
        return PromptRow(row: given.row, line: given.line, text: text, tokens: tokens)
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
