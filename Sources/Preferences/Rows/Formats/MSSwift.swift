import Objectives
import Storage

/// Preference rows as ms-swift has them: the better response ends the dialogue, the worse one has a column.
extension RowFormat {
    package static let rejectedResponse = RowFormat(
        noun: "dialogues with a rejected response",
        explanation: "the chosen response ends the dialogue, rejected_response is the other one",
        columns: [
            ["messages", "rejected_response"], ["messages", "rejected_messages"],
            ["query", "response", "rejected_response"],
        ],
        read: { row throws(PreferenceError) in
            var prompt: Passage
            let chosen: Passage
            if row["messages"] != nil {
                let (opening, response) = try row.dialogue()
                (prompt, chosen) = (.messages(opening), .messages(response))
            } else {
                prompt = try row.passage("query", remedy: "it is the prompt")
                chosen = try row.passage("response", remedy: "it is the chosen response")
            }
            guard row.rule.needsRejected else {
                var parts = RowParts(prompt: prompt, responses: [chosen], .firstWins, rewards: .sides)
                parts.isOneDialogue = true
                return parts
            }
            var responses = [chosen]
            if row["rejected_messages"] != nil {
                let whole = try row.messages(
                    row.takeValue("rejected_messages") ?? .array([]), item: "rejected_messages")
                if case .messages(let opening) = prompt, !whole.starts(with: opening) {
                    // The two dialogues part earlier: their common beginning is the prompt.
                    guard case .messages(let response) = chosen else {
                        return RowParts(prompt: prompt, responses: responses, .firstWins)
                    }
                    return RowParts(
                        prompt: nil, responses: [.messages(opening + response), .messages(whole)], .firstWins,
                        rewards: .sides)
                }
                responses.append(.messages(whole))
            } else if case .array(let list)? = row["rejected_response"], list.allSatisfy({ $0.string != nil }) {
                // Several worse ones.
                row.used.insert("rejected_response")
                for (number, value) in list.enumerated() {
                    responses.append(try row.passage(value, item: "rejected_response[\(number)]"))
                }
            } else {
                responses.append(try row.passage("rejected_response", remedy: "it is the rejected response"))
            }
            return RowParts(
                prompt: prompt, responses: responses,
                .ranking(responses.indices.dropFirst().map { Preference(chosen: 0, rejected: $0) }), rewards: .sides)
        })
}
