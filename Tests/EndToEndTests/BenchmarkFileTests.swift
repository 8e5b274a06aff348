import Foundation
import Storage
import Testing

extension EndToEnd {
    /// Files of answers for AlpacaEval, Arena-Hard and MT-Bench.
    @Suite struct BenchmarkFileTests {
        private static let questions = """
            {"uid": "a1", "question_id": 81, "category": "writing", "turns": ["Say a word.", "And one more?"], "dataset": "d"}
            {"uid": "b2", "question_id": 82, "category": "math", "turns": ["Two words."]}

            """

        private static func answer(
            _ model: String, _ questions: String, _ format: String, _ more: [String] = [], ranks: Int? = nil
        ) throws -> Ending {
            try Program.run(
                [
                    "generate", "--model", model, "--prompts", questions, "--format", format, "--max-new-tokens", "12",
                    "--model-name", "toy",
                ] + more, ranks: ranks)
        }

        /// A model with a chat template.
        private static func model(_ toy: Toy) throws -> String {
            let model = try toy.textModel()
            let template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "
            try AtomicFile.write(template, to: FileSystem.join(model, "chat_template.jinja"))
            return model
        }

        @Test("MT-Bench's second turn is asked after the first answer, on any number of ranks")
        func turns() throws {
            let toy = try Toy()
            let model = try BenchmarkFileTests.model(toy)
            let file = try toy.folder.write(BenchmarkFileTests.questions, as: "q.jsonl")
            let ending = try BenchmarkFileTests.answer(model, file, "mt-bench", ["--samples", "2"])
            #expect(ending.status == 0, "\(ending.errors)")
            let rows = try lines(of: ending.output).map { try JSON.parse(Array($0.utf8)) }
            #expect(rows.map { $0["question_id"]?.integer } == [81, 82])
            #expect(rows.allSatisfy { $0["model_id"] == "toy" && $0["tstamp"]?.double != nil })
            let choices = rows[0]["choices"]?.array ?? []
            #expect(choices.count == 2 && choices.map { $0["index"]?.integer } == [0, 1])
            #expect(rows[1]["choices"]?.array?.first?["turns"]?.array?.count == 1)
            // Mathematics is answered greedily, writing is drawn.
            #expect(rows[1]["choices"]?.array?[0]["turns"] == rows[1]["choices"]?.array?[1]["turns"])
            #expect(choices[0]["turns"] != choices[1]["turns"])

            let greedy = try BenchmarkFileTests.answer(model, file, "mt-bench", ["--temperature", "0"])
            let turns = try JSON.parse(Array(lines(of: greedy.output)[0].utf8))["choices"]?.array?[0]["turns"]?.array
            let asked: JSON = [
                "prompt": [
                    ["role": "user", "content": "Say a word."], ["role": "assistant", "content": turns?[0] ?? .null],
                    ["role": "user", "content": "And one more?"],
                ]
            ]
            let plain = try Program.run(
                [
                    "generate", "--model", model, "--max-new-tokens", "12", "--prompts",
                    try toy.folder.write(asked.text + "\n", as: "second.jsonl"),
                ])
            let row = try JSON.parse(Array(plain.output.utf8))
            let response = row["response"]?.string?.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(turns?.count == 2 && turns?[1].string == response)
            // A conversation stays one in the row, for training that reads it.
            #expect(row["prompt"] == asked["prompt"])

            func timeless(_ ending: Ending) throws -> [JSON] {
                try lines(of: ending.output).map {
                    var row = try JSON.parse(Array($0.utf8)).object ?? [:]
                    row["tstamp"] = nil
                    return .object(row)
                }
            }
            let ranked = try BenchmarkFileTests.answer(model, file, "mt-bench", ["--samples", "2"], ranks: 3)
            #expect(try timeless(ranked) == timeless(ending))
        }

        @Test("AlpacaEval gets a list, Arena-Hard lines of its two forms")
        func single() throws {
            let toy = try Toy()
            let model = try BenchmarkFileTests.model(toy)
            let file = try toy.folder.write(
                #"{"uid": "a1", "question_id": "q", "prompt": "Say a word.", "dataset": "d"}"# + "\n", as: "q.jsonl")
            func row(_ format: String) throws -> JSON {
                let ending = try BenchmarkFileTests.answer(model, file, format)
                #expect(ending.status == 0, "\(ending.errors)")
                return try JSON.parse(Array(ending.output.utf8))
            }
            let alpaca = try #require(try row("alpaca-eval").array)
            #expect(alpaca.count == 1 && alpaca[0]["generator"] == "toy" && alpaca[0]["dataset"] == "d")
            #expect(alpaca[0]["instruction"] == "Say a word." && alpaca[0]["datasplit"] == "eval")
            let output = alpaca[0]["output"]
            let arena = try row("arena-hard")
            #expect(arena["uid"] == "a1" && arena["model"] == "toy")
            #expect(arena["messages"]?.array?[1]["content"]?["answer"] == output)
            #expect(arena["metadata"]?.object?.names == ["token_len", "header_count", "list_count", "bold_count"])
            let first = try row("arena-hard-v0.1")
            let turn = first["choices"]?.array?[0]["turns"]?.array?[0]
            #expect(first["question_id"] == "q" && turn?["content"] == output && turn?["token_len"]?.integer == 12)
        }

        @Test(
            "what isn't a benchmark's question is refused",
            arguments: [
                (#"{"prompt": "a"}"#, "arena-hard", [], #""uid" is missing"#),
                (#"{"question_id": 1, "text": "a"}"#, "mt-bench", [], "has no question"),
                (#"{"uid": "a", "turns": ["a", "b"]}"#, "arena-hard", [], "has 2 turns"),
                (#"{"instruction": "a"}"#, "alpaca-eval", ["--samples", "2", "--temperature", "1"], "has one answer"),
                (#"{"instruction": "a"}"#, "alpaca", [], "--format alpaca: expected one of"),
            ])
        func refusals(question: String, format: String, more: [String], text: String) throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let file = try toy.folder.write(question + "\n", as: "q.jsonl")
            let ending = try BenchmarkFileTests.answer(model, file, format, more)
            #expect(ending.status == 2 && ending.says(text) && ending.output.isEmpty, "\(ending.errors)")
        }
    }
}
