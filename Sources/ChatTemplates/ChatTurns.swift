import Storage

/// A conversation's text, and where the assistant speaks in it.
package struct SpokenText: Sendable, Equatable {
    package let text: String
    /// UTF-8 bytes of the assistant's turns, each with what ends it, in order and apart from each other; at least one.
    package let turns: [Range<Int>]
    /// Whether the template itself marks them, by `{% generation %}`.
    package let areMarked: Bool

    /// Whether a token is of a turn that it overlaps.
    ///
    /// One that begins before a turn is of it, since nothing before the turn predicts it. One that goes on beyond a turn's
    /// end isn't, unless the turns are marked: `transformers` counts every token that overlaps a mark.
    /// - Parameter token: its bytes, some of which are the turn's.
    package func has(_ token: Range<Int>, in turn: Range<Int>) -> Bool {
        areMarked || token.upperBound <= turn.upperBound
    }
}

extension ChatTemplate {
    /// The text of a conversation and the assistant's turns in it, as `assistant_only_loss` of TRL means them.
    ///
    /// Turns are what the template marks by `{% generation %}`. Of a template without marks a turn begins where the text
    /// ends that asks for it, and ends where the text ends that a conversation up to it has: what the message says and
    /// what the template writes behind it. A message of the assistant's that opens a conversation answers nothing and is
    /// then no turn.
    ///
    /// - Parameters:
    ///   - prompt: what stands before the response.
    ///   - completion: the messages of the response.
    ///   - inPrompt: whether turns of the prompt count too.
    ///   - variables: for the template (`chat_template_kwargs` of a row).
    /// - Throws: `ChatTemplateError`, also for a template that writes a message otherwise once others follow it.
    package func turns(
        prompt: [JSON], completion: [JSON], inPrompt: Bool, tools: JSON? = nil, variables: JSONObject = [:]
    ) throws(ChatTemplateError) -> SpokenText {
        let variables = ChatTemplate.variables(variables, tools: tools)
        let continued = inPrompt ? nil : ChatTemplate.continued(prompt, by: completion)
        let messages = continued ?? prompt + completion
        let (string, marks) = try rendered(messages: .array(messages), variables: variables)
        let text = JinjaText(string)
        var start = 0
        if !inPrompt {
            let asked = JinjaText(
                try render(
                    messages: .array(prompt), addGenerationPrompt: continued == nil,
                    continuing: continued == nil ? nil : "content", variables: variables))
            start = asked.commonPrefix(with: text).bytes.count
        }
        var turns: [Range<Int>] = []
        if let marks {
            for mark in marks where mark.upperBound > max(start, turns.last?.upperBound ?? 0) {
                turns.append(max(mark.lowerBound, start, turns.last?.upperBound ?? 0)..<mark.upperBound)
            }
            guard !turns.isEmpty else {
                throw .conversation("the chat template's {% generation %} marks nothing of this conversation")
            }
            return SpokenText(text: string, turns: turns, areMarked: true)
        }
        let first = inPrompt ? 1 : prompt.count - (continued == nil ? 0 : 1)
        for place in first..<max(first, messages.count) where messages[place]["role"]?.string == "assistant" {
            let turn = try turn(of: place, in: messages, text, variables)
            let from = max(turn.lowerBound, start, turns.last?.upperBound ?? 0)
            if from < turn.upperBound { turns.append(from..<turn.upperBound) }
        }
        guard !turns.isEmpty else { throw .conversation("the assistant answers nothing in this conversation") }
        return SpokenText(text: string, turns: turns, areMarked: false)
    }

    /// The bytes of a message in the text of its conversation.
    private func turn(
        of place: Int, in messages: [JSON], _ text: JinjaText, _ variables: JSONObject
    ) throws(ChatTemplateError) -> Range<Int> {
        let upTo =
            place == messages.count - 1
            ? text : JinjaText(try render(messages: .array(Array(messages[...place])), variables: variables))
        let asked = JinjaText(
            try render(messages: .array(Array(messages[..<place])), addGenerationPrompt: true, variables: variables))
        let start = asked.commonPrefix(with: upTo).bytes.count
        let end = upTo.commonPrefix(with: text).bytes.count
        // Only what a template writes at the end of any conversation may be missing where others follow.
        guard end > start, text.bytes.suffix(upTo.bytes.count - end) == upTo.bytes[end...] else {
            throw .conversation(
                "the chat template writes message \(place + 1) otherwise once others follow it, so the assistant's turn "
                    + "can't be scored there as it was said: set score_turns: last, or take a template that keeps turns "
                    + "and marks them by {% generation %}")
        }
        return start..<end
    }
}
