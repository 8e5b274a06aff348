import Rewards
import Storage
import Training

/// A prompt with its responses, and what was said of them so far: a row of `annotate`'s and `pairs`' files.
///
/// Two forms are read: what `generate` writes (a line for each sample, those of one prompt after each other), and ranked
/// rows (`prompt`, `responses`). Written is the ranked form, which training reads as it stands.
package struct AnsweredPrompt: Sendable {
    /// Line of the file that each response stands in, counted from 1: one for all of a ranked row, others for samples.
    private let lines: [Int]
    /// A text or a list of messages.
    package let prompt: JSON
    package let responses: [String]
    /// NAME → a number for each response.
    package var scores: [(name: String, values: [Double])]
    /// The row's other members, kept as they are.
    package let rest: JSONObject

    /// Line of the file that it begins at.
    package var line: Int { lines.first ?? 1 }

    /// Responses as rewards are asked for them.
    package var texts: [RatedText] {
        zip(responses, lines).map { RatedText(prompt: prompt, response: $0, row: $1) }
    }

    package var json: JSON {
        var row: JSONObject = ["prompt": prompt, "responses": .array(responses.map { .string($0) })]
        if !scores.isEmpty {
            var object = JSONObject()
            for (name, values) in scores { object[name] = .array(values.map { .number($0) }) }
            row["scores"] = .object(object)
        }
        for (name, value) in rest.members { row[name] = value }
        return .object(row)
    }

    // MARK: - Reading

    /// Reads a file's prompts with all their responses; all of its faults at once.
    /// - Throws: `TrainingError.input` or `StorageError`.
    package static func read(_ path: String) throws -> [AnsweredPrompt] {
        var lines = try LineReader(path: path)
        var rows: [AnsweredPrompt] = []
        var faults: [String] = []
        var last: JSON?
        while let line = try lines.next() {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            let number = lines.lineNumber
            do {
                let json = try JSON.parse(line)
                let group = json["index"]
                let row = try AnsweredPrompt(json, line: number)
                if json["response"] != nil, let group, group == last, let before = rows.last,
                    before.prompt == row.prompt
                {
                    rows[rows.count - 1] = before.joined(by: row)
                } else {
                    rows.append(row)
                }
                last = json["response"] == nil ? nil : group
            } catch {
                faults.append("\(path):\(number): \(error)")
            }
        }
        guard faults.isEmpty else {
            let more = faults.count > 10 ? "\n  and \(faults.count - 10) more" : ""
            throw TrainingError.input(faults.prefix(10).joined(separator: "\n  ") + more)
        }
        guard !rows.isEmpty else {
            throw TrainingError.input(
                "\(path): there are no rows; give what generate wrote, or rows of prompt and responses")
        }
        return rows
    }

    private init(_ json: JSON, line: Int) throws {
        guard let row = json.object else { throw Fault("is no JSON object") }
        guard let prompt = row["prompt"], prompt.string != nil || prompt.array != nil else {
            throw Fault("\"prompt\" is missing; expected a text or a list of messages")
        }
        self.prompt = prompt
        var rest = row
        rest["prompt"] = nil
        if let response = row["response"] {
            guard let text = response.string else { throw Fault("\"response\" is \(response.kind); expected a text") }
            responses = [text]
            for name in ["response", "sample", "ids", "finished"] { rest[name] = nil }
        } else {
            guard let list = row["responses"]?.array, !list.isEmpty else {
                throw Fault("has neither \"response\" (as generate writes) nor \"responses\" (a list of texts)")
            }
            responses = try list.map {
                guard let text = $0.string else { throw Fault("\"responses\" holds \($0.kind); expected texts") }
                return text
            }
            rest["responses"] = nil
        }
        lines = Array(repeating: line, count: responses.count)
        scores = try Self.scores(row["scores"], count: responses.count)
        rest["scores"] = nil
        self.rest = rest
    }

    private init(
        lines: [Int], prompt: JSON, responses: [String], scores: [(name: String, values: [Double])], rest: JSONObject
    ) {
        (self.lines, self.prompt, self.responses, self.scores, self.rest) = (lines, prompt, responses, scores, rest)
    }

    private func joined(by next: AnsweredPrompt) -> AnsweredPrompt {
        AnsweredPrompt(
            lines: lines + next.lines, prompt: prompt, responses: responses + next.responses, scores: [], rest: rest)
    }

    private static func scores(_ json: JSON?, count: Int) throws -> [(name: String, values: [Double])] {
        guard let json, !json.isNull else { return [] }
        guard let object = json.object else {
            throw Fault("\"scores\" is \(json.kind); expected an object of name → \(count) numbers")
        }
        return try object.members.map { name, value in
            let numbers = (value.array ?? []).compactMap(\.double)
            guard numbers.count == count, numbers.allSatisfy(\.isFinite) else {
                throw Fault("\"scores.\(name)\" isn't a list of \(count) finite numbers, one for each response")
            }
            return (name, numbers)
        }
    }

    private struct Fault: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
