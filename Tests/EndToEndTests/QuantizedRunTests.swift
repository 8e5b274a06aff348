import Scratch
import Storage
import Testing

extension EndToEnd {
    /// Adapters on bases of few bits. What a step computes there is compared with PEFT in AdapterRunTests.
    @Suite struct QuantizedRunTests {
        private static let keys = ["load_in_4bit", "load_in_8bit"]
        private static let grouped = ["gptq", "gptq-act"]
        private static let rowsFile = Goldens.path("gqa-untied.jsonl")

        private static let fresh: JSONObject = [
            "use_peft": true, "lora_r": 3, "lora_alpha": 6, "lora_dropout": 0, "lora_target_modules": "all-linear",
            "logging_steps": 1,
        ]

        private static func adding(_ changes: JSONObject) -> JSONObject {
            var settings = fresh
            for (key, value) in changes.members { settings[key] = value }
            return settings
        }

        private func adapter(of toy: Toy) throws -> [UInt8] {
            try FileSystem.read(toy.output("final/adapter_model.safetensors"))
        }

        /// Logps of the golden rows, chosen and rejected in turn.
        private func scores(_ arguments: [String], in toy: Toy, ranks: Int? = nil) throws -> [Double] {
            let output = toy.folder.file("scores.jsonl")
            let ending = try Program.run(
                ["score", "--data", Self.rowsFile, "--output", output] + arguments, ranks: ranks)
            #expect(ending.status == 0, "\(ending.errors)")
            return try rows(output).flatMap { row in
                ["chosen", "rejected"].map { row["policy_\($0)_logps"]?.double ?? .nan }
            }
        }

        @Test("a base made smaller when it is read trains to the same bits on 1 and 3 ranks", arguments: keys)
        func ranks(key: String) throws {
            let settings = Self.adding([key: true])
            let (one, three, plain) = (try Toy(), try Toy(), try Toy())
            try one.train(settings)
            try three.train(settings, ranks: 3)
            try plain.train(Self.fresh)
            let (losses, others) = (try one.losses(), try plain.losses())
            #expect(losses.count == 4)
            #expect(try three.losses() == losses)
            #expect(try adapter(of: three) == adapter(of: one))
            // At the first step every adapter adds nothing; from then on the base shows.
            for (a, b) in zip(losses, others).dropFirst() { #expect(abs(a - b) > 1e-7) }
            #expect(try adapter(of: plain) != adapter(of: one))
        }

        @Test(
            "evaluate with the run file gives what the run logged of its base of few bits, from the cache and anew",
            arguments: keys)
        func evaluate(key: String) throws {
            let toy = try Toy()
            let held = try toy.pairs(11, seed: 5, as: "held.jsonl")
            let settings = Self.adding([key: true, "eval_file": .string(held), "eval_steps": 2])
            try toy.train(settings)
            let logged = try #require(try rows(toy.output("metrics.jsonl")).last { $0["eval_loss"] != nil })
            func evaluation(_ changes: [String], ranks: Int? = nil) throws -> JSONObject {
                let ending = try Program.run(
                    ["evaluate", try toy.runFile(settings), "--model", toy.output("final")] + changes, ranks: ranks)
                #expect(ending.status == 0, "\(ending.errors)")
                return try JSON.parse(Array(ending.output.utf8)).object ?? [:]
            }
            for (changes, ranks) in [
                ([], nil), ([], 2), (["--set", "reference_cache=\(toy.folder.file("fresh"))"], nil),
            ] as [([String], Int?)] {
                let metrics = try evaluation(changes, ranks: ranks)
                #expect(metrics["eval_pairs"]?.integer == 11)
                for (name, value) in metrics.members where name != "model" {
                    #expect(logged[name]?.double == value.double, "\(name)")
                }
            }
            // On the floats that it wasn't trained on, the adapter does something else; and what the cache holds of the
            // base of few bits isn't taken for theirs.
            let plain = try evaluation(["--set", "\(key)=false"])
            #expect(plain["eval_logps/chosen"]?.double != logged["eval_logps/chosen"]?.double)
            let anew = ["--set", "\(key)=false", "--set", "reference_cache=\(toy.folder.file("other"))"]
            #expect(try evaluation(anew) == plain)
        }

        @Test(
            "adapters train on GPTQ's files, which stay as they are, and go on from what was saved", arguments: grouped)
        func training(model: String) throws {
            let toy = try Toy()
            let base = try toy.copyOfModel(model)
            let weights = try FileSystem.read(FileSystem.join(base, "model.safetensors"))
            let settings = Self.adding(["model_name_or_path": .string(base), "max_steps": 12])
            try toy.train(settings)
            let losses = try toy.losses()
            #expect(abs((losses.first ?? 0) - 0.693147) < 1e-5)
            #expect((losses.last ?? 1) < 0.69)
            #expect(try FileSystem.read(FileSystem.join(base, "model.safetensors")) == weights)
            let three = try Toy()
            try three.train(settings, ranks: 3)
            #expect(try adapter(of: three) == adapter(of: toy))
            let next = try Toy()
            var going: JSONObject = ["model_name_or_path": .string(toy.output("final")), "max_steps": 1]
            try next.train(going)
            // The reference is the initial policy, adapter included.
            #expect(abs((try next.losses().first ?? 0) - 0.693147) < 1e-5)
            // Beside the bare base a trained adapter begins below ln 2.
            let beside = try Toy()
            going["ref_model_name_or_path"] = .string(base)
            try beside.train(going)
            #expect((try beside.losses().first ?? 1) < 0.69)
        }

        @Test(
            "merge into GPTQ's files gives a model of floats with the logps of the adapter on them", arguments: grouped)
        func merge(model: String) throws {
            let toy = try Toy()
            let (base, adapter) = (Goldens.model(model), Goldens.path("adapters/\(model)"))
            let merged = toy.folder.file("merged")
            let ending = try Program.run(
                ["merge", "--model", base, "--adapter", adapter, "--output", merged, "--dtype", "float32"])
            #expect(ending.status == 0, "\(ending.errors)")
            let config = try JSON.parse(FileSystem.read(FileSystem.join(merged, "config.json")))
            #expect(config["quantization_config"] == nil && config["hidden_size"]?.integer == 32)
            let names = try Tensors(FileSystem.join(merged, "model.safetensors")).names
            #expect(names.contains("model.layers.1.mlp.down_proj.weight"))
            #expect(
                !names.contains { name in ["qweight", "qzeros", "scales", "g_idx"].contains { name.hasSuffix($0) } })

            let ours = try scores(["--model", merged], in: toy)
            let adapted = try scores(["--model", base, "--adapter", adapter], in: toy)
            let golden = try JSON.parse(FileSystem.read(Goldens.path("adapters/\(model).json")))
            let theirs = (golden["rows"]?.array ?? []).flatMap { row in
                ["chosen", "rejected"].map { row[$0]?.double ?? .nan }
            }
            #expect(ours.count == 16 && adapted.count == 16 && theirs.count == 16)
            for ((a, b), c) in zip(zip(ours, adapted), theirs) { #expect(abs(a - b) < 1e-4 && abs(a - c) < 1e-4) }
        }

        @Test("score and generate take adapters on GPTQ's files, on several ranks too", arguments: grouped)
        func commands(model: String) throws {
            let toy = try Toy()
            let (base, adapter) = (Goldens.model(model), Goldens.path("adapters/\(model)"))
            let alone = try scores(["--model", base], in: toy)
            let adapted = try scores(["--model", base, "--adapter", adapter], in: toy)
            #expect(zip(alone, adapted).allSatisfy { abs($0 - $1) > 1e-4 })
            #expect(try scores(["--model", base, "--adapter", adapter], in: toy, ranks: 2) == adapted)

            let prompts = try toy.folder.write(
                "{\"prompt_ids\": [3, 1, 4]}\n{\"prompt_ids\": [15]}\n", as: "prompts.jsonl")
            func generated(_ arguments: [String], ranks: Int? = nil) throws -> String {
                let output = toy.folder.file("answers.jsonl")
                let ending = try Program.run(
                    ["generate", "--prompts", prompts, "--output", output, "--max-new-tokens", "12"] + arguments,
                    ranks: ranks)
                #expect(ending.status == 0, "\(ending.errors)")
                return try text(output)
            }
            let merged = toy.folder.file("merged")
            let ending = try Program.run(
                ["merge", "--model", base, "--adapter", adapter, "--output", merged, "--dtype", "float32"])
            #expect(ending.status == 0, "\(ending.errors)")
            let answers = try generated(["--model", base, "--adapter", adapter])
            #expect(lines(of: answers).count == 2)
            #expect(try generated(["--model", base, "--adapter", adapter], ranks: 2) == answers)
            #expect(try ids(of: generated(["--model", merged])) == ids(of: answers))
            #expect(try generated(["--model", base]) != answers)
        }

        @Test("doctor, inspect and bench take the run file of a base of few bits", arguments: keys + grouped)
        func otherCommands(kind: String) throws {
            let toy = try Toy()
            let change: JSONObject =
                Self.keys.contains(kind) ? [kind: true] : ["model_name_or_path": .string(Goldens.model(kind))]
            let file = try toy.runFile(Self.adding(change))
            for arguments in [["doctor", file], ["inspect", file], ["bench", file, "--steps", "1"]] {
                let ending = try Program.run(arguments)
                #expect(ending.status == 0 && !ending.output.isEmpty, "\(arguments[0]): \(ending.errors)")
            }
        }

        @Test("export asks for floats, which merge makes of GPTQ's files", arguments: grouped)
        func exported(model: String) throws {
            let toy = try Toy()
            let (base, floats) = (Goldens.model(model), toy.folder.file("floats"))
            let refused = try Program.run(
                ["export", "--model", base, "--format", "gguf", "--output", toy.folder.file("model.gguf")])
            #expect(refused.status == 2)
            #expect(refused.messages.count == 1 && refused.says("merge --models \(base):1"), "\(refused.errors)")
            let ending = try Program.run(
                ["merge", "--models", "\(base):1", "--output", floats, "--dtype", "float32"])
            #expect(ending.status == 0, "\(ending.errors)")
            #expect(try scores(["--model", floats], in: toy) == scores(["--model", base], in: toy))
        }

        private static let refusals: [(settings: JSONObject, words: String)] = [
            (["load_in_4bit": true], "load_in_4bit: all weights are trained, in float32; set use_peft: true"),
            (["load_in_8bit": true, "use_peft": false], "use_peft is false"),
            (["load_in_8bit": true, "load_in_4bit": true, "use_peft": true], "load_in_8bit"),
            (
                ["model_name_or_path": .string(Goldens.model("gptq")), "load_in_4bit": true, "use_peft": true],
                "quantised already; remove load_in_4bit"
            ),
            (["model_name_or_path": .string(Goldens.model("gptq"))], "quantised"),
        ]

        @Test("what can't be meant is refused by name", arguments: refusals.indices)
        func refused(number: Int) throws {
            let (settings, words) = Self.refusals[number]
            let toy = try Toy()
            let ending = try Program.run(["train", try toy.runFile(settings)])
            #expect(ending.status == 2)
            #expect(ending.messages.count == 1 && ending.says(words), "\(ending.errors)")
        }
    }
}
