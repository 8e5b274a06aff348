import Storage

/// A question of a benchmark, as its own file has it.
struct BenchmarkQuestion: Equatable {
    /// Of the file, from 1, and the data row, from 0.
    let line: Int
    let row: Int
    /// The id that a judge finds the question by: `uid` or `question_id`.
    let id: JSON?
    /// The texts that are asked; the later ones after the answers to those before.
    let turns: [String]
    let category: String?
    let dataset: String?

    struct Fault: Error, CustomStringConvertible { let description: String }

    /// - Parameter columns: `turns` (texts, or objects of `content`), `instruction` or `prompt`.
    init(_ columns: JSONObject, line: Int, row: Int, for format: ResponseFormat) throws(Fault) {
        (self.line, self.row) = (line, row)
        category = columns["category"]?.string
        dataset = columns["dataset"]?.string
        if let name = format.identifier {
            guard let id = columns[name], id.string != nil || id.integer != nil else {
                throw Fault(description: "\"\(name)\" is missing; each question of --format \(format.rawValue) has one")
            }
            self.id = id
        } else {
            id = nil
        }
        let given = columns["turns"]?.array ?? (columns["instruction"] ?? columns["prompt"]).map { [$0] } ?? []
        turns = given.compactMap { $0.string ?? $0["content"]?.string }
        guard !turns.isEmpty, turns.count == given.count, !turns.contains("") else {
            throw Fault(
                description: "has no question; expected \"turns\" (a list of texts), \"instruction\" or \"prompt\" (a text)")
        }
        let most = format == .mtBench ? 2 : 1
        guard turns.count <= most else {
            throw Fault(description: "has \(turns.count) turns; --format \(format.rawValue) takes \(most)")
        }
    }

    /// All of it that goes into an output.
    var text: String { "\(id?.text ?? "") \(JSON.array(turns.map { .string($0) }).text) \(dataset ?? "")" }

    /// The temperature that FastChat samples the answers of a category with.
    /// (lm-sys/FastChat, fastchat/llm_judge/common.py, `temperature_config`.)
    var temperature: Double {
        switch category {
        case "extraction", "math", "coding", "reasoning", "arena-hard-200": 0
        case "stem", "humanities": 0.1
        default: 0.7
        }
    }
}
