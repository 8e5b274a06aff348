import Foundation
import Glibc
import Storage
import Testing

/// An input that is wrong, and the words that its message must have.
struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: [String]
    /// Makes the input and gives the command.
    let prepare: @Sendable (Toy) throws -> [String]

    init(_ name: String, _ words: String..., prepare: @escaping @Sendable (Toy) throws -> [String]) {
        self.init(testDescription: name, words: words, prepare: prepare)
    }

    /// A run whose settings are wrong.
    init(_ name: String, _ words: String..., settings: JSONObject) {
        testDescription = name
        self.words = words
        prepare = { ["train", try $0.runFile(settings)] }
    }

    /// A run on a copy of a sound model, damaged.
    static func model(
        _ name: String, _ words: String..., damage: @escaping @Sendable (_ folder: String) throws -> Void
    ) -> Refusal {
        Refusal(testDescription: name, words: words) { toy in
            let folder = try toy.copyOfModel()
            try damage(folder)
            return ["train", try toy.runFile(["model_name_or_path": .string(folder)])]
        }
    }

    /// A run on sound rows with others among them.
    static func data(_ name: String, _ words: String..., rows: @escaping @Sendable ([String]) -> [String]) -> Refusal {
        Refusal(testDescription: name, words: words) { toy in
            let sound = lines(of: try text(toy.pairs(12)))
            let file = try toy.folder.write(rows(sound).map { $0 + "\n" }.joined(), as: "rows.jsonl")
            return ["train", try toy.runFile(["train_file": .string(file)])]
        }
    }

    init(testDescription: String, words: [String], prepare: @escaping @Sendable (Toy) throws -> [String]) {
        self.testDescription = testDescription
        self.words = words
        self.prepare = prepare
    }
}

extension Refusal {
    static let commands: [Refusal] = [
        Refusal("missing run file", "nowhere.yaml") { ["train", $0.folder.file("nowhere.yaml")] },
        Refusal("a run file that is not YAML", "broken.yaml:3", "not YAML") {
            ["train", try $0.folder.write("beta: 0.1\nmax_steps: [1\n", as: "broken.yaml")]
        },
        Refusal("unknown key", "run.yaml:", "bta", "did you mean beta?", settings: ["bta": 0.1]),
        Refusal("unknown key by --set", "--set bta=1", "did you mean beta?") {
            ["train", try $0.runFile(), "--set", "bta=1"]
        },
        Refusal("a key that the objective ignores", "gamma is not used", "sigmoid", settings: ["gamma": 0.5]),
        Refusal("wrong type", "beta is the string \"much\"", "expected a number", settings: ["beta": "much"]),
        Refusal(
            "contradictory keys", "gradient_accumulation_steps", "global_batch_size",
            settings: ["gradient_accumulation_steps": 2]),
        Refusal("no train_file", "train_file is missing", settings: ["train_file": .null]),
        Refusal("a checkpoint that isn't there", "nowhere") {
            ["train", try $0.runFile(), "--resume", $0.folder.file("nowhere")]
        },
        Refusal("a model folder that isn't there", "nowhere", settings: ["model_name_or_path": "/nowhere/model"]),
        Refusal("a data file that isn't there", "nowhere.jsonl", settings: ["train_file": "/nowhere.jsonl"]),
        Refusal("a margin column that the rows don't have", "rows.jsonl:", "\"brief\"", "\"helpful\", \"kind\"") {
            toy in
            let file = try toy.pairs(12, as: "rows.jsonl")
            return [
                "train",
                try toy.runFile([
                    "train_file": .string(file), "loss_type": "modpo", "weights": ["preference": 0.5, "brief": 0.5],
                ]),
            ]
        },
        Refusal("a reference with another vocabulary", "vocabulary") { toy in
            ["train", try toy.runFile(["ref_model_name_or_path": .string(toy.textModel())])]
        },
        Refusal("rows of text and no tokenizer", "tokenizer") { toy in
            let file = try toy.folder.write(
                "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n", as: "text.jsonl")
            return ["train", try toy.runFile(["train_file": .string(file)])]
        },
        Refusal("score without a model", "nowhere") {
            ["score", "--model", "/nowhere", "--data", try $0.pairs(3), "--output", $0.folder.file("s.jsonl")]
        },
        Refusal("an --output in a folder that isn't there", "/nowhere/s.jsonl") {
            [
                "score", "--model", Goldens.model("gqa-untied"), "--data", try $0.pairs(3),
                "--output", "/nowhere/s.jsonl",
            ]
        },
        Refusal("evaluate without an eval_file", "eval_file is missing") {
            ["evaluate", try $0.runFile(), "--model", Goldens.model("gqa-untied")]
        },
        Refusal("no prompts to generate from", "empty.jsonl") {
            [
                "generate", "--model", Goldens.model("gqa-untied"), "--prompts",
                try $0.folder.write("", as: "empty.jsonl"),
                "--output", $0.folder.file("g.jsonl"),
            ]
        },
    ]

    /// The habits of a newcomer: in a run file, on a command line, from another trainer.
    static let habits: [Refusal] = [
        Refusal("a key of the run file as an option", "--learning_rate is a key", "--set learning_rate=VALUE") {
            ["train", try $0.runFile(), "--learning_rate", "1e-5"]
        },
        Refusal("an option of another trainer", "--dataset_name is no option", "keys of its run file") {
            [try $0.runFile(), "--dataset_name=trl-lib/tldr"]
        },
        Refusal(
            "a data set of the hub", "run.yaml: train_file: trl-lib/tldr: not found",
            "hf download --repo-type dataset trl-lib/tldr", settings: ["train_file": "trl-lib/tldr"]),
        Refusal("a pattern of files", "train_file: data/*.jsonl: not found", "a pattern isn't looked up",
            settings: ["train_file": "data/*.jsonl"]),
        Refusal("an eval_file that isn't there", "run.yaml: eval_file: /nowhere.jsonl", settings: ["eval_file": "/nowhere.jsonl"]),
        Refusal("a loss in capitals", "loss_type is DPO", "did you mean sigmoid?", settings: ["loss_type": "DPO"]),
        Refusal("a loss misspelt", "did you mean simpo?", settings: ["loss_type": "simppo"]),
        Refusal("a schedule misspelt", "did you mean cosine?", settings: ["lr_scheduler_type": "cosin"]),
        Refusal("a run file in UTF-16", "wide.yaml:1", "UTF-16") { toy in
            let path = toy.folder.file("wide.yaml")
            try AtomicFile.write([0xFF, 0xFE] + Array("beta: 1".utf8).flatMap { [$0, 0] }, to: path)
            return ["train", path]
        },
        Refusal("rows in UTF-16", "rows.jsonl:1: the file is UTF-16", "iconv") { toy in
            let path = try toy.pairs(12, as: "rows.jsonl")
            try AtomicFile.write([0xFF, 0xFE] + FileSystem.read(path).flatMap { [$0, 0] }, to: path)
            return ["train", try toy.runFile(["train_file": .string(path)])]
        },
        .data("a list of rows in a file of lines", "rows.jsonl:1: the file is one JSON list", ".json") { rows in
            ["[" + rows[0] + ","] + rows[1...].map { $0 + "," } + ["{}]"]
        },
        .data("Python's NaN", "rows.jsonl:2", "write null where there is no number") {
            $0[..<1] + ["{\"prompt_ids\": [1], \"chosen_ids\": [3], \"rejected_ids\": [4], \"margin\": NaN}"] + $0[1...]
        },
    ]

    /// Folders that can't be made or written in, by the keys that name them.
    static let folders: [Refusal] = ["output_dir", "reference_cache"].flatMap { key in
        let taken: @Sendable (Toy) throws -> String = { try $0.folder.write("a file", as: "taken") }
        func refusal(
            _ name: String, _ words: String..., path: @escaping @Sendable (Toy) throws -> String
        ) -> Refusal {
            Refusal(testDescription: "\(key): \(name)", words: ["\(key): "] + words) { toy in
                ["train", try toy.runFile([key: .string(try path(toy))])]
            }
        }
        return [
            refusal("in /proc", "/proc/x: can't be made: the file system takes nothing there") { _ in "/proc/x" },
            refusal("/proc itself", "/proc") { _ in "/proc" },
            refusal("in /sys", "/sys/x: can't create the folder", "check the owner and the permissions") { _ in "/sys/x" },
            refusal("a file", "taken: is a file where a folder was expected", path: taken),
            refusal("below a file", "taken: is a file where a folder was expected") { try taken($0) + "/a/b" },
            refusal("a link to nothing", "is a link to /nowhere/at/all, which isn't there") { toy in
                let path = toy.folder.file("link")
                symlink("/nowhere/at/all", path)
                return path
            },
            refusal("a name too long", "a name may have 255 bytes") {
                $0.folder.file(String(repeating: "n", count: 300))
            },
            refusal("a device", "/dev/null: is a file where a folder was expected") { _ in "/dev/null" },
        ]
    }

    static let models: [Refusal] = [
        .model("no weights", "model.safetensors") { try FileSystem.remove($0 + "/model.safetensors") },
        .model("rotary scaling that isn't implemented", "config.json", "proportional") {
            try change($0) { $0["rope_parameters"] = ["rope_type": "proportional", "rope_theta": 10000.0] }
        },
        .model("a family that isn't implemented", "config.json", "bloom") {
            try change($0) { $0["model_type"] = "bloom" }
        },
        .model("an activation that isn't implemented", "config.json", "quick_gelu") {
            try change($0) { $0["hidden_act"] = "quick_gelu" }
        },
        .model("a config that isn't JSON", "config.json") {
            try AtomicFile.write("{\"model_type\": ", to: $0 + "/config.json")
        },
        .model("a missing tensor", "model.layers.3.") { try change($0) { $0["num_hidden_layers"] = 4 } },
        .model("a tensor of another shape", "gate_proj.weight", "[44, 32]", "[48, 32]") {
            try change($0) { $0["intermediate_size"] = 48 }
        },
        .model("NaN in the weights", "finite") { folder in
            try changeWeights(folder) { bytes in
                for place in 0..<4 { bytes[bytes.count - 400 + place] = [0, 0, 0xC0, 0x7F][place] }
            }
        },
        .model("truncated weights", "model.safetensors") { try changeWeights($0) { $0.removeLast(1000) } },
        .model("weights that are text", "model.safetensors") { try changeWeights($0) { $0 = Array("version 1".utf8) } },
    ]

    static let rows: [Refusal] = [
        .data("a row that isn't JSON, on one rank only", "rows.jsonl:2") {
            $0[..<1] + ["{\"prompt_ids\": [1,"] + $0[1...]
        },
        .data("a last row that isn't JSON", "rows.jsonl:13") { $0 + ["nonsense"] },
        .data("a token id outside the vocabulary", "rows.jsonl:8", "97") {
            $0[..<7] + ["{\"prompt_ids\": [1, 97], \"chosen_ids\": [3], \"rejected_ids\": [4]}"] + $0[7...]
        },
        .data("a negative token id", "rows.jsonl:1") {
            ["{\"prompt_ids\": [1], \"chosen_ids\": [-3], \"rejected_ids\": [4]}"] + $0
        },
        .data("a row without rejected", "rows.jsonl:6", "rejected") {
            $0[..<5] + ["{\"prompt_ids\": [1], \"chosen_ids\": [3]}"] + $0[5...]
        },
        .data("wrong rows of two ranks: the first of the file", "rows.jsonl:11: the row is a list") {
            let sound = $0 + $0 + $0
            return sound[..<10] + ["[1]"] + sound[10..<25] + ["{}"] + sound[25...]
        },
        .data("an empty file", "rows.jsonl", "no rows") { _ in [] },
        .data("only rows that are dropped", "rows.jsonl", "nothing is left") { _ in
            Array(repeating: "{\"prompt_ids\": [1], \"chosen_ids\": [3], \"rejected_ids\": [3]}", count: 5)
        },
        .data("only rows that are too long", "rows.jsonl", "nothing is left") { _ in
            let long = Array(repeating: "5", count: 300).joined(separator: ",")
            return ["{\"prompt_ids\": [\(long)], \"chosen_ids\": [3], \"rejected_ids\": [4]}"]
        },
    ]

    private static func change(_ folder: String, _ body: (inout JSONObject) -> Void) throws {
        let path = FileSystem.join(folder, "config.json")
        guard var config = try JSON.parse(FileSystem.read(path)).object else { return }
        body(&config)
        try AtomicFile.write(JSON.object(config).prettyText, to: path)
    }

    private static func changeWeights(_ folder: String, _ body: (inout [UInt8]) -> Void) throws {
        let path = FileSystem.join(folder, "model.safetensors")
        var bytes = try FileSystem.read(path)
        body(&bytes)
        try AtomicFile.write(bytes, to: path)
    }
}

extension EndToEnd {
    /// Wrong input: one clear message on standard error, status 2, soon, and nothing left running.
    @Suite struct RefusalTests {
        @Test("a wrong command, run file or folder", arguments: Refusal.commands, [nil, 3])
        func commands(refusal: Refusal, ranks: Int?) throws { try check(refusal, ranks) }

        @Test("what newcomers write", arguments: Refusal.habits, [nil, 3])
        func habits(refusal: Refusal, ranks: Int?) throws { try check(refusal, ranks) }

        @Test("folders that can't be made or written in", arguments: Refusal.folders, [nil, 2])
        func folders(refusal: Refusal, ranks: Int?) throws { try check(refusal, ranks) }

        @Test("a wrong model", arguments: Refusal.models, [nil, 3])
        func models(refusal: Refusal, ranks: Int?) throws { try check(refusal, ranks) }

        @Test("wrong rows", arguments: Refusal.rows, [nil, 3])
        func rows(refusal: Refusal, ranks: Int?) throws { try check(refusal, ranks) }

        @Test("files that are damaged, absurd or no files", arguments: Refusal.hostile, [nil, 3])
        func hostile(refusal: Refusal, ranks: Int?) throws { try check(refusal, ranks) }

        @Test("a second run in a locked output_dir", arguments: [nil, 3])
        func locked(ranks: Int?) throws {
            let toy = try Toy()
            try FileSystem.makeDirectories(toy.output)
            let lock = open(toy.output(".lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            defer { close(lock) }
            #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
            try check(Refusal("locked", toy.output) { ["train", try $0.runFile()] }, ranks, toy)
        }

        private func check(_ refusal: Refusal, _ ranks: Int?, _ given: Toy? = nil) throws {
            let toy = try given ?? Toy()
            let job = try Job(try refusal.prepare(toy), ranks: ranks)
            let ending = try job.wait(limit: 10)
            #expect(job.leftovers().isEmpty, "nothing is left running")
            #expect(ending.status == 2, "\(ending.errors)")
            #expect(ending.output == "")
            #expect(ending.messages.count == 1, "one message: \(ending.errors)")
            for word in refusal.words {
                #expect(ending.messages.first?.contains(word) == true, "\(word): \(ending.messages)")
            }
            #expect(!FileSystem.exists(toy.output("metrics.jsonl")), "nothing was begun")
        }
    }
}
