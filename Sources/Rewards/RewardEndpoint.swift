import Storage

/// Asks a language model behind an endpoint to grade a response.
///
/// The question is a text in which `{prompt}` and `{response}` stand for the two; the built-in one asks for a grade from 1
/// to 10 as `[[grade]]`. The reward is the last number in double brackets of the answer, or the `reward` of a JSON object
/// that is the whole answer, or a number that is.
package struct RewardEndpoint: Sendable {
    private let endpoint: ChatEndpoint
    private let question: Question

    /// The cache's key for all that decides a grade beside the texts.
    package var identity: String { "endpoint \(endpoint.url) \(endpoint.model) \(question.text)" }

    static let standardQuestion = """
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
        question = try Question(
            file: promptFile, standard: Self.standardQuestion, places: ["{response}"],
            reason: "every response would get one grade")
    }

    /// - Throws: `RewardError.failed`.
    package func reward(of text: RatedText) throws(RewardError) -> Double {
        let message = question.filled(["{prompt}": text.promptText, "{response}": text.response])
        let answer = try endpoint.answer(to: message, row: text.row)
        guard let grade = Self.grade(in: answer) else {
            throw .failed(
                source: endpoint.url, row: text.row, problem: "\(endpoint.model) answered \"\(answer.prefix(120))\"",
                remedy: "expected a grade in double brackets like [[7]]; ask for it in the prompt file")
        }
        return grade
    }

    /// The grade that an answer gives.
    package static func grade(in answer: String) -> Double? {
        if let grade = ChatEndpoint.bracketed(in: answer).compactMap(number).last { return grade }
        if let reward = (try? JSON.parse(answer))?["reward"]?.double, reward.isFinite { return reward }
        return number(answer[...])
    }

    private static func number(_ text: Substring) -> Double? {
        Double(String(text.filter { !$0.isWhitespace })).flatMap { $0.isFinite ? $0 : nil }
    }
}
