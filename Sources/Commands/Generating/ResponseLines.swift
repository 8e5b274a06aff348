import Preferences
import Storage

/// The lines of `generate`: one for each continuation.
struct ResponseLines {
    /// nil without a tokenizer: ids alone are written.
    let responses: ResponseText?
    let endTokens: Set<Int32>
    let origin: GenerationOrigin

    func text(of continuations: [RowContinuation], _ rows: [PromptRow]) -> String {
        continuations.map { line(rows[$0.place], $0) + "\n" }.joined()
    }

    private func line(_ row: PromptRow, _ continuation: RowContinuation) -> String {
        var object: JSONObject = ["index": .integer(row.row)]
        object["prompt"] = row.given
        object["sample"] = .integer(continuation.sample)
        object["response"] = responses.map {
            .string($0.text(continuation.ids, after: row.tokens, isStopped: continuation.isStopped))
        }
        object["ids"] = .array(continuation.ids.map { .integer(Int($0)) })
        let hasEnded = continuation.ids.last.map(endTokens.contains) ?? false
        object["finished"] = .bool(continuation.isStopped || hasEnded)
        object["origin"] = .object(origin.json)
        return JSON.object(object).text
    }
}
