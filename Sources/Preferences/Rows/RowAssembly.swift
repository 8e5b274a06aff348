import Storage

/// Steps for every row, whatever its format: columns that make it a conversation, prompts that responses repeat,
/// parts that are empty.
extension RowColumns {
    mutating func content(of format: RowFormat, _ parts: RowParts) throws(PreferenceError) -> RowContent {
        try refuseMedia()
        var obstacle = parts.obstacle
        let (scores, lacksScore) = try scores(parts)
        if lacksScore { obstacle = obstacle ?? .missingScore }
        let body: RowContent.Body
        var obstacles: [DropReason?]
        switch parts.body {
        case .ids(let prompt, let responses):
            body = .ids(prompt: prompt, responses: responses)
            if prompt.isEmpty { obstacle = obstacle ?? .emptyPrompt }
            obstacles = responses.map { $0.isEmpty ? .emptyResponse : nil }
        case .document(let text):
            body = .document(text)
            obstacles = [text.isBlank ? .emptyResponse : nil]
        case .passages(let prompt, let responses):
            if var conversation = try conversation(prompt, responses, &obstacle) {
                conversation.isOneDialogue = parts.isOneDialogue
                obstacles = conversation.completions.map(Self.obstacle)
                if !conversation.prompt.contains(where: \.saysSomething) { obstacle = obstacle ?? .emptyPrompt }
                body = .conversation(conversation)
            } else {
                let texts = cut(prompt?.text ?? "", responses.map { $0.text ?? "" })
                if texts.prompt.isBlank { obstacle = obstacle ?? .emptyPrompt }
                obstacles = texts.responses.map { $0.isBlank ? .emptyResponse : nil }
                body = .text(prompt: texts.prompt, responses: texts.responses)
            }
        }
        return RowContent(
            format: format, body: body, verdict: parts.verdict, scores: scores, obstacle: obstacle,
            obstacles: obstacles, notes: notes, unusedColumns: unusedColumns)
    }

    private static func obstacle(of completion: [JSON]) -> DropReason? {
        guard let last = completion.last, completion.contains(where: \.saysSomething) else { return .emptyResponse }
        // Two dialogues that part where a user speaks have different prompts.
        if ["user", "system"].contains(completion[0]["role"]?.string) { return .promptsDiffer }
        return last["role"]?.string == "assistant" ? nil : .endsWithOtherRole
    }

    // MARK: - Media

    private static let media = ["image", "images", "video", "videos", "audio", "audios"]

    /// Refuses rows that show or play something: the text alone would mean something else.
    private func refuseMedia() throws(PreferenceError) {
        for column in Self.media where !isBlank(column) {
            switch self[column] {
            case .string?, .array?, .object?:
                throw .wrongType(
                    place, item: "\"\(column)\"", found: "not empty",
                    expected: "text only, which is all a model here can read: leave such rows out")
            default: continue
            }
        }
    }

    // MARK: - Conversations

    private static let systemColumns = ["system", "system_prompt", "system_message"]
    private static let historyColumn = "history"

    /// The parts as a conversation; nil for a row of text.
    ///
    /// A row is one if any of its parts is messages, or if a column stands beside its texts that only messages can hold:
    /// `system`, `history`, `tools`. Where these are empty it is one as well, like its neighbours in the file, if the
    /// model has a chat template.
    private mutating func conversation(
        _ prompt: Passage?, _ responses: [Passage], _ obstacle: inout DropReason?
    ) throws(PreferenceError) -> Conversation? {
        guard let (cause, isMade) = cause(prompt, responses) else {
            for column in Self.systemColumns + [Self.historyColumn] where isBlank(column) { used.insert(column) }
            return nil
        }
        if isMade { notes.insert(.madeConversation) }
        var lists = responses.map { response in
            switch response {
            case .messages(let list): list
            case .text(let text): [["role": "assistant", "content": .string(text)]] as [JSON]
            }
        }
        var opening: [JSON]
        switch prompt {
        case .messages(let list)?:
            opening = list
            cut(opening, from: &lists)
        case .text(let text)? where responses.isEmpty || !lists.allSatisfy(Self.holdsPrompt):
            opening = [["role": "user", "content": .string(text)]]
            if responses.allSatisfy({ !$0.isMessages }) {
                let answers = cut(text, responses.compactMap(\.text)).responses
                lists = answers.map { [["role": "assistant", "content": .string($0)]] }
            }
            cut(opening, from: &lists)
        case .text?, nil:
            // Whole dialogues, beside which UltraFeedback has the prompt in words.
            let most = max(0, (lists.map(\.count).min() ?? 0) - 1)
            let common = (0..<most).first { place in lists.contains { $0[place] != lists[0][place] } } ?? most
            opening = Array((lists.first ?? [])[..<common])
            lists = lists.map { Array($0.dropFirst(common)) }
            if common == 0 { obstacle = obstacle ?? .promptsDiffer }
        }
        try prepend(to: &opening)
        if let last = opening.last, last["role"]?.string == "assistant", last["tool_calls"] == nil,
            lists.contains(where: { $0.first?["role"]?.string == "assistant" })
        {
            notes.insert(.continuedMessage)
        }
        return try conversation(opening, lists, cause: cause)
    }

    private static func holdsPrompt(_ messages: [JSON]) -> Bool { messages.contains { $0["role"]?.string == "user" } }

    /// The cause that makes a row a conversation, in words, and whether that is a column beside texts; nil for a row of
    /// text.
    private func cause(_ prompt: Passage?, _ responses: [Passage]) -> (words: String, isBeside: Bool)? {
        if prompt?.isMessages ?? false || responses.contains(where: \.isMessages) {
            let column = names.first { used.contains($0) && isMessages($0) } ?? names.first(where: isMessages)
            return ("\"\(column ?? mapping.promptColumn)\" is a list of messages", false)
        }
        let beside = (Self.systemColumns + [Self.historyColumn, RowMapping.tools]).filter {
            self[$0] != nil && !used.contains($0)
        }
        guard let first = beside.first(where: { !isBlank($0) }) ?? (hasTemplate ? beside.first : nil) else {
            return nil
        }
        return ("\"\(first)\" makes the row a conversation", true)
    }

    /// Puts the messages of the columns `system` and `history` before a prompt.
    private mutating func prepend(to prompt: inout [JSON]) throws(PreferenceError) {
        var before: [JSON] = []
        for column in Self.systemColumns where self[column] != nil {
            let system = try optionalText(column)
            guard !system.isEmpty else { continue }
            let message: JSON = ["role": "system", "content": .string(system)]
            if let first = prompt.first, first["role"]?.string == "system" {
                guard first["content"]?.string == system else {
                    throw .wrongType(
                        place, item: "\"\(column)\"", found: "not what the messages' own system message says",
                        expected: "one system message: remove the column, or the message")
                }
            } else if !before.contains(message) {
                before.append(message)
            }
        }
        if self[Self.historyColumn] != nil, !used.contains(Self.historyColumn) {
            for (number, turn) in try array(Self.historyColumn, of: "[question, answer] lists").enumerated() {
                let item = "history[\(number)]"
                guard let two = turn.array else {
                    guard turn["role"] != nil || turn["from"] != nil else {
                        throw wrongType(item, turn, "a list of a question and its answer")
                    }
                    before += try messages(turn, item: item)
                    continue
                }
                guard two.count == 2, let asked = two[0].string, let answered = two[1].string else {
                    throw wrongType(item, turn, "a list of a question and its answer")
                }
                before += [
                    ["role": "user", "content": .string(asked)], ["role": "assistant", "content": .string(answered)],
                ]
            }
        }
        prompt = before + prompt
    }

    private mutating func conversation(
        _ prompt: [JSON], _ completions: [[JSON]], cause: String
    ) throws(PreferenceError) -> Conversation {
        // Data sets keep tools as JSON text, since their objects have no common type.
        var tools = takeValue(RowMapping.tools)
        if tools?.string?.isEmpty ?? false { tools = nil }
        if let tools, tools.array == nil { throw wrongType("\"\(RowMapping.tools)\"", tools, "a list of tools") }
        if let texts = tools?.array, texts.contains(where: { $0.string != nil }) {
            tools = .array(texts.map { $0.string.flatMap { try? JSON.parse($0) } ?? $0 })
        }
        let variables = takeValue(RowMapping.templateVariables)
        if let variables, variables.object == nil {
            throw wrongType("\"\(RowMapping.templateVariables)\"", variables, "an object of name to value")
        }
        var conversation = Conversation(
            prompt: prompt, completions: completions, tools: tools, templateVariables: variables, cause: cause)
        if isTyped { removeNulls(of: &conversation) }
        return conversation
    }

    /// Takes out what Arrow fills into tool calls and tools: each of their objects has the members of all.
    private mutating func removeNulls(of conversation: inout Conversation) {
        func cleared(_ messages: [JSON]) -> [JSON] { messages.map(\.withoutNullMembers) }
        let before = (conversation.prompt, conversation.completions, conversation.tools)
        conversation.prompt = cleared(conversation.prompt)
        conversation.completions = conversation.completions.map(cleared)
        conversation.tools = conversation.tools?.withoutNullMembers
        if conversation.prompt != before.0 || conversation.completions != before.1 || conversation.tools != before.2 {
            notes.insert(.removedNulls)
        }
    }

    // MARK: - Repeated prompts

    /// Cuts the prompt's messages from responses that begin with them.
    private mutating func cut(_ prompt: [JSON], from responses: inout [[JSON]]) {
        for (place, messages) in responses.enumerated() where !prompt.isEmpty {
            guard messages.count > prompt.count, messages.starts(with: prompt) else { continue }
            responses[place].removeFirst(prompt.count)
            notes.insert(.repeatedPrompt)
        }
    }

    /// Cuts the prompt from responses that all begin with it.
    private mutating func cut(_ prompt: String, _ responses: [String]) -> (prompt: String, responses: [String]) {
        guard Self.isNoCoincidence(prompt), responses.allSatisfy({ $0.utf8.starts(with: prompt.utf8) }),
            responses.contains(where: { $0.utf8.count > prompt.utf8.count })
        else { return (prompt, responses) }
        notes.insert(.repeatedPrompt)
        return (prompt, responses.map { ImplicitPrompt.split($0, at: prompt.utf8.count).response })
    }

    /// Whether a text that every response begins with must be the prompt: "Hello" may be an answer to itself, a sentence or
    /// a transcript isn't.
    private static func isNoCoincidence(_ prompt: String) -> Bool {
        guard !prompt.isBlank, let last = prompt.unicodeScalars.last else { return false }
        let words = prompt.split(whereSeparator: \.isWhitespace).count
        return words >= 3 || prompt.unicodeScalars.count >= 16 || !last.properties.isAlphabetic
    }
}

extension Passage {
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var isMessages: Bool { if case .messages = self { true } else { false } }
}
