import Foundation
import Storage
import Testing

extension EndToEnd {
    /// `generate` as users call it: where prompts come from, where answers go, and what ends them.
    @Suite struct GenerateTests {
        private static let sampled = ["--temperature", "0.9", "--seed", "4", "--max-new-tokens", "24"]

        private static func generate(
            _ model: String, _ arguments: [String], ranks: Int? = nil, input: String = "/dev/null"
        ) throws -> [JSON] {
            let ending = try Program.run(["generate", "--model", model] + arguments, ranks: ranks, input: input)
            #expect(ending.status == 0, "\(ending.errors)")
            return try lines(of: ending.output).map { try JSON.parse(Array($0.utf8)) }
        }

        @Test("a prompt given in the call, on standard input or in a row of pairs is answered alike", arguments: [nil, 2])
        func sources(ranks: Int?) throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let file = try toy.folder.write("{\"prompt\": \"Hello, world.\"}\n", as: "prompts.jsonl")
            let row = try toy.folder.write(
                "{\"prompt\": \"Hello, world.\", \"chosen\": \" a\", \"rejected\": \" b\"}\n", as: "pairs.jsonl")
            let sampled = GenerateTests.sampled
            let answers = try GenerateTests.generate(model, ["--prompts", file] + sampled, ranks: ranks)
            #expect(answers.count == 1 && answers[0]["ids"]?.array?.isEmpty == false)
            #expect(answers[0]["prompt"]?.string == "Hello, world.")
            let origin = try #require(answers[0]["origin"]?.object)
            #expect(origin["model_digest"]?.string?.utf8.count == 64 && origin["seed"] == 4)
            #expect(origin["temperature"] == 0.9 && origin["top_p"] == 1.0 && origin["max_new_tokens"] == 24)
            #expect(answers[0]["sample"] == 0)
            #expect(
                try GenerateTests.generate(model, ["--prompt", "Hello, world."] + sampled, ranks: ranks) == answers)
            #expect(try GenerateTests.generate(model, ["--data", row] + sampled, ranks: ranks) == answers)
            #expect(
                try GenerateTests.generate(model, ["--prompts", "-"] + sampled, ranks: ranks, input: file) == answers)
        }

        @Test("a stop ends the response before it, whatever the room and the number of ranks")
        func stops() throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let file = try toy.folder.write(
                (0..<9).map { "{\"prompt\": \"Number \($0)\"}\n" }.joined(), as: "prompts.jsonl")
            let arguments = ["--prompts", file, "--samples", "2", "--top-k", "50"] + GenerateTests.sampled
            let free = try GenerateTests.generate(model, arguments)
            #expect(free.count == 18)
            let text = try #require(free[0]["response"]?.string)
            let stop = String(text.dropFirst(4).prefix(2))
            let stopped = try GenerateTests.generate(model, arguments + ["--stop", stop])
            for (a, b) in zip(free, stopped) {
                let (whole, part) = (a["response"]?.string ?? "", b["response"]?.string ?? "")
                #expect(whole.hasPrefix(part) && !part.contains(stop))
                if let end = whole.range(of: stop) {
                    #expect(part == String(whole[..<end.lowerBound]) && b["finished"] == true)
                }
            }
            #expect(
                try GenerateTests.generate(model, arguments + ["--stop", stop, "--batch-tokens", "128"]) == stopped)
            for ranks in 2...3 {
                #expect(try GenerateTests.generate(model, arguments + ["--stop", stop], ranks: ranks) == stopped)
            }
        }

        @Test(
            "what can't be generated is said",
            arguments: [
                (["--prompt", "a", "--batch-tokens", "7"], "--batch-tokens 7"),
                (["--prompt", "a", "--stop", ""], "--stop is empty"),
                (["--prompt", "a", "--data", "b"], "Give one of"), ([], "Give one of"),
            ])
        func refusals(arguments: [String], text: String) throws {
            let toy = try Toy()
            let ending = try Program.run(["generate", "--model", try toy.textModel()] + arguments)
            #expect(ending.status == 2 || ending.status == 64, "\(String(describing: ending.status))")
            #expect(ending.errors.contains(text) && ending.output.isEmpty, "\(ending.errors)")
        }

        @Test("bench --generate measures decoding of a bare config")
        func bench() throws {
            let toy = try Toy()
            let ending = try Program.run(["bench", try toy.runFile(), "--generate", "--json"])
            #expect(ending.status == 0, "\(ending.errors)")
            let report = try JSON.parse(Array(ending.output.utf8))
            let rows = report["generation"]?.array ?? []
            #expect(rows.count == 6 && rows.allSatisfy { $0["tokens_per_second"]?.double ?? 0 > 0 })
        }
    }
}
