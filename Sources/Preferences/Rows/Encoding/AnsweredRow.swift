import Storage
import Tokenization

extension RowEncoder {
    /// Encodes a prompt and the responses that a model gave to it, as training encodes a row of them, with each response
    /// judged by itself, in the order given. Equal responses are one in the comparison, which their judgements share.
    ///
    /// No response is taken for one that repeats its prompt, so what is encoded of one doesn't depend on the others.
    /// - Parameters:
    ///   - prompt: a text or a list of messages.
    ///   - line: of the file, from 1.
    ///   - row: number among the rows that are encoded together, from 0.
    /// - Throws: `PreferenceError`, also for a row of which not every response can be encoded.
    package func encode(
        prompt: JSON, responses: [String], line: Int, row: Int, memory: EncodingMemory? = nil
    ) throws(PreferenceError) -> EncodedRow {
        let place = RowPlace(file: file, line: line)
        let given = RowReader.Row(content: .columns(["prompt": prompt]), line: line, row: row)
        let columns = try columns(of: given, rule)
        let body: RowContent.Body
        switch try columns.passage(prompt, item: "prompt") {
        case .text(let text): body = .text(prompt: text, responses: responses)
        case .messages(let messages):
            body = .conversation(
                Conversation(
                    prompt: messages, completions: responses.map { [["role": "assistant", "content": .string($0)]] },
                    cause: "\"prompt\" is a list of messages"))
        }
        let content = RowContent(
            format: .ranked, body: body, verdict: .labels(responses.map { _ in true }),
            scores: responses.map { _ in [] }, obstacle: nil, obstacles: responses.map { _ in nil }, notes: [],
            unusedColumns: [])
        let (outcome, notes) = try outcome(of: content, at: place, memory ?? makeMemory())
        switch outcome {
        case .dropped(.emptyPrompt): throw .emptyPrompt(place, column: "prompt")
        case .comparison(let comparison) where comparison.skipped.isEmpty:
            return EncodedRow(
                row: row, line: line, format: content.format, unusedColumns: [], notes: notes,
                outcome: .comparison(comparison))
        case .dropped, .comparison:
            throw .wrongType(
                place, item: "a response", found: "empty in the model's chat template", expected: "at least one token")
        }
    }
}
