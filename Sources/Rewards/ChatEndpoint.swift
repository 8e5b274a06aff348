import Glibc
import Machine
import Storage

/// Talks to an OpenAI-compatible server's chat completions.
///
/// The key comes from `OPENAI_API_KEY` and goes into a header only: it is never printed, logged or saved. A server that is
/// busy (429) or fails (5xx), and a connection that breaks, get five more tries, each after twice the time or what the
/// server asks for; one that says nothing at all gets one more.
package struct ChatEndpoint: Sendable {
    package let url: String
    package let model: String

    private static let tries = 6
    private static let timeouts = 2
    /// Seconds for an answer.
    package static let patience = 180
    private static let setUp = "check the URL, the model's name and OPENAI_API_KEY"

    /// - Parameter url: the server's base (`http://host:8000/v1`), or the whole address of its chat completions.
    package init(url: String, model: String) {
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.url = base.hasSuffix("/chat/completions") ? base : base + "/chat/completions"
        self.model = model
    }

    /// The model's answer to one message of a user, at temperature 0.
    /// - Parameters:
    ///   - row: for messages.
    ///   - firstWait: seconds before the second try.
    ///   - patience: seconds for an answer.
    /// - Throws: `RewardError.failed`.
    package func answer(
        to message: String, row: Int, firstWait: Double = 1, patience: Int = ChatEndpoint.patience
    ) throws(RewardError) -> String {
        let request: JSON = .object([
            "model": .string(model),
            "messages": .array([.object(["role": "user", "content": .string(message)])]),
            "temperature": 0, "max_tokens": 1024,
        ])
        let post = HTTPPost(url: url, bearer: environment("OPENAI_API_KEY"), timeout: patience)
        var wait = firstWait
        var (last, timeouts) = ("", 0)
        for attempt in 1...Self.tries {
            let outcome = Result { () throws(HTTPPost.Failure) in try post.send(request.text) }
            switch outcome {
            case .success(let answer) where (200..<300).contains(answer.status):
                return try content(of: answer.body, row: row)
            case .success(let answer):
                last = "answered \(answer.status)\(excerpt(answer.body))"
                guard answer.status == 429 || answer.status >= 500 else { throw failure(row, last, Self.setUp) }
                wait = max(wait, min(answer.retryAfter ?? 0, 60))
            case .failure(let error):
                last = error.reason
                if error.isTimeout { timeouts += 1 }
                guard timeouts < Self.timeouts else {
                    throw failure(row, "gave no answer in \(patience) s, twice", "see whether the server is up")
                }
                guard error.isPassing else { throw failure(row, last, Self.setUp) }
            }
            if attempt < Self.tries { usleep(UInt32(wait * 1e6)) }
            wait *= 2
        }
        throw failure(row, "\(last), \(Self.tries) times", "see whether the server is up")
    }

    private func content(of body: [UInt8], row: Int) throws(RewardError) -> String {
        guard let json = try? JSON.parse(body) else {
            throw failure(
                row, "answered no JSON\(excerpt(body))", "check that the URL is that of an OpenAI-compatible server")
        }
        guard let text = json["choices"]?.array?.first?["message"]?["content"]?.string else {
            throw failure(
                row, "answered without choices[0].message.content\(excerpt(body))",
                "check that the URL is that of chat completions")
        }
        return text
    }

    private func excerpt(_ body: [UInt8]) -> String {
        guard !body.isEmpty else { return "" }
        return ": " + String(decoding: body.prefix(160), as: UTF8.self).replacing("\n", with: " ")
    }

    private func failure(_ row: Int, _ problem: String, _ remedy: String) -> RewardError {
        .failed(source: url, row: row, problem: problem, remedy: remedy)
    }
}

extension ChatEndpoint {
    /// The texts in double brackets of an answer, in their order.
    static func bracketed(in answer: String) -> [Substring] {
        var texts: [Substring] = []
        var rest = answer[...]
        while let start = rest.firstRange(of: "[["), let end = rest[start.upperBound...].firstRange(of: "]]") {
            texts.append(rest[start.upperBound..<end.lowerBound])
            rest = rest[end.upperBound...]
        }
        return texts
    }
}
