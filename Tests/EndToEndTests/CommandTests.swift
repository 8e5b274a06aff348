import Foundation
import Storage
import Testing

extension EndToEnd {
    /// The commands beside `train`, on the same files and several ranks.
    @Suite struct CommandTests {
        @Test("every command explains itself and has a line in docs/commands.md")
        func help() throws {
            let help = try Program.run(["--help"])
            #expect(help.status == 0)
            let listed = try #require(help.output.components(separatedBy: "SUBCOMMANDS:\n").last)
            let commands = lines(of: listed).filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.contains("help <") }
                .map { String($0.dropFirst(2).prefix { $0 != " " }) }
            #expect(commands.count > 20 && commands.first == "train")
            let root = (0..<3).reduce(#filePath) { path, _ in FileSystem.parent(of: path) }
            let page = String(decoding: try FileSystem.read("\(root)/docs/commands.md"), as: UTF8.self)
            for command in commands {
                let own = try Program.run(["help", command])
                #expect(own.status == 0 && own.output.contains("USAGE: swift-prefopt \(command)"), "\(own.output)")
                #expect(page.contains("\n| `\(command) "), "\(command)")
            }
        }

        @Test("evaluate gives the same numbers alone and on 1, 2 and 3 ranks, and those that training logged")
        func evaluate() throws {
            let toy = try Toy()
            let held = try toy.pairs(11, seed: 5, as: "held.jsonl")
            let settings: JSONObject = ["eval_file": .string(held), "eval_steps": 2, "beta": 0.2]
            try toy.train(settings)
            let logged = try rows(toy.output("metrics.jsonl")).filter { $0["eval_loss"] != nil }
            #expect(logged.compactMap { $0["step"]?.integer } == [0, 2, 4])

            let arguments = ["evaluate", try toy.runFile(settings), "--model", toy.output("final")]
            let alone = try Program.run(arguments)
            #expect(alone.status == 0, "\(alone.errors)")
            let metrics = try JSON.parse(Array(alone.output.utf8))
            for (name, value) in metrics.object?.members ?? [] where name != "model" {
                #expect(logged.last?[name]?.double == value.double, "\(name)")
            }
            #expect(metrics["eval_pairs"]?.integer == 11)
            for ranks in 1...3 {
                let ending = try Program.run(arguments, ranks: ranks)
                #expect(ending.status == 0 && ending.output == alone.output, "\(ranks) ranks")
            }
        }

        @Test("load_best_model_at_end ends with the weights of the best checkpoint")
        func best() throws {
            let toy = try Toy()
            let held = try toy.pairs(8, seed: 6, as: "held.jsonl")
            try toy.train([
                "eval_file": .string(held), "eval_steps": 1, "save_steps": 1, "load_best_model_at_end": true,
                "save_total_limit": 2, "max_steps": 6, "learning_rate": 0.1,
            ])
            let evaluations = try rows(toy.output("metrics.jsonl")).filter { $0["eval_loss"] != nil }
            let best = try #require(
                evaluations.min { $0["eval_loss"]?.double ?? .nan < $1["eval_loss"]?.double ?? .nan })
            let step = try #require(best["step"]?.integer)
            #expect(try toy.finalWeights() == FileSystem.read(toy.output("checkpoint-\(step)/model.safetensors")))
            let kept = try FileSystem.list(toy.output).filter { $0.hasPrefix("checkpoint-") }
            #expect(kept.count <= 3 && kept.contains("checkpoint-6"))
        }

        @Test("generate is the same alone and on 1, 2 and 3 ranks, greedily and sampled", arguments: [0.0, 0.9])
        func generate(temperature: Double) throws {
            let toy = try Toy()
            let prompts = (0..<7).map { "{\"prompt_ids\": [\($0 + 3), \(2 * $0 + 11)]}\n" }.joined()
            let file = try toy.folder.write(prompts, as: "prompts.jsonl")
            func generated(_ ranks: Int?, seed: Int = 1) throws -> String {
                let output = toy.folder.file("generated.jsonl")
                let sampling = temperature > 0 ? ["--samples", "2", "--top-p", "0.8"] : []
                let ending = try Program.run(
                    [
                        "generate", "--model", Goldens.model("tied-llama3"), "--prompts", file, "--output", output,
                        "--max-new-tokens", "12", "--temperature", "\(temperature)", "--seed", "\(seed)",
                    ] + sampling, ranks: ranks)
                #expect(ending.status == 0, "\(ending.errors)")
                return try text(output)
            }
            let alone = try generated(nil)
            #expect(lines(of: alone).count == (temperature > 0 ? 14 : 7))
            for ranks in 1...3 { #expect(try generated(ranks) == alone) }
            #expect(try (ids(of: generated(nil, seed: 2)) == ids(of: alone)) == (temperature == 0))
        }

        @Test("render gives a text or an error per conversation, in order", arguments: [nil, 2])
        func render(ranks: Int?) throws {
            let toy = try Toy()
            let template = """
                {% for m in messages %}{% if m.role == 'x' %}{{ raise_exception('no x') }}{% endif %}<{{ m.role }}>{{ m.content }}
                {% endfor %}{% if add_generation_prompt %}<assistant>{{ note }}{% endif %}
                """
            let file = try toy.folder.write(template, as: "chat/chat_template.jinja")
            let model = FileSystem.parent(of: file)
            let lines = """
                {"messages": [{"role": "user", "content": "naïve 🙂"}], "add_generation_prompt": true, "note": "!"}

                {"messages": [{"role": "x", "content": ""}]}
                {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], \
                "continue_final_message": true}
                """
            let input = try toy.folder.write(lines, as: "conversations.jsonl")
            let ending = try Program.run(["render", "--model", model], ranks: ranks, input: input)
            #expect(ending.status == 0, "\(ending.errors)")
            #expect(
                ending.output == """
                    {"text": "<user>naïve 🙂\\n<assistant>!"}
                    {"error": "no x"}
                    {"text": "<user>a\\n<assistant>b"}

                    """)
            let broken = try toy.folder.write("{\"messages\": []}\n{\"text\": 1}\n", as: "broken.jsonl")
            let refused = try Program.run(["render", "--model", model], ranks: ranks, input: broken)
            #expect(refused.status == 2)
            #expect(refused.errors.contains("standard input:2: expected {\"messages\": […]}"), "\(refused.errors)")
        }

        @Test("tokenize gives back every text", arguments: [nil, 2])
        func tokenize(ranks: Int?) throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let texts = ["", "Hello, world.", "naïve café — 東京 🙂", " two  spaces\n\ttab", "<s> as text </s>"]
            let input = try toy.folder.write(
                texts.map { JSON.object(["text": .string($0)]).text + "\n" }.joined(), as: "texts.jsonl")
            for flags in [[], ["--add-special-tokens"]] {
                let ending = try Program.run(["tokenize", "--model", model] + flags, ranks: ranks, input: input)
                #expect(ending.status == 0, "\(ending.errors)")
                let results = try lines(of: ending.output).map { try JSON.parse(Array($0.utf8)) }
                #expect(results.count == texts.count)
                for (text, result) in zip(texts, results) {
                    let decoded = try #require(result["decoded"]?.string)
                    #expect(decoded == (flags.isEmpty ? "" : "<s>") + text)
                    if !text.contains("<s>") { #expect(result["decoded_skip_special"]?.string == text) }
                    #expect(result["ids"]?.array?.isEmpty == decoded.isEmpty)
                }
            }
        }

        @Test("rows of text train, score and evaluate; final/ has the tokenizer")
        func textRows() throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let words = ["red", "green", "blue", "a cat", "the dog", "rain", "snow"]
            let data = try toy.folder.write(
                (0..<12).map { number in
                    let (a, b) = (words[number % 7], words[(number * 3 + 1) % 7])
                    return JSON.object([
                        "prompt": .string("Question \(number): \(a)?"), "chosen": .string(" \(a)."),
                        "rejected": .string(" not \(b)"),
                    ]).text + "\n"
                }.joined(), as: "text.jsonl")
            try toy.train(
                ["model_name_or_path": .string(model), "train_file": .string(data), "max_length": 100], ranks: 2)
            for name in ["tokenizer.json", "tokenizer_config.json", "config.json"] {
                #expect(FileSystem.isFile(toy.output("final/\(name)")))
            }
            let output = toy.folder.file("scores.jsonl")
            let ending = try Program.run(
                ["score", "--model", toy.output("final"), "--data", data, "--output", output], ranks: 3)
            #expect(ending.status == 0, "\(ending.errors)")
            #expect(try rows(output).count == 12)
        }

        @Test("final/ has the tokenizer of tokenizer_name_or_path, its chat template too, and nothing of the model's")
        func otherTokenizer() throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let other = toy.folder.file("other")
            try FileSystem.makeDirectories(other)
            for name in ["tokenizer.json", "tokenizer_config.json"] {
                try FileSystem.copy(FileSystem.join(model, name), to: FileSystem.join(other, name))
            }
            _ = try toy.folder.write(
                "{% for m in messages %}{{ m.content }}{% endfor %}", as: "other/chat_template.jinja")
            _ = try toy.folder.write("{}", as: "text-model/added_tokens.json")
            let data = try toy.folder.write(
                #"{"prompt": "Is it?", "chosen": " yes", "rejected": " no"}"# + "\n", as: "text.jsonl")
            for adapters in [false, true] {
                let output = toy.folder.file("out-\(adapters)")
                try toy.train([
                    "model_name_or_path": .string(model), "tokenizer_name_or_path": .string(other),
                    "train_file": .string(data), "max_length": 100, "max_steps": 1, "global_batch_size": 1,
                    "use_peft": .bool(adapters), "output_dir": .string(output),
                ])
                let names = try FileSystem.list(FileSystem.join(output, "final"))
                #expect(Set(try FileSystem.list(other)).isSubset(of: names) && !names.contains("added_tokens.json"))
            }
        }

        @Test("bench --json is one JSON object on standard output", arguments: [nil, 2])
        func bench(ranks: Int?) throws {
            let toy = try Toy()
            let ending = try Program.run(
                ["bench", try toy.runFile(["max_steps": .null]), "--json", "--steps", "2"], ranks: ranks)
            #expect(ending.status == 0, "\(ending.errors)")
            let report = try JSON.parse(Array(ending.output.utf8))
            #expect(report["world_size"]?.integer == ranks ?? 1)
            for name in ["pairs_per_second", "tokens_per_second", "gflop_per_second", "share_of_roof"] {
                #expect(report[name]?.double ?? 0 > 0, "\(name)")
            }
            #expect(!FileSystem.exists(toy.output), "it saves nothing")
        }

        @Test("bench and inspect make do with config.json alone, and bench without rows", arguments: [nil, 2])
        func bareModel(ranks: Int?) throws {
            let toy = try Toy()
            let config = try FileSystem.read(FileSystem.join(Goldens.model("gqa-untied"), "config.json"))
            _ = try toy.folder.write(config, as: "config.json")
            for loss in ["sigmoid", "simpo"] {
                let file = try toy.runFile([
                    "model_name_or_path": .string(toy.folder.path), "loss_type": .string(loss), "beta": 1,
                    "max_steps": .null,
                    "train_file": .null,
                ])
                let ending = try Program.run(["bench", file, "--steps", "1"], ranks: ranks)
                #expect(ending.status == 0 && ending.output.contains("pairs/s"), "\(ending.errors)")
            }
            let file = try toy.runFile(["model_name_or_path": .string(toy.folder.path)])
            let ending = try Program.run(["inspect", file], ranks: ranks)
            #expect(ending.status == 0, "\(ending.errors)")
        }

        @Test(
            "inspect shows the mapping, scored tokens, lengths, drops and the forecast, and computes nothing",
            arguments: [nil, 2])
        func inspect(ranks: Int?) throws {
            let toy = try Toy()
            let rows = (0..<6).map { "Question \($0 % 5)?, \($0 == 4 ? "" : "yes \($0 % 5)"), no\n" }.joined()
            let data = try toy.folder.write("prompt,chosen,rejected\n" + rows, as: "rows.csv")
            let held = try toy.folder.write("prompt,chosen,rejected\nQuestion 1?, b, c\nOther?, b, c\n", as: "held.csv")
            let file = try toy.runFile([
                "model_name_or_path": .string(try toy.textModel()), "train_file": .string(data),
                "eval_file": .string(held), "max_length": 100, "max_steps": 1,
            ])
            let text = try Program.run(["inspect", file, "--pairs", "1"], ranks: ranks)
            #expect(text.status == 0 && text.errors == "", "\(text.errors)")
            for words in [
                "taken for text rows by its columns prompt, chosen, rejected; the pair of line 2", "Question 0?[ ",
                "[</s>]", "1 rows: empty response", "5 pairs of 4 different prompts", "1 duplicates",
                "1 of 2 prompts of eval are in train too", "memory a rank:", "chosen is longer in",
            ] {
                #expect(text.output.contains(words), "\(words) in \(text.output)")
            }
            #expect(!text.output.contains("\u{1B}"))
            let coloured = try Program.run(["inspect", file, "--color", "always"], ranks: ranks)
            #expect(coloured.output.contains("\u{1B}[32m"))

            let ending = try Program.run(["inspect", file, "--json"], ranks: ranks)
            let report = try JSON.parse(Array(ending.output.utf8))
            #expect(report["train"]?["duplicates"]?.integer == 1 && report["eval_prompts_in_train"]?.integer == 1)
            #expect(report["train"]?["dropped_rows"]?["empty response"]?.integer == 1)
            #expect(report["train"]?["lengths"]?["chosen"]?["bars"]?.array?.isEmpty == false)
            #expect(report["memory_forecast_bytes"]?["weights"]?.integer ?? 0 > 0)
            #expect(!FileSystem.exists(toy.output) && !FileSystem.exists(toy.cache), "it saves nothing")
        }

        @Test("a folder of shards, and a weight, train like the rows they stand for")
        func shards() throws {
            let toy = try Toy()
            let whole = try text(toy.pairs(20))
            let rows = lines(of: whole)
            _ = try toy.folder.write(rows[..<9].map { $0 + "\n" }.joined(), as: "shards/0.jsonl")
            _ = try toy.folder.write(rows[9...].map { $0 + "\n" }.joined(), as: "shards/1.jsonl")
            let folder = try Toy.outcome(["train_file": .string(toy.folder.file("shards"))], ranks: 2)
            let file = try toy.folder.write(whole, as: "whole.jsonl")
            #expect(try Toy.outcome(["train_file": .string(file)]) == folder)
            let twice = try toy.folder.write(whole + whole, as: "twice.jsonl")
            let weighted: JSON = [["path": .string(file), "weight": 2]]
            #expect(try Toy.outcome(["train_file": weighted]) == Toy.outcome(["train_file": .string(twice)]))
        }

        @Test("dropped rows keep their place in score's output")
        func dropped() throws {
            let toy = try Toy()
            let data = try toy.folder.write(
                """
                {"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [4]}
                {"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [3]}

                {"prompt_ids": [1, 2], "chosen_ids": [], "rejected_ids": [3]}
                {"prompt_ids": [5], "chosen_ids": [6, 7], "rejected_ids": [4]}

                """, as: "some.jsonl")
            let output = toy.folder.file("scores.jsonl")
            let ending = try Program.run(
                ["score", "--model", Goldens.model("gqa-untied"), "--data", data, "--output", output], ranks: 3)
            #expect(ending.status == 0, "\(ending.errors)")
            let scores = try rows(output)
            #expect(scores.compactMap { $0["index"]?.integer } == [0, 1, 2, 3])
            #expect(scores.map { $0["dropped"]?.string } == [nil, "identical responses", "empty response", nil])
        }

        @Test(
            "help and version are results",
            arguments: [["--help"], ["--version"], ["help", "train"], ["score", "--help"]])
        func help(arguments: [String]) throws {
            let ending = try Program.run(arguments)
            #expect(ending.status == 0 && !ending.output.isEmpty && ending.errors == "")
        }

        @Test("init with the same seed makes the same bytes")
        func initialise() throws {
            let (a, b) = (try Toy(), try Toy())
            let weights = try [a, b].map { try FileSystem.read(FileSystem.join($0.textModel(), "model.safetensors")) }
            #expect(weights[0] == weights[1])
        }
    }
}
