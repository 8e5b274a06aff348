import Storage

/// Single responses, for `sft`.
extension RowFormat {
    /// TRL's prompt and completion.
    package static let completion = RowFormat(
        noun: "prompts with a completion", explanation: "the completion is the response",
        named: [["prompt", "completion"]],
        recognises: { $0.hasPrompt && $0.sees("completion") && $0["label"] == nil },
        read: { row throws(PreferenceError) in
            let prompt = try row.passage(row.mapping.promptColumn, remedy: "name its column with prompt_column")
            let response = try row.passage("completion", remedy: "it is the response")
            return RowParts(prompt: prompt, responses: [response], .demonstration)
        })

    package static let dialogue = RowFormat(
        noun: "dialogues", explanation: "the response is the assistant's last message",
        named: [["messages"], ["conversations"]],
        recognises: { row in
            (row.sees("messages") || row.sees("conversations"))
                && ["label", "kto_tag", "rejected_response", "rejected_messages"].allSatisfy { row[$0] == nil }
        },
        read: { row throws(PreferenceError) in
            RowParts(dialogue: try row.dialogue(), .demonstration)
        })

    /// ms-swift's question and answer.
    package static let queryResponse = RowFormat(
        noun: "queries with a response", explanation: "the prompt is query, behind system and history",
        columns: [["query", "response"]], where: { $0["rejected_response"] == nil },
        read: { row throws(PreferenceError) in
            let prompt = try row.passage("query", remedy: "it is the prompt")
            let response = try row.passage("response", remedy: "it is the response")
            return RowParts(prompt: prompt, responses: [response], .demonstration)
        })

    package static let document = RowFormat(
        noun: "texts", explanation: "all of a text is the response", named: [["text"]],
        recognises: { row in
            row.sees("text")
                && ["prompt", "messages", "conversations", "completion", "instruction", "query"].allSatisfy {
                    !row.sees($0)
                }
        },
        read: { row throws(PreferenceError) in
            RowParts(.document(try row.text("text", remedy: "it is the response")), .demonstration)
        })
}
