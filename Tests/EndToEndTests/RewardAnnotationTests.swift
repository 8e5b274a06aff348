import Scratch
import Storage
import Testing

extension EndToEnd {
    /// `annotate` and `judge` by models: the same numbers as `score`, on any number of ranks.
    @Suite struct RewardAnnotationTests {
        /// Rows of one pair, and the same responses as a model's: some prompts have three, one an empty one.
        private static let words = ["red", "green", "a blue", "the", "sky", "is so", "hot", "and cold"]

        private func rows(_ toy: Toy) throws -> (pairs: String, responses: String) {
            var (pairs, responses) = ("", "")
            for index in 0..<24 {
                let text = { (k: Int) in
                    (0...(index + k) % 5).map { " " + Self.words[(index * 3 + $0 * (k + 1)) % 8] }.joined()
                }
                let prompt = "\(index)\(text(2)):"
                pairs +=
                    JSON.object([
                        "prompt": .string(prompt), "chosen": .string(text(0) + "."), "rejected": .string(text(1) + "!"),
                    ]).text + "\n"
                let third: [JSON] = index % 3 == 0 ? [.string(text(3) + "?")] : []
                responses +=
                    JSON.object([
                        "prompt": .string(prompt),
                        "responses": .array([.string(text(0) + "."), .string(text(1) + "!")] + third),
                    ]).text + "\n"
            }
            return (
                try toy.folder.write(pairs, as: "pairs.jsonl"), try toy.folder.write(responses, as: "responses.jsonl")
            )
        }

        private func trained(_ toy: Toy, _ loss: String, on model: String, _ data: String) throws -> String {
            let output = toy.folder.file(loss)
            try toy.train([
                "model_name_or_path": .string(model), "train_file": .string(data), "output_dir": .string(output),
                "loss_type": .string(loss), "max_length": 128,
            ])
            return output
        }

        /// `annotate` with a cache of its own.
        private func annotate(
            _ toy: Toy, _ data: String, _ rewards: [String], ranks: Int? = nil, cache: String, status: Int32 = 0
        ) throws -> (rows: [JSON], text: String, ending: Ending) {
            let output = toy.folder.file("annotated-\(cache)-\(ranks ?? 1).jsonl")
            let ending = try Program.run(
                ["annotate", "--data", data, "--output", output, "--threads-per-rank", "1"]
                    + rewards.flatMap { ["--reward", $0] },
                ranks: ranks, variables: ["XDG_CACHE_HOME": toy.folder.file(cache)])
            #expect(ending.status == status, "\(ending.errors)")
            let whole = status == 0 ? try text(output) : ""
            return (try lines(of: whole).map { try JSON.parse($0) }, whole, ending)
        }

        @Test("a reward model's and an implicit reward are what score says of the same rows, on 1, 2 and 3 ranks")
        func models() throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let (pairs, responses) = try rows(toy)
            let reward = try trained(toy, "reward", on: model, pairs)
            let policy = try trained(toy, "sigmoid", on: model, pairs)
            func score(_ model: String, _ more: [String] = []) throws -> [JSON] {
                let output = toy.folder.file("scores.jsonl")
                let ending = try Program.run(["score", "--model", model, "--data", pairs, "--output", output] + more)
                #expect(ending.status == 0, "\(ending.errors)")
                return try EndToEndTests.rows(output)
            }
            let rewards = try score(reward + "/final")
            let logps = try score(policy + "/final", ["--reference", model])

            let specs = ["kind=model:\(reward)/final", "liked=implicit:\(policy),beta=0.5", "short=length:-1"]
            let first = try annotate(toy, responses, specs, cache: "one")
            #expect(first.rows.count == 24)
            #expect(first.ending.says("log π_ref of \(model), the reference of"))
            for (row, (a, b)) in zip(first.rows, zip(rewards, logps)) {
                let kind = numbers(row["scores"]?["kind"])
                #expect(kind.count == row["responses"]?.array?.count)
                #expect(Array(kind.prefix(2)) == [a["chosen_reward"]?.double, a["rejected_reward"]?.double].compactMap { $0 })
                let liked = numbers(row["scores"]?["liked"])
                for (value, side) in zip(liked, ["chosen", "rejected"]) {
                    let policy = b["policy_\(side)_logps"]?.double ?? .nan
                    let reference = b["reference_\(side)_logps"]?.double ?? .nan
                    #expect(value == 0.5 * (policy - reference))
                }
            }
            for ranks in 2...3 {
                let other = try annotate(toy, responses, specs, ranks: ranks, cache: "many\(ranks)")
                #expect(other.text == first.text)
            }
            // From what another number of ranks has kept.
            #expect(try annotate(toy, responses, specs, ranks: 2, cache: "one").text == first.text)
        }

        @Test("the higher reward of a model wins, and an empty response has one too")
        func judged() throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let (pairs, _) = try rows(toy)
            let reward = try trained(toy, "reward", on: model, pairs)
            let a = try toy.folder.write(
                "{\"prompt\": \"the sky\", \"responses\": [\" is so\"]}\n{\"prompt\": \"hot\", \"responses\": [\"\"]}\n",
                as: "a.jsonl")
            let b = try toy.folder.write(
                "{\"prompt\": \"the sky\", \"responses\": [\" is so\"]}\n{\"prompt\": \"hot\", \"responses\": [\" and\"]}\n",
                as: "b.jsonl")
            let output = toy.folder.file("verdicts.jsonl")
            var results: [String] = []
            for ranks in [nil, 3] {
                let ending = try Program.run(
                    ["judge", "--data", a, "--data", b, "--judge", "model:\(reward)", "--output", output, "--json"],
                    ranks: ranks, variables: ["XDG_CACHE_HOME": toy.folder.file("cache-\(ranks ?? 1)")])
                #expect(ending.status == 0, "\(ending.errors)")
                results.append(ending.output + (try text(output)))
            }
            #expect(results[0] == results[1])
            let verdicts = try EndToEndTests.rows(output)
            #expect(verdicts.count == 2)
            #expect(verdicts[0]["score"]?.double == 0.5)
            let (empty, other) = (verdicts[1]["reward_a"]?.double ?? .nan, verdicts[1]["reward_b"]?.double ?? .nan)
            #expect(empty.isFinite && other.isFinite && empty != other)
            #expect(verdicts[1]["score"]?.double == (empty > other ? 1 : 0))
        }

        @Test("a language model, an unknown reference and a response that is too long are refused with what to do")
        func refused() throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let (pairs, responses) = try rows(toy)
            #expect(
                try annotate(toy, responses, ["r=model:\(model)"], ranks: 2, cache: "c", status: 2).ending.messages.first?
                    .contains("is no reward model") ?? false)
            #expect(
                try annotate(toy, responses, ["r=implicit:\(model)"], cache: "c", status: 2).ending.messages.first?
                    .contains("add ,reference=DIR") ?? false)
            let reward = try trained(toy, "reward", on: model, pairs)
            let long = try toy.folder.write(
                JSON.object([
                    "prompt": "the sky", "responses": [.string(String(repeating: " hot", count: 200))],
                ]).text + "\n", as: "long.jsonl")
            let ending = try annotate(toy, long, ["r=model:\(reward)"], ranks: 2, cache: "c", status: 2).ending
            #expect(ending.messages.count == 1)
            #expect(ending.messages[0].contains("long.jsonl:1: prompt and response have"))
            #expect(ending.messages[0].contains("sees 128 (max_position_embeddings)"))
        }
    }
}
