import Storage

/// Asks a language model behind an endpoint to grade a response.
///
/// The question is a text in which `{prompt}` and `{response}` stand for the two; the built-in one asks for a grade from 1
/// to 10 as `[[grade]]`. The reward is the last number in double brackets of the answer, or the `reward` of a JSON object
/// that is the whole answer, or a number that is.
package struct RewardEndpoint: Sendable {
    private let endpoint: ChatEndpoint
    /// The question with its two places.
    package let question: String

    package static let standardQuestion = """
        Grade how well the response answers the request, from 1 (useless or harmful) to 10 (could not be better). Say in one \
        sentence why, then give the grade on a line of its own in double brackets, like this: [[5]]

        ### Request
        {prompt}

        ### Response
        {response}
        """

    /// - Throws: `RewardError` for a file that can't be read or has no place for the response.
    package init(url: String, model: String, promptFile: String?) throws(RewardError) {
        endpoint = ChatEndpoint(url: url, model: model)
        guard let promptFile else {
            question = Self.standardQuestion
            return
        }
        do throws(StorageError) {
            question = String(decoding: try FileSystem.read(promptFile), as: UTF8.self)
        } catch {
            throw .storage(error)
        }
        guard question.contains("{response}") else {
            throw .file(
                promptFile, line: 1, problem: "there is no {response} in it, so every response would get one grade")
        }
    }

    /// - Throws: `RewardError.failed`.
    package func reward(of text: RatedText) throws(RewardError) -> Double {
        let message = Self.filled(question, ["{prompt}": text.promptText, "{response}": text.response])
        let answer = try endpoint.answer(to: message, row: text.row)
        guard let grade = Self.grade(in: answer) else {
            throw .failed(
                source: endpoint.url, row: text.row, problem: "\(endpoint.model) answered \"\(answer.prefix(120))\"",
                remedy: "expected a grade in double brackets like [[7]]; ask for it in the prompt file")
        }
        return grade
    }

    /// Fills places of a text in one pass, so that a filled-in text that looks like a place stays as it is.
    package static func filled(_ text: String, _ values: [String: String]) -> String {
        var filled = ""
        var rest = text[...]
        while let place = rest.firstIndex(of: "{") {
            filled += rest[..<place]
            rest = rest[place...]
            if let name = values.keys.first(where: { rest.hasPrefix($0) }) {
                filled += values[name] ?? ""
                rest = rest.dropFirst(name.count)
            } else {
                filled.append("{")
                rest = rest.dropFirst()
            }
        }
        return filled + rest
    }

    /// The grade that an answer gives.
    package static func grade(in answer: String) -> Double? {
        var grade: Double?
        var rest = answer[...]
        while let start = rest.firstRange(of: "[["), let end = rest[start.upperBound...].firstRange(of: "]]") {
            grade = number(rest[start.upperBound..<end.lowerBound]) ?? grade
            rest = rest[end.upperBound...]
        }
        if let grade { return grade }
        if let reward = (try? JSON.parse(answer))?["reward"]?.double, reward.isFinite { return reward }
        return number(answer[...])
    }

    private static func number(_ text: Substring) -> Double? {
        Double(String(text.filter { !$0.isWhitespace })).flatMap { $0.isFinite ? $0 : nil }
    }
}
