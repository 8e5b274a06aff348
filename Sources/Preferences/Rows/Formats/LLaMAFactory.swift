import Storage

/// Preference rows as LLaMA-Factory has them.
extension RowFormat {
    /// ShareGPT's turns.
    package static let shareGPT = RowFormat(
        noun: "ShareGPT conversations",
        explanation: "conversations is the prompt, chosen and rejected are turns with from and value",
        named: [["conversations", "chosen", "rejected"]], recognises: { $0.isPair && $0.sees("conversations") },
        read: { row throws(PreferenceError) in
            let turns = try row.messages(row.takeValue("conversations") ?? .array([]), item: "conversations")
            return try row.pair(behind: .messages(turns))
        })

    package static let instruction = RowFormat(
        noun: "instructions", explanation: "the prompt is instruction and, on a line of its own, input",
        named: [["instruction", "chosen", "rejected"]],
        recognises: { $0.isPair && $0.sees("instruction") && !$0.hasPromptColumn && !$0.holdsPrompts },
        read: { row throws(PreferenceError) in try row.pair(behind: .text(try row.instruction())) })

    /// The older notation: `output` is a list of the better response and the worse one.
    package static let outputPair = RowFormat(
        noun: "instructions with two outputs",
        explanation: "the prompt is instruction and, on a line of its own, input; output is [better, worse]",
        columns: [["instruction", "output"]], where: { $0.read($0["output"] ?? .null).array != nil },
        read: { row throws(PreferenceError) in
            let outputs = try row.array("output", of: "the better output and the worse one")
            guard outputs.count == 2 else {
                throw .wrongType(
                    row.place, item: "\"output\"", found: "a list of \(outputs.count)",
                    expected: "a list of two: the better output and the worse one")
            }
            let prompt = try row.instruction()
            let better = try row.passage(outputs[0], item: "output[0]")
            let worse = try row.passage(outputs[1], item: "output[1]")
            return RowParts(prompt: .text(prompt), responses: [better, worse], .firstWins, rewards: .sides)
        })

    /// An output with a label: `kto_tag`.
    package static let labelledInstruction = RowFormat(
        noun: "labelled outputs", explanation: "the prompt is instruction and input; kto_tag is the label",
        columns: [["instruction", "output", "kto_tag"]],
        read: { row throws(PreferenceError) in
            let response = try row.passage("output", remedy: "it is the response")
            return try row.labelled("kto_tag", response, of: .text(try row.instruction()))
        })

    /// An output to imitate.
    package static let instructionOutput = RowFormat(
        noun: "instructions with an output", explanation: "the prompt is instruction and, on a line of its own, input",
        columns: [["instruction", "output"]],
        where: { $0["kto_tag"] == nil && $0.read($0["output"] ?? .null).array == nil },
        read: { row throws(PreferenceError) in
            let response = try row.passage("output", remedy: "it is the response")
            return RowParts(prompt: .text(try row.instruction()), responses: [response], .demonstration)
        })
}

extension RowColumns {
    /// `instruction` and, on a line of its own, `input`.
    mutating func instruction() throws(PreferenceError) -> String {
        let remedy = "name the columns with prompt_column, chosen_column and rejected_column"
        let question = try text("instruction", remedy: remedy)
        let input = try optionalText("input")
        return input.isEmpty ? question : question + "\n" + input
    }
}
