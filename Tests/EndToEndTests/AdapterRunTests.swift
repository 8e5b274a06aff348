import Scratch
import Storage
import Testing

extension EndToEnd {
    /// Training adapters on a frozen model.
    @Suite struct AdapterRunTests {
        private static let fresh: JSONObject = [
            "use_peft": true, "lora_r": 3, "lora_alpha": 6, "lora_dropout": 0, "lora_target_modules": "all-linear",
            "max_steps": 4, "logging_steps": 1,
        ]

        private static func adding(_ changes: JSONObject) -> JSONObject {
            var settings = fresh
            for (key, value) in changes.members { settings[key] = value }
            return settings
        }

        private func finalAdapter(_ settings: JSONObject, ranks: Int? = nil) throws -> [UInt8] {
            let toy = try Toy()
            try toy.train(settings, ranks: ranks)
            return try FileSystem.read(toy.output("final/adapter_model.safetensors"))
        }

        /// The goldens that PEFT computed: of which adapter, on which model, read how.
        private static let goldens: [(name: String, adapter: String, model: String, settings: JSONObject)] = [
            ("all-linear", "all-linear", "gqa-untied", [:]), ("dora", "dora", "gqa-untied", [:]),
            ("gptq", "gptq", "gptq", [:]), ("gptq-act", "gptq-act", "gptq-act", [:]),
            ("nf4", "all-linear", "gqa-untied", ["load_in_4bit": true]),
            ("int8", "all-linear", "gqa-untied", ["load_in_8bit": true]),
        ]

        @Test(
            "a step and scores with an adapter of PEFT's equal PEFT's own, on quantised bases too",
            arguments: goldens.map(\.name), [nil, 2])
        func golden(name: String, ranks: Int?) throws {
            let kind = try #require(Self.goldens.first { $0.name == name })
            let golden = try JSON.parse(FileSystem.read(Goldens.path("adapters/\(name).json")))
            let rowsFile = Goldens.path("gqa-untied.jsonl")
            let expected = try #require(golden["rows"]?.array)
            let toy = try Toy()
            var settings: JSONObject = [
                "model_name_or_path": .string(Goldens.model(kind.model)),
                "adapter_name_or_path": .string(Goldens.path("adapters/\(kind.adapter)")),
                "ref_model_name_or_path": .string(Goldens.model(kind.model)),
                "train_file": .string(rowsFile), "debug_dump": .string(toy.folder.file("dump")), "max_steps": 1,
                "loss_type": "sigmoid", "beta": 0.1, "global_batch_size": .integer(expected.count), "learning_rate": 0,
            ]
            for (key, value) in kind.settings.members { settings[key] = value }
            try toy.train(settings, ranks: ranks)
            let loss = try #require(try toy.losses().first)
            #expect(abs(loss - (golden["loss"]?.double ?? .nan)) < 1e-4)
            for pair in try rows(toy.folder.file("dump/pairs-1.jsonl")) {
                let row = expected[try #require(pair["line"]?.integer) - 1]
                for side in ["chosen", "rejected"] {
                    for (ours, theirs) in [
                        ("policy_\(side)_logps", side), ("reference_\(side)_logps", "reference_\(side)"),
                    ] {
                        #expect(abs((pair[ours]?.double ?? .nan) - (row[theirs]?.double ?? .nan)) < 2e-4)
                    }
                }
            }
            let ours = try Tensors(toy.folder.file("dump/gradients-1.safetensors"))
            #expect(ours.distance(from: try Tensors(Goldens.path("adapters/\(name).safetensors"))) < 2e-4)

            // A learning rate of 0 leaves the adapter as it was; what was saved gives its logps. (`score` reads a base
            // as its files have it.)
            guard kind.settings.isEmpty else { return }
            let ending = try Program.run(
                [
                    "score", "--model", Goldens.model(kind.model), "--adapter", toy.output("final"), "--data", rowsFile,
                    "--output", toy.folder.file("scores.jsonl"),
                ], ranks: ranks)
            #expect(ending.status == 0, "\(ending.errors)")
            for (score, row) in zip(try rows(toy.folder.file("scores.jsonl")), expected) {
                for side in ["chosen", "rejected"] {
                    let difference = (score["policy_\(side)_logps"]?.double ?? .nan) - (row[side]?.double ?? .nan)
                    #expect(abs(difference) < 2e-4)
                }
            }
        }

        @Test(
            "DPO that goes on from an adapter begins at ln 2, since its reference is the initial policy; evaluation agrees",
            arguments: ["all-linear", "dora", "gptq"], ["adapter_name_or_path", "model_name_or_path"])
        func reference(name: String, key: String) throws {
            let kind = try #require(Self.goldens.first { $0.name == name })
            let toy = try Toy()
            let adapter = try adapter(kind.adapter, on: kind.model, in: toy, as: "own")
            let settings: JSONObject = [
                "model_name_or_path": .string(Goldens.model(kind.model)), key: .string(adapter),
                "train_file": .string(Goldens.path("gqa-untied.jsonl")), "loss_type": "sigmoid", "beta": 0.5,
                "eval_file": .string(Goldens.path("gqa-untied.jsonl")), "max_steps": 4, "save_steps": 2,
                "learning_rate": 0.01,
            ]
            let ending = try toy.train(settings)
            #expect(ending.says("reference: the initial policy, ") && ending.says(" with the adapter \(adapter)"))
            let losses = try toy.losses()
            #expect(abs((losses.first ?? 0) - 0.693147) < 1e-6)
            #expect(abs((losses.last ?? 0) - 0.693147) > 1e-4)

            // Gone on from a checkpoint, the reference is still what the run began with.
            for folder in ["final", "checkpoint-4"] { try FileSystem.removeTree(toy.output(folder)) }
            try FileSystem.removeTree(toy.cache)
            try toy.train(settings, ranks: 2)
            #expect(try toy.losses() == losses)

            let held = try rows(toy.output("metrics.jsonl")).compactMap { $0["eval_loss"]?.double }.last
            func evaluated(_ model: String) throws -> Double {
                let ending = try Program.run(["evaluate", try toy.runFile(settings), "--model", model])
                #expect(ending.status == 0, "\(ending.errors)")
                return try JSON.parse(Array(ending.output.utf8))["eval_loss"]?.double ?? .nan
            }
            #expect(abs(try evaluated(adapter) - 0.693147) < 1e-6)
            #expect(try evaluated(toy.output("final")) == held)
        }

        @Test("fresh adapters begin as the base: the first loss of DPO is ln 2, and training lowers it")
        func fresh() throws {
            let toy = try Toy()
            try toy.train(Self.adding(["max_steps": 12]))
            let losses = try toy.losses()
            #expect(abs((losses.first ?? 0) - 0.693147) < 1e-5)
            #expect((losses.last ?? 1) < 0.69)
            let files = try FileSystem.list(toy.output("final"))
            #expect(files.contains("adapter_config.json") && !files.contains("model.safetensors"))
        }

        @Test(
            "with dropout 1, 2 and 3 ranks and recomputation end with the same bits, which aren't those without dropout"
        )
        func dropout() throws {
            let settings = Self.adding([
                "lora_dropout": 0.3, "disable_dropout": false, "use_rslora": true, "modules_to_save": ["lm_head", "norm"],
            ])
            let one = try finalAdapter(settings)
            #expect(try finalAdapter(settings, ranks: 2) == one)
            #expect(try finalAdapter(settings, ranks: 3) == one)
            var recomputed = settings
            recomputed["gradient_checkpointing"] = true
            #expect(try finalAdapter(recomputed, ranks: 2) == one)
            var dry = settings
            dry["lora_dropout"] = 0
            let without = try finalAdapter(dry)
            #expect(without != one)
            var disabled = settings
            disabled["disable_dropout"] = nil
            #expect(try finalAdapter(disabled) == without, "a preference loss has none unless it is asked for, as in TRL")
        }

        @Test("a run that is resumed, on another number of ranks, ends as the run that wasn't")
        func resumed() throws {
            let whole = try finalAdapter(Self.adding(["max_steps": 6, "use_dora": true]))
            let toy = try Toy()
            try toy.train(
                Self.adding(["max_steps": 6, "use_dora": true, "save_steps": 3, "save_dtype": "bfloat16"]), ranks: 2)
            for name in try FileSystem.list(toy.output) where name == "final" || name == "checkpoint-6" {
                try FileSystem.removeTree(toy.output(name))
            }
            try toy.train(Self.adding(["max_steps": 6, "use_dora": true, "save_steps": 3]), ranks: 3)
            #expect(try FileSystem.read(toy.output("final/adapter_model.safetensors")) == whole)
        }

        @Test("a margin model may be an adapter on the same base, and the policy's folder may be an adapter")
        func margins() throws {
            let toy = try Toy()
            let base = try toy.copyOfModel()
            try toy.train(Self.adding(["model_name_or_path": .string(base)]))
            let adapter = toy.output("final")
            let next = try Toy()
            let ending = try next.train([
                "model_name_or_path": .string(adapter), "loss_type": "modpo", "beta": 0.1, "max_steps": 2,
                "preference_name": "help", "weights": ["help": 0.5, "other": 0.5],
                "margins": ["other": ["model": .string(adapter), "beta": 0.1]],
            ])
            #expect(ending.errors.contains("margin reward other"))
            #expect(FileSystem.exists(next.output("final/adapter_model.safetensors")))
        }

        /// An adapter of PEFT's in a folder of the test's own, naming its base.
        private func adapter(
            _ kind: String = "all-linear", on model: String = "gqa-untied", in toy: Toy, as name: String
        ) throws -> String {
            let source = Goldens.path("adapters/\(kind)")
            var config = try JSON.parse(FileSystem.read(FileSystem.join(source, "adapter_config.json"))).object ?? [:]
            config["base_model_name_or_path"] = .string(Goldens.model(model))
            // As SFT leaves it; a preference loss goes on without.
            config["lora_dropout"] = 0.1
            let file = try toy.folder.write(JSON.object(config).prettyText, as: "\(name)/adapter_config.json")
            try FileSystem.copy(
                FileSystem.join(source, "adapter_model.safetensors"),
                to: toy.folder.file("\(name)/adapter_model.safetensors"))
            return FileSystem.parent(of: file)
        }

        /// Where a run may name its own adapter's folder a second time, as another model.
        private static let secondRoles: [@Sendable (String) -> JSONObject] = [
            { model in
                [
                    "loss_type": "modpo", "preference_name": "help", "weights": ["help": 0.5, "other": 0.5],
                    "margins": ["other": ["model": .string(model), "beta": 0.1]],
                ]
            },
            { ["loss_type": "sigmoid", "ref_model_name_or_path": .string($0)] },
        ]

        @Test(
            "the policy's own adapter as a margin model or reference is what a copy of it is, and isn't the base",
            arguments: secondRoles.indices, ["adapter_name_or_path", "model_name_or_path"])
        func ownAdapter(role: Int, key: String) throws {
            let toy = try Toy()
            let (own, copy) = (try adapter(in: toy, as: "own"), try adapter(in: toy, as: "copy"))
            var number = 0
            func losses(with other: String, cache: String) throws -> [Double] {
                number += 1
                var settings = Self.secondRoles[role](other)
                settings[key] = .string(own)
                settings["max_steps"] = 3
                settings["output_dir"] = .string(toy.folder.file("out-\(number)"))
                settings["reference_cache"] = .string(toy.folder.file(cache))
                try toy.train(settings)
                return try rows(toy.folder.file("out-\(number)/metrics.jsonl")).compactMap { $0["loss"]?.double }
            }
            // The base first: what it leaves in the cache must not be taken for another model's.
            let withBase = try losses(with: Goldens.model("gqa-untied"), cache: "shared")
            let withOwn = try losses(with: own, cache: "shared")
            #expect(withOwn.count == 3)
            #expect(try losses(with: copy, cache: "shared") == withOwn)
            #expect(try losses(with: copy, cache: "fresh") == withOwn)
            for (a, b) in zip(withOwn, withBase) { #expect(abs(a - b) > 1e-4) }
        }

        @Test("an adapter's folder with a tokenizer of its own gives the tokenizer")
        func tokenizer() throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let pairs = [("red", "green"), ("rain", "the snow"), ("is this it", "and that")]
            let data = try toy.folder.write(
                pairs.map { chosen, rejected in
                    JSON.object([
                        "prompt": "What is this?", "chosen": .string(" " + chosen), "rejected": .string(" " + rejected),
                    ]).text + "\n"
                }.joined(), as: "text.jsonl")
            let settings = Self.adding([
                "model_name_or_path": .string(model), "train_file": .string(data), "max_length": 100, "max_steps": 1,
                "global_batch_size": 3,
            ])
            try toy.train(settings)
            let adapter = toy.output("final")

            /// The number of scored tokens of the rows, by `score` and by a run that goes on from the adapter.
            func scored() throws -> (score: Int, train: Int) {
                let output = toy.folder.file("scores.jsonl")
                let ending = try Program.run([
                    "score", "--model", model, "--adapter", adapter, "--data", data, "--output", output,
                ])
                #expect(ending.status == 0, "\(ending.errors)")
                let lengths = try rows(output).flatMap { row in
                    ["chosen_length", "rejected_length"].compactMap { row[$0]?.integer }
                }
                #expect(lengths.count == 2 * pairs.count)
                let next = try Toy()
                try next.train([
                    "model_name_or_path": .string(adapter), "train_file": .string(data), "max_length": 100,
                    "max_steps": 1, "global_batch_size": 3, "debug_dump": .string(next.folder.file("dump")),
                ])
                // What it ends with has the tokenizer that it was trained with.
                let source = FileSystem.exists(FileSystem.join(adapter, "tokenizer.json")) ? adapter : model
                for name in ["tokenizer.json", "tokenizer_config.json"] {
                    let saved = try FileSystem.read(next.output("final/\(name)"))
                    #expect(try saved == FileSystem.read(FileSystem.join(source, name)), "\(name)")
                }
                let merged = next.folder.file("merged")
                let merging = try Program.run(["merge", "--model", model, "--adapter", adapter, "--output", merged])
                #expect(merging.status == 0, "\(merging.errors)")
                #expect(
                    try FileSystem.read(FileSystem.join(merged, "tokenizer.json"))
                        == FileSystem.read(FileSystem.join(source, "tokenizer.json")))
                let tokens = try #require(try next.steps().first?["tokens"]?.integer)
                return (lengths.reduce(0, +), tokens)
            }

            let file = FileSystem.join(adapter, "tokenizer.json")
            let saved = try FileSystem.read(file)
            #expect(try saved == FileSystem.read(FileSystem.join(model, "tokenizer.json")))
            let usual = try scored()
            // Without its merges the same tokenizer makes a token of every byte.
            var object = try JSON.parse(saved).object ?? [:]
            var merging = object["model"]?.object ?? [:]
            merging["merges"] = []
            object["model"] = .object(merging)
            try AtomicFile.write(JSON.object(object).text, to: file)
            let bytewise = try scored()
            // Every response is ASCII and ends with one more token.
            #expect(bytewise.score == pairs.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 4 })
            #expect(bytewise.score > usual.score && bytewise.train > usual.train)
            // Without one, the base's.
            try FileSystem.remove(file)
            #expect(try scored() == usual)
        }

        @Test("every command that reads a run file takes an adapter's folder as its model")
        func commands() throws {
            let toy = try Toy()
            let file = try toy.runFile(["model_name_or_path": .string(try adapter(in: toy, as: "own"))])
            let scaling = ["scaling", file, "--output", toy.folder.file("scaling"), "--steps", "1"]
            for arguments in [
                ["doctor", file], ["inspect", file], ["bench", file, "--steps", "1"], scaling,
                ["bench", file, "--steps", "1", "--set", "train_file=null"],
            ] {
                let ending = try Program.run(arguments)
                #expect(ending.status == 0 && !ending.output.isEmpty, "\(arguments): \(ending.errors)")
            }
        }

        private static let refusals: [(settings: JSONObject, words: String)] = [
            (["lora_r": 8], "use_peft"),
            (["use_peft": false, "lora_alpha": 8], "use_peft is false"),
            (["use_peft": true, "lora_target_modules": ["q_proj", "query"]], "\"query\" names no linear module"),
            (["use_peft": true, "modules_to_save": ["tail"]], "\"tail\" names no module"),
            (["use_peft": true, "use_dora": true, "lora_dropout": 0.1, "disable_dropout": false], "DoRA needs a dropout of 0"),
            (["adapter_name_or_path": "nowhere"], "nowhere: no such folder"),
        ]

        @Test("what can't be meant is refused by name", arguments: refusals.indices)
        func refused(number: Int) throws {
            let (settings, words) = Self.refusals[number]
            let toy = try Toy()
            let ending = try Program.run(["train", try toy.runFile(settings)])
            #expect(ending.status == 2)
            #expect(ending.errors.contains(words), "\(ending.errors)")
        }
    }
}
