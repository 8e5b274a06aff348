/// Asks a language model behind an endpoint which of two responses is better.
///
/// The question is a text in which `{prompt}`, `{a}` and `{b}` stand for the three; the verdict is the last `[[A]]`, `[[B]]` or
/// `[[C]]` (a tie) of the answer, or Arena-Hard's `[[A>>B]]` … `[[B>>A]]`, of which a strong and a weak win count alike.
package struct RewardComparison: Sendable {
    private let endpoint: ChatEndpoint
    private let question: Question

    /// The cache's key for all that decides a verdict beside the texts.
    package var identity: String { "comparison \(endpoint.url) \(endpoint.model) \(question.text)" }

    static let standardQuestion = """
        Which of the two responses answers the request better? Judge by what they say, not by their length or order. Say in \
        one sentence why, then give your verdict on a line of its own: [[A]] if A is better, [[B]] if B is better, [[C]] for a tie.

        ### Request
        {prompt}

        ### Response A
        {a}

        ### Response B
        {b}
        """

    /// - Throws: `RewardError` for a file that can't be read or lacks a place.
    package init(url: String, model: String, promptFile: String?) throws(RewardError) {
        endpoint = ChatEndpoint(url: url, model: model)
        question = try Question(
            file: promptFile, standard: Self.standardQuestion, places: ["{a}", "{b}"],
            reason: "a comparison shows both {a} and {b}")
    }

    /// 1 if the first response is better, ½ for a tie, 0 if the second is.
    /// - Throws: `RewardError.failed`.
    package func score(of a: RatedText, against b: RatedText) throws(RewardError) -> Double {
        let message = question.filled(["{prompt}": a.promptText, "{a}": a.response, "{b}": b.response])
        let answer = try endpoint.answer(to: message, row: a.row)
        guard let score = Self.verdict(in: answer) else {
            throw .failed(
                source: endpoint.url, row: a.row, problem: "\(endpoint.model) answered \"\(answer.prefix(120))\"",
                remedy: "expected [[A]], [[B]] or [[C]]; ask for it in the prompt file")
        }
        return score
    }

    /// The verdict that an answer gives, as the first response's score.
    package static func verdict(in answer: String) -> Double? {
        ChatEndpoint.bracketed(in: answer).compactMap { text -> Double? in
            switch text.filter({ !$0.isWhitespace }) {
            case "A", "A>>B", "A>B": 1
            case "B", "B>>A", "B>A": 0
            case "C", "A=B", "B=A": 0.5
            default: nil
            }
        }.last
    }
}
