import Glibc
import Rewards
import Storage
import Testing

@Suite("Rewards of an endpoint", .serialized) struct EndpointTests {
    private let text = RatedText(prompt: [["role": "user", "content": "2 + 2?"]], response: "{prompt} is 4", row: 7)

    private func answer(_ content: String) -> (status: String, headers: String, body: String) {
        (
            "200 OK", "",
            JSON.object(["choices": [["message": ["role": "assistant", "content": .string(content)]]]]).text
        )
    }

    @Test("a grade in double brackets is the reward; the key goes into a header") func grade() throws {
        setenv("OPENAI_API_KEY", "secret-key", 1)
        defer { unsetenv("OPENAI_API_KEY") }
        let server = Server([answer("It is right. [[3]]\n[[9]]")])
        defer { server.stop() }
        let url = "http://127.0.0.1:\(server.port)/v1"
        #expect(try RewardEndpoint(url: url, model: "judge", promptFile: nil).reward(of: text) == 9)
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("POST /v1/chat/completions HTTP"))
        #expect(request.contains("Authorization: Bearer secret-key"))
        let body = try JSON.parse(String(request[(try #require(request.firstRange(of: "\r\n\r\n"))).upperBound...]))
        #expect(body["model"]?.string == "judge")
        let question = try #require(body["messages"]?.array?.first?["content"]?.string)
        #expect(question.contains("user: 2 + 2?"))
        // What a response says is never taken for a place of the question.
        #expect(question.contains("{prompt} is 4"))
    }

    @Test("a busy server is asked again") func busy() throws {
        let server = Server([("429 Too Many", "", "slow down"), ("503 Down", "", ""), answer("[[4]]")])
        defer { server.stop() }
        let endpoint = ChatEndpoint(url: "http://127.0.0.1:\(server.port)", model: "m")
        #expect(try endpoint.answer(to: "q", row: 1, firstWait: 0.01) == "[[4]]")
        #expect(server.requests.count == 3)
    }

    @Test(
        "an answer that is no grade ends with the row and what came",
        arguments: [
            ("200 OK", "<html>", "answered no JSON: <html>"), ("200 OK", "{}", "choices[0].message.content"),
            ("401 Unauthorized", "{\"error\": \"bad key\"}", "answered 401: {\"error\": \"bad key\"}"),
            (
                "200 OK", "{\"choices\": [{\"message\": {\"content\": \"no idea\"}}]}",
                "m answered \"no idea\"; expected a grade in double brackets"
            ),
        ])
    func nonsense(status: String, body: String, message: String) throws {
        let server = Server([(status, "", body)])
        defer { server.stop() }
        let endpoint = try RewardEndpoint(url: "http://127.0.0.1:\(server.port)", model: "m", promptFile: nil)
        let error = #expect(throws: RewardError.self) { try endpoint.reward(of: text) }
        let found = "\(error.map(String.init(describing:)) ?? "")"
        #expect(found.contains(message))
        #expect(found.hasPrefix("row 7: "))
        #expect(server.requests.count == 1)
    }

    @Test("a server that isn't there is an error after its tries") func absent() {
        let endpoint = ChatEndpoint(url: "http://127.0.0.1:9", model: "m")
        let error = #expect(throws: RewardError.self) { try endpoint.answer(to: "q", row: 2, firstWait: 0.001) }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains("6 times; see whether the server is up"))
    }

    @Test("a server that says nothing is asked once more, and then given up") func silent() {
        let server = Server(silentFor: 20)
        defer { server.stop() }
        let endpoint = ChatEndpoint(url: "http://127.0.0.1:\(server.port)", model: "m")
        let error = #expect(throws: RewardError.self) {
            try endpoint.answer(to: "q", row: 3, firstWait: 0.01, patience: 1)
        }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains("row 3: http://127.0.0.1:"))
        #expect("\(error.map(String.init(describing:)) ?? "")".contains("gave no answer in 1 s, twice"))
    }

    @Test("a connection that breaks within an answer is asked again") func broken() throws {
        let server = Server([("200 OK", "Content-Length: 400\r\nX-Cut: 1\r\n", "{\"choices\""), answer("[[4]]")])
        defer { server.stop() }
        let endpoint = ChatEndpoint(url: "http://127.0.0.1:\(server.port)", model: "m")
        #expect(try endpoint.answer(to: "q", row: 1, firstWait: 0.01) == "[[4]]")
        #expect(server.requests.count == 2)
    }

    @Test(
        "verdicts of comparisons",
        arguments: [
            ("[[A]]", 1.0), ("so [[B]] no: [[A>>B]]", 1), ("[[B>A]]", 0), ("[[A=B]]", 0.5), ("[[C]]", 0.5), ("A", nil),
            ("[[D]]", nil),
        ])
    func verdicts(answer: String, score: Double?) { #expect(RewardComparison.verdict(in: answer) == score) }

    @Test(
        "grades",
        arguments: [
            ("[[ 7.5 ]]", 7.5), ("{\"reward\": -1}", -1), (" 3\n", 3), ("seven", nil), ("[[x]] [[2]]", 2),
            ("[[inf]]", nil),
        ])
    func grades(answer: String, grade: Double?) { #expect(RewardEndpoint.grade(in: answer) == grade) }
}
