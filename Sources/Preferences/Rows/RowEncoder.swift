import ChatTemplates
import Tokenization

/// Turns one line of a data file into token ids. A value without state: any rank may encode any row and gets the same.
package struct RowEncoder: Sendable {
    package let tokenizer: Tokenizer?
    /// The model's chat template, or why there is none.
    package let template: Result<ChatTemplate, ChatTemplateError>?
    package let mapping: RowMapping
    package let rule: EncodingRule
    /// How messages call the file.
    package let file: String

    /// - Parameters:
    ///   - tokenizer: needed for text; a file of token-id rows does without.
    ///   - template: needed for conversations.
    package init(
        tokenizer: Tokenizer?, template: Result<ChatTemplate, ChatTemplateError>? = nil,
        mapping: RowMapping = RowMapping(), rule: EncodingRule, file: String
    ) {
        self.tokenizer = tokenizer
        self.template = template
        self.mapping = mapping
        self.rule = rule
        self.file = file
    }

    /// Encodes one row.
    /// - Parameter memory: the thread's, from `makeMemory`, for whoever encodes many rows.
    /// - Throws: `PreferenceError` for a row that is malformed, as against one that is merely of no use.
    package func encode(_ row: RowReader.Row, memory: EncodingMemory? = nil) throws(PreferenceError) -> EncodedRow {
        let place = RowPlace(file: file, line: row.line)
        var parser = try RowParser(row.content, place: place, mapping: mapping, rule: rule)
        let content = try parser.content()
        return EncodedRow(
            row: row.row, line: row.line, format: content.format, unusedColumns: content.unusedColumns,
            outcome: try outcome(of: content, at: place, memory ?? makeMemory()))
    }

    /// The same for a row as JSON text.
    /// - Parameters:
    ///   - line: a JSON object in UTF-8.
    ///   - number: of the line, from 1.
    ///   - row: number of the data row, from 0.
    ///   - memory: the thread's, from `makeMemory`, for whoever encodes many rows.
    package func encode(
        line: [UInt8], number: Int, row: Int, memory: EncodingMemory? = nil
    ) throws(PreferenceError) -> EncodedRow {
        try encode(RowReader.Row(content: .text(line), line: number, row: row), memory: memory)
    }

    /// Room for one thread that encodes many rows; nil without a tokenizer.
    package func makeMemory() -> EncodingMemory? { tokenizer?.makeMemory() }

    // MARK: - From text to a comparison

    /// A response on its way: its own view of the prompt, and what stands against using it.
    private struct Draft {
        var prompt: [Int32]
        var scored: [Int32]
        var straddles = false
        var isCut = false
        var scores: [Float] = []
        var obstacle: DropReason?

        var count: Int { prompt.count + scored.count }
    }

    private func outcome(
        of content: RowContent, at place: RowPlace, _ memory: EncodingMemory?
    ) throws(PreferenceError) -> EncodedRow.Outcome {
        if let obstacle = content.obstacle { return .dropped(obstacle) }
        var drafts = try drafts(of: content, at: place, memory)
        var skipped: [DropReason] = []
        var pairs = usable(content.pairs, drafts, &skipped)
        if !pairs.isEmpty, rule.truncation == .drop || rule.truncation == .error {
            for index in members(pairs) where drafts[index].count > rule.maxLength {
                guard rule.truncation == .drop else {
                    throw .tooLong(place, tokens: drafts[index].count, maxLength: rule.maxLength)
                }
                drafts[index].obstacle = .tooLong
            }
            pairs = usable(pairs, drafts, &skipped)
        }
        guard !pairs.isEmpty else { return .dropped(skipped.first ?? .noPairs) }

        // The shared prompt is what all the responses' prompts begin with. They differ only where a tokenizer joined
        // the prompt's end with some response's start.
        let used = members(pairs)
        var shared = drafts[used[0]].prompt
        for index in used.dropFirst() { shared = Self.commonPrefix(shared, drafts[index].prompt) }
        guard !shared.isEmpty else { return .dropped(.emptyPrompt) }

        let longest = used.map { drafts[$0].count }.max() ?? 0
        let prompt = shortened(shared, by: longest - rule.maxLength)
        let promptCut = shared.count - prompt.count
        for index in used {
            let room = rule.maxLength - (drafts[index].prompt.count - promptCut)
            guard drafts[index].scored.count > room else { continue }
            drafts[index].scored.removeLast(drafts[index].scored.count - max(room, 0))
            drafts[index].isCut = true
            if drafts[index].scored.isEmpty { drafts[index].obstacle = .tooLong }
        }
        pairs = usable(pairs, drafts, &skipped)
        guard !pairs.isEmpty else { return .dropped(skipped.first ?? .noPairs) }

        var comparison = EncodedComparison(prompt: prompt, promptCut: promptCut, responses: [], pairs: [], skipped: [])
        var places: [Int: Int] = [:]
        for index in members(pairs) {
            let draft = drafts[index]
            let response = EncodedComparison.Response(
                tokens: Array(draft.prompt[shared.count...]) + draft.scored,
                unscored: draft.prompt.count - shared.count,
                straddles: draft.straddles, isCut: draft.isCut, scores: draft.scores)
            if let same = comparison.responses.firstIndex(of: response) {
                places[index] = same
            } else {
                places[index] = comparison.responses.count
                comparison.responses.append(response)
            }
        }
        for pair in pairs {
            guard let chosen = places[pair.chosen] else { continue }
            comparison.pairs.append(.init(chosen: chosen, rejected: pair.rejected.flatMap { places[$0] }))
        }
        comparison.skipped = skipped
        return .comparison(comparison)
    }

    /// Every response with the prompt as its own encoding has it.
    private func drafts(
        of content: RowContent, at place: RowPlace, _ memory: EncodingMemory?
    ) throws(PreferenceError) -> [Draft] {
        var drafts: [Draft] = []
        switch content.body {
        case .ids(let prompt, let responses):
            for response in responses {
                drafts.append(Draft(prompt: prompt, scored: response))
                if response.isEmpty { drafts[drafts.count - 1].obstacle = .emptyResponse }
            }
        case .text(let prompt, let responses):
            guard let tokenizer, let memory else { throw .needsTokenizer(place, format: content.format) }
            let isEmpty = responses.map { $0.unicodeScalars.allSatisfy(\.properties.isWhitespace) }
            let wanted = zip(responses, isEmpty).filter { !$1 }.map(\.0)
            var texts = try PromptedText.each(
                of: wanted, after: prompt, tokenizer: tokenizer, memory: memory, at: place)[...]
            for isEmpty in isEmpty {
                if !isEmpty, let text = texts.popFirst() {
                    drafts.append(try draft(text, appendEOS: rule.appendEOS, tokenizer, at: place))
                } else {
                    drafts.append(Draft(prompt: [], scored: [], obstacle: .emptyResponse))
                }
            }
        case .conversation(let conversation):
            guard let tokenizer, let memory else { throw .needsTokenizer(place, format: content.format) }
            let (prompt, responses) = try rendered(conversation, at: place)
            // The template writes every special token itself, the ending of a turn among them.
            for text in try PromptedText.each(
                of: responses, after: prompt, addSpecialTokens: false, tokenizer: tokenizer, memory: memory, at: place)
            {
                drafts.append(try draft(text, appendEOS: false, tokenizer, at: place))
            }
        }
        for (index, scores) in content.scores.enumerated() { drafts[index].scores = scores }
        return drafts
    }

    /// A conversation as the text of its prompt and of each response.
    private func rendered(
        _ conversation: Conversation, at place: RowPlace
    ) throws(PreferenceError) -> (prompt: String, responses: [String]) {
        let template = try chatTemplate(for: conversation, at: place)
        do throws(ChatTemplateError) {
            let texts = try template.responses(
                prompt: conversation.prompt, completions: conversation.completions, tools: conversation.tools,
                variables: conversation.templateVariables?.object ?? [:])
            return (texts.prompt, texts.completions)
        } catch {
            throw .chatTemplate(place, error)
        }
    }

    func chatTemplate(
        for conversation: Conversation, at place: RowPlace
    ) throws(PreferenceError) -> ChatTemplate {
        guard let template else { throw .conversational(place, column: conversation.column) }
        do throws(ChatTemplateError) { return try template.get() } catch { throw .chatTemplate(place, error) }
    }

    private func draft(
        _ text: PromptedText, appendEOS: Bool, _ tokenizer: Tokenizer, at place: RowPlace
    ) throws(PreferenceError) -> Draft {
        var draft = Draft(prompt: text.prompt, scored: text.response, straddles: text.straddles)
        guard let last = draft.scored.last else {
            draft.obstacle = .emptyResponse
            return draft
        }
        if appendEOS {
            guard let eos = tokenizer.eosToken else { throw .noEndOfSequence(place) }
            if last != eos { draft.scored.append(eos) }
        }
        try checkVocabulary(draft.prompt, at: place)
        try checkVocabulary(draft.scored, at: place)
        return draft
    }

    func checkVocabulary(_ ids: [Int32], at place: RowPlace) throws(PreferenceError) {
        if let foreign = ids.first(where: { !(0..<rule.vocabularySize ~= Int($0)) }) {
            throw .foreignTokenizer(place, id: Int(foreign), vocabularySize: rule.vocabularySize)
        }
    }

    // MARK: - Pairs

    /// The pairs that nothing stands against; the reasons of the others are added to `skipped`.
    private func usable(_ pairs: [RankedPair], _ drafts: [Draft], _ skipped: inout [DropReason]) -> [RankedPair] {
        pairs.filter { pair in
            let chosen = drafts[pair.chosen]
            let rejected = pair.rejected.map { drafts[$0] }
            var reason = chosen.obstacle ?? rejected?.obstacle
            if reason == nil, let rejected, chosen.scored == rejected.scored, chosen.prompt == rejected.prompt {
                reason = .identicalResponses
            }
            if let reason { skipped.append(reason) }
            return reason == nil
        }
    }

    /// The responses that pairs speak of, in their order in the row.
    private func members(_ pairs: [RankedPair]) -> [Int] {
        Set(pairs.flatMap { pair in [pair.chosen] + (pair.rejected.map { [$0] } ?? []) }).sorted()
    }

    // MARK: - Prompts

    /// The prompt without `excess` tokens of its start, if the rule wants that. A beginning-of-sequence token stays,
    /// and so does one token in any case.
    private func shortened(_ prompt: [Int32], by excess: Int) -> [Int32] {
        guard rule.truncation == .keepEndOfPrompt, excess > 0 else { return prompt }
        if let bos = tokenizer?.bosToken, prompt.first == bos {
            return [bos] + prompt.dropFirst().dropFirst(excess)
        }
        return Array(prompt.suffix(max(1, prompt.count - excess)))
    }

    private static func commonPrefix(_ a: [Int32], _ b: [Int32]) -> [Int32] {
        var count = 0
        while count < min(a.count, b.count), a[count] == b[count] { count += 1 }
        return Array(a[..<count])
    }
}
