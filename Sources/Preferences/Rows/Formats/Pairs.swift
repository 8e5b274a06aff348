import Objectives
import Storage

/// Rows with `chosen` and `rejected`, and a column for the prompt.
extension RowFormat {
    package static let text = RowFormat(
        noun: "text rows", explanation: "the prompt is a column", named: [["prompt", "chosen", "rejected"]],
        recognises: { $0.isPair && $0.hasPromptColumn }, read: { row throws(PreferenceError) in try row.pair() })

    package static let messages = RowFormat(
        noun: "conversations", explanation: "prompt or responses are lists of messages",
        recognises: { row in
            row.isPair && row.hasPromptColumn
                && [row.mapping.promptColumn, row.mapping.chosenColumn, row.mapping.rejectedColumn]
                    .contains(where: row.isMessages)
        }, read: { row throws(PreferenceError) in try row.pair() })

    /// Messages in a column of their own are the prompt.
    package static let messagesBeside = RowFormat(
        noun: "messages with two answers", explanation: "the prompt is messages",
        named: [["messages", "chosen", "rejected"]],
        recognises: { $0.isPair && $0.isMessages("messages") && !$0.isBlank("messages") && !$0.holdsPrompts },
        read: { row throws(PreferenceError) in
            var parts = try row.pair(prompt: "messages")
            // Some files keep the whole dialogue of the chosen answer there.
            if case .passages(.messages(let prompt)?, let responses) = parts.body, let last = prompt.last,
                last["role"]?.string == "assistant", let chosen = responses.first
            {
                let answer: [JSON] =
                    switch chosen {
                    case .text(let text): [["role": "assistant", "content": .string(text)]]
                    case .messages(let messages): messages
                    }
                if answer == [last] {
                    parts.body = .passages(prompt: .messages(prompt.dropLast()), responses: responses)
                }
            }
            return parts
        })

    private static let questionColumns = ["question", "query", "input"]

    /// Intel's and distilabel's Orca pairs, and others that call the prompt a question.
    package static let questionBeside = RowFormat(
        noun: "questions with two answers", explanation: "the prompt is question, query or input, behind system",
        named: questionColumns.map { [$0, "chosen", "rejected"] },
        recognises: { row in
            row.isPair && !row.holdsPrompts && !row.areTranscripts && questionColumns.contains(where: row.sees)
        },
        read: { row throws(PreferenceError) in
            let columns = questionColumns.filter { row[$0] != nil }
            let filled = columns.filter { !row.isBlank($0) }
            guard filled.count < 2 else { throw .unclearPrompt(row.place, columns: filled) }
            for column in columns { row.used.insert(column) }
            return try row.pair(prompt: filled.first ?? columns[0])
        })
}

extension RowColumns {
    /// Whether the row has a better and a worse response by the names of the run file.
    var isPair: Bool { mapping.namesResponses || sees(mapping.chosenColumn) || sees(mapping.rejectedColumn) }

    /// Whether the prompt has a column. One that holds nothing isn't it where the responses hold the prompt.
    var hasPromptColumn: Bool {
        if has(mapping.promptColumn) || mapping.promptIsRequired { return true }
        return self[mapping.promptColumn] != nil && !holdsPrompts && !areTranscripts
    }

    /// Whether the responses are whole dialogues.
    var holdsPrompts: Bool {
        isWholeDialogue(mapping.chosenColumn) && (!rule.needsRejected || isWholeDialogue(mapping.rejectedColumn))
    }

    /// Whether a response is a transcript.
    var areTranscripts: Bool {
        [mapping.chosenColumn, mapping.rejectedColumn].contains { column in
            self[column]?.string.map { ImplicitPrompt.transcriptPromptLength(of: $0) != nil } ?? false
        }
    }

    /// `chosen` and `rejected` behind the prompt of a column.
    mutating func pair(prompt column: String? = nil) throws(PreferenceError) -> RowParts {
        let column = column ?? mapping.promptColumn
        let prompt = try passage(column, remedy: "name its column with prompt_column")
        return try pair(behind: prompt)
    }

    mutating func pair(behind prompt: Passage?) throws(PreferenceError) -> RowParts {
        var responses = [try passage(mapping.chosenColumn, remedy: "name its column with chosen_column")]
        if rule.needsRejected {
            responses.append(try passage(mapping.rejectedColumn, remedy: "name its column with rejected_column"))
        }
        return RowParts(prompt: prompt, responses: responses, .firstWins, rewards: .sides)
    }
}

extension Verdict {
    /// Of two responses the first is better.
    static let firstWins = Verdict.ranking([Preference(chosen: 0, rejected: 1)])

    /// Of two responses one is better; nil: neither.
    static func better(_ place: Int?) -> Verdict {
        .ranking(place.map { [Preference(chosen: $0, rejected: 1 - $0)] } ?? [])
    }

    /// Every two responses with different ranks, of which the greater one is better. Responses without a rank have no
    /// part in it.
    static func ranked(by ranks: [Double?]) -> Verdict {
        var pairs: [Preference] = []
        for first in ranks.indices {
            for second in ranks.indices[(first + 1)...] {
                guard let one = ranks[first], let other = ranks[second], one != other else { continue }
                pairs.append(
                    one > other
                        ? Preference(chosen: first, rejected: second) : Preference(chosen: second, rejected: first))
            }
        }
        return .ranking(pairs)
    }
}
