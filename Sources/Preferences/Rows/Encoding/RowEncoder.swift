import ChatTemplates
import Storage
import Tokenization

/// Turns one line of a data file into token ids. A value without state: any rank may encode any row and gets the same.
package struct RowEncoder: Sendable {
    package let tokenizer: Tokenizer?
    /// The model's chat template, or why there is none.
    package let template: Result<ChatTemplate, ChatTemplateError>?
    package let mapping: RowMapping
    package let rule: EncodingRule
    /// The name that messages call the file by.
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

    /// The same by what a model's folder has for texts.
    package init(_ encoding: TextEncoding, mapping: RowMapping = RowMapping(), rule: EncodingRule, file: String) {
        self.init(
            tokenizer: encoding.tokenizer, template: encoding.template, mapping: mapping, rule: rule, file: file)
    }

    /// Encodes one row.
    /// - Parameter memory: the thread's, from `makeMemory`, for whoever encodes many rows.
    /// - Throws: `PreferenceError` for a row that is malformed, as against one that is merely of no use.
    package func encode(_ row: RowReader.Row, memory: EncodingMemory? = nil) throws(PreferenceError) -> EncodedRow {
        guard rule.judges != .prompts else { return try encodeRollout(row) }
        let place = RowPlace(file: file, line: row.line)
        var columns = try columns(of: row, rule)
        let content = try columns.content()
        let source = columns.source
        let (outcome, notes) = try outcome(of: content, at: place, memory ?? makeMemory())
        return EncodedRow(
            row: row.row, line: row.line, format: content.format,
            unusedColumns: content.unusedColumns.filter { source == nil || $0 != "source" },
            notes: content.notes.union(notes), outcome: outcome, source: source)
    }

    func columns(of row: RowReader.Row, _ rule: EncodingRule) throws(PreferenceError) -> RowColumns {
        let hasTemplate = if case .success? = template { true } else { false }
        return try RowColumns(
            row.content, place: RowPlace(file: file, line: row.line), mapping: mapping, rule: rule,
            hasTemplate: hasTemplate)
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
        var prompt: [Int32] = []
        /// From the first scored token on; the last one is scored too.
        var response: [Int32] = []
        /// Places of `response` that aren't scored.
        var gaps: [Range<Int>] = []
        var straddles = false
        var isCut = false
        var scores: [Float] = []
        var obstacle: DropReason?

        var count: Int { prompt.count + response.count }

        /// Takes tokens from the end until no more than `room` of the response are left.
        mutating func cut(to room: Int) {
            guard response.count > room else { return }
            isCut = true
            let spans = ScoredSpans(to: response.count, without: gaps).cut(to: max(room, 0))
            if spans == nil { obstacle = .tooLong }
            response.removeLast(response.count - (spans?.end ?? 0))
            gaps = spans?.gaps ?? []
        }
    }

    func outcome(
        of content: RowContent, at place: RowPlace, _ memory: EncodingMemory?
    ) throws(PreferenceError) -> (EncodedRow.Outcome, RowNotes) {
        if let obstacle = content.obstacle { return (.dropped(obstacle), []) }
        guard let stated = content.verdict.judgements(of: rule.judges) else {
            throw .unfit(place, format: content.format, rule.judges ?? .pairs)
        }
        guard !stated.isEmpty else { return (.dropped(.undesirable), []) }
        var skipped: [DropReason] = []
        let possible = stated.filter { judgement in
            guard let obstacle = judgement.responses.lazy.compactMap({ content.obstacles[$0] }).first else {
                return true
            }
            skipped.append(obstacle)
            return false
        }
        guard !possible.isEmpty else { return (.dropped(skipped.first ?? .noPairs), []) }
        var (drafts, notes) = try drafts(of: content, members(possible), at: place, memory)
        var judgements = usable(possible, drafts, &skipped)
        if !judgements.isEmpty, rule.truncation == .drop || rule.truncation == .error {
            for index in members(judgements) where drafts[index].count > rule.maxLength {
                guard rule.truncation == .drop else {
                    throw .tooLong(place, tokens: drafts[index].count, maxLength: rule.maxLength)
                }
                drafts[index].obstacle = .tooLong
            }
            judgements = usable(judgements, drafts, &skipped)
        }
        guard !judgements.isEmpty else { return (.dropped(skipped.first ?? .noPairs), notes) }

        // The shared prompt is what all the responses' prompts begin with. They differ only where a tokenizer joined
        // the prompt's end with some response's start.
        let used = members(judgements)
        var shared = drafts[used[0]].prompt
        for index in used.dropFirst() { shared = Self.commonPrefix(shared, drafts[index].prompt) }
        guard !shared.isEmpty else { return (.dropped(.emptyPrompt), notes) }

        let longest = used.map { drafts[$0].count }.max() ?? 0
        let prompt = shortened(shared, by: longest - rule.maxLength)
        let promptCut = shared.count - prompt.count
        for index in used {
            drafts[index].cut(to: rule.maxLength - (drafts[index].prompt.count - promptCut))
        }
        judgements = usable(judgements, drafts, &skipped)
        judgements = rule.judges?.assembled(judgements) ?? judgements
        guard !judgements.isEmpty else { return (.dropped(skipped.first ?? .noPairs), notes) }

        var comparison = EncodedComparison(
            prompt: prompt, promptCut: promptCut, responses: [], judgements: [], skipped: skipped)
        var places: [Int: Int] = [:]
        for index in members(judgements) {
            let draft = drafts[index]
            let own = draft.prompt[shared.count...]
            let response = EncodedComparison.Response(
                tokens: own + draft.response,
                spans: ScoredSpans(
                    to: own.count + draft.response.count, after: own.count,
                    without: draft.gaps.map { own.count + $0.lowerBound..<own.count + $0.upperBound }),
                straddles: draft.straddles, isCut: draft.isCut, scores: draft.scores)
            if let same = comparison.responses.firstIndex(of: response) {
                places[index] = same
            } else {
                places[index] = comparison.responses.count
                comparison.responses.append(response)
            }
        }
        comparison.judgements = judgements.map { $0.mapped { places[$0] ?? 0 } }
        return (.comparison(comparison), notes)
    }

    /// The wanted responses with the prompt as each one's own encoding has it, and what was done to the row meanwhile.
    private func drafts(
        of content: RowContent, _ wanted: [Int], at place: RowPlace, _ memory: EncodingMemory?
    ) throws(PreferenceError) -> ([Draft], RowNotes) {
        var drafts = content.obstacles.map { _ in Draft() }
        var notes: RowNotes = []
        switch content.body {
        case .ids(let prompt, let responses):
            for index in wanted { drafts[index] = Draft(prompt: prompt, response: responses[index]) }
        case .text(let prompt, let responses):
            let texts = try encoded(
                wanted.map { responses[$0] }, after: prompt, addSpecialTokens: true, content.format, at: place, memory)
            for (index, text) in zip(wanted, texts) {
                drafts[index] = try draft(text, appendEOS: rule.appendEOS, at: place)
            }
        case .document(let document):
            let texts = try encoded([document], after: "", addSpecialTokens: true, content.format, at: place, memory)
            for (index, text) in zip(wanted, texts) {
                drafts[index] = try draft(text, appendEOS: rule.appendEOS, at: place)
                // Without a beginning-of-sequence token nothing predicts the first one.
                if drafts[index].prompt.isEmpty, !drafts[index].response.isEmpty {
                    drafts[index].prompt.append(drafts[index].response.removeFirst())
                }
                if drafts[index].response.isEmpty { drafts[index].obstacle = .emptyResponse }
            }
        case .conversation(let conversation) where rule.scoredTurns == .all:
            for index in wanted {
                drafts[index] = try draft(
                    of: conversation, conversation.completions[index], isOnly: wanted.count == 1, content.format,
                    at: place, memory, &notes)
            }
        case .conversation(var conversation):
            conversation.completions = wanted.map { conversation.completions[$0] }
            let (prompt, responses) = try rendered(conversation, at: place, &notes)
            // The template writes every special token itself, the ending of a turn among them.
            let texts = try encoded(
                responses, after: prompt, addSpecialTokens: false, content.format, at: place, memory)
            for (index, text) in zip(wanted, texts) { drafts[index] = try draft(text, appendEOS: false, at: place) }
        }
        for (index, scores) in content.scores.enumerated() { drafts[index].scores = scores }
        return (drafts, notes)
    }

    private func encoded(
        _ responses: [String], after prompt: String, addSpecialTokens: Bool, _ format: RowFormat, at place: RowPlace,
        _ memory: EncodingMemory?
    ) throws(PreferenceError) -> [PromptedText] {
        guard let tokenizer, let memory else { throw .needsTokenizer(place, format: format) }
        return try PromptedText.each(
            of: responses, after: prompt, addSpecialTokens: addSpecialTokens, tokenizer: tokenizer, memory: memory,
            at: place)
    }

    /// A conversation as the text of its prompt and of each response.
    private func rendered(
        _ conversation: Conversation, at place: RowPlace, _ notes: inout RowNotes
    ) throws(PreferenceError) -> (prompt: String, responses: [String]) {
        try render(conversation, at: place, &notes) { template, conversation throws(ChatTemplateError) in
            let texts = try template.responses(
                prompt: .array(conversation.prompt), completions: conversation.completions.map { .array($0) },
                tools: conversation.tools, variables: conversation.templateVariables?.object ?? [:])
            return (texts.prompt, texts.completions)
        }
    }

    /// Applies the model's template to a conversation.
    ///
    /// Templates write a tool call's arguments as JSON, so a string of JSON would come out quoted twice: it is given as an
    /// object. A few templates put the string down as it is and can't take an object; they get it.
    func render<Text>(
        _ conversation: Conversation, at place: RowPlace, _ notes: inout RowNotes,
        _ body: (ChatTemplate, Conversation) throws(ChatTemplateError) -> Text
    ) throws(PreferenceError) -> Text {
        guard let template else { throw .conversational(place, cause: conversation.cause) }
        do throws(ChatTemplateError) {
            let template = try template.get()
            if let decoded = conversation.withDecodedArguments, let text = try? body(template, decoded) {
                notes.insert(.decodedArguments)
                return text
            }
            return try body(template, conversation)
        } catch {
            throw .chatTemplate(place, error)
        }
    }

    /// A conversation of which all the assistant's turns are scored.
    /// - Parameter isOnly: whether the row has no other response whose dialogue is the same: turns count once.
    private func draft(
        of conversation: Conversation, _ completion: [JSON], isOnly: Bool, _ format: RowFormat, at place: RowPlace,
        _ memory: EncodingMemory?, _ notes: inout RowNotes
    ) throws(PreferenceError) -> Draft {
        var conversation = conversation
        conversation.completions = [completion]
        let spoken = try render(conversation, at: place, &notes) { template, conversation throws(ChatTemplateError) in
            try template.turns(
                prompt: conversation.prompt, completion: conversation.completions[0],
                inPrompt: conversation.isOneDialogue && isOnly, tools: conversation.tools,
                variables: conversation.templateVariables?.object ?? [:])
        }
        guard let tokenizer, let memory else { throw .needsTokenizer(place, format: format) }
        guard let turns = try PromptedText.turns(of: spoken, tokenizer: tokenizer, memory: memory, at: place) else {
            var draft = Draft()
            draft.obstacle = .emptyResponse
            return draft
        }
        if !turns.gaps.isEmpty { notes.insert(.severalTurns) }
        var draft = try draft(turns.text, appendEOS: false, at: place)
        draft.gaps = turns.gaps
        return draft
    }

    private func draft(
        _ text: PromptedText, appendEOS: Bool, at place: RowPlace
    ) throws(PreferenceError) -> Draft {
        var draft = Draft(prompt: text.prompt, response: text.response, straddles: text.straddles)
        guard !draft.response.isEmpty || (rule.keepsEmptyResponses && appendEOS) else {
            draft.obstacle = .emptyResponse
            return draft
        }
        if appendEOS {
            guard let eos = tokenizer?.eosToken else { throw .noEndOfSequence(place) }
            if draft.response.last != eos { draft.response.append(eos) }
        }
        try checkVocabulary(draft.prompt, at: place)
        try checkVocabulary(draft.response, at: place)
        return draft
    }

    func checkVocabulary(_ ids: [Int32], at place: RowPlace) throws(PreferenceError) {
        if let foreign = ids.first(where: { !(0..<rule.vocabularySize ~= Int($0)) }) {
            throw .foreignTokenizer(place, id: Int(foreign), vocabularySize: rule.vocabularySize)
        }
    }

    // MARK: - Judgements

    /// The judgements that nothing stands against; the reasons of the others are added to `skipped`.
    private func usable(
        _ judgements: [Judgement], _ drafts: [Draft], _ skipped: inout [DropReason]
    ) -> [Judgement] {
        judgements.filter { judgement in
            var reason = judgement.responses.lazy.compactMap { drafts[$0].obstacle }.first
            if case .pair(let pair) = judgement, reason == nil {
                let (chosen, rejected) = (drafts[pair.chosen], drafts[pair.rejected])
                if chosen.response == rejected.response, chosen.prompt == rejected.prompt { reason = .identicalResponses }
            }
            if let reason { skipped.append(reason) }
            return reason == nil
        }
    }

    /// The responses that judgements speak of, in their order in the row.
    private func members(_ judgements: [Judgement]) -> [Int] { Set(judgements.flatMap(\.responses)).sorted() }

    // MARK: - Prompts

    /// The prompt without `excess` tokens of its start, if the rule wants that. A beginning-of-sequence token stays,
    /// and so does one token in any case.
    func shortened(_ prompt: [Int32], by excess: Int) -> [Int32] {
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
