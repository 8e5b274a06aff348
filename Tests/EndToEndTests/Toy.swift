import Foundation
import Scratch
import Storage
import Testing

/// All suites of this target start processes on every core: one test at a time.
@Suite(.serialized) enum EndToEnd {}

/// The committed checkpoints and what torch computed of them.
enum Goldens {
    static let folder = FileSystem.join(FileSystem.parent(of: FileSystem.parent(of: #filePath)), "Goldens")
    static let models = ["gqa-untied", "tied-llama3", "linear-bf16", "mha-sharded"]

    static func path(_ name: String) -> String { FileSystem.join(folder, name) }
    static func model(_ name: String) -> String { path("models/\(name)") }
}

/// A small run of a test's own: data, run file and output in a folder that goes with it.
final class Toy {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    var output: String { folder.file("out") }
    var cache: String { folder.file("cache") }

    func output(_ name: String) -> String { FileSystem.join(output, name) }

    // MARK: - Files

    /// Random pairs of token ids with two scores: the same for the same seed.
    func pairs(_ count: Int, seed: UInt64 = 1, vocabulary: Int = 97, as name: String = "train.jsonl") throws -> String {
        var generator = SeededGenerator(state: seed)
        func ids(_ lengths: ClosedRange<Int>) -> JSON {
            let length = Int.random(in: lengths, using: &generator)
            return .array((0..<length).map { _ in .integer(Int.random(in: 1..<vocabulary, using: &generator)) })
        }
        func scores() -> JSON {
            let tenths = (0..<2).map { _ in Double(Int.random(in: -20...20, using: &generator)) / 10 }
            return ["helpful": .number(tenths[0]), "kind": .number(tenths[1])]
        }
        let rows = (0..<count).map { _ in
            JSON.object([
                "prompt_ids": ids(1...14), "chosen_ids": ids(1...18), "rejected_ids": ids(1...18),
                "scores_chosen": scores(), "scores_rejected": scores(),
            ])
        }
        return try folder.write(rows.map { $0.text + "\n" }.joined(), as: name)
    }

    /// A model's folder to damage.
    func copyOfModel(_ name: String = "gqa-untied", as copy: String = "model") throws -> String {
        let target = folder.file(copy)
        try FileSystem.makeDirectories(target)
        for file in try FileSystem.list(Goldens.model(name)) {
            try FileSystem.copy(FileSystem.join(Goldens.model(name), file), to: FileSystem.join(target, file))
        }
        return target
    }

    /// A model of random weights with a tokenizer: for rows of text.
    func textModel(positions: Int = 128) throws -> String {
        guard !FileSystem.exists(folder.file("text-model")) else { return folder.file("text-model") }
        let fixtures = FileSystem.join(
            FileSystem.parent(of: FileSystem.parent(of: #filePath)), "PreferencesTests/Fixtures")
        let shape: JSON = [
            "model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 419, "max_position_embeddings": .integer(positions),
            "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": true, "eos_token_id": 1,
            "bos_token_id": 0,
        ]
        let config = try folder.write(shape.prettyText, as: "shape/config.json")
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            try FileSystem.copy("\(fixtures)/row-tokenizer/\(name)", to: folder.file("shape/\(name)"))
        }
        let ending = try Program.run(["init", "--config", config, "--output", folder.file("text-model"), "--seed", "7"])
        #expect(ending.status == 0, "\(ending.errors)")
        return folder.file("text-model")
    }

    /// Writes a run file: the toy's own settings, with those given over them. A null removes a key.
    func runFile(_ settings: JSONObject = [:], as name: String = "run.yaml") throws -> String {
        var keys: JSONObject = [
            "model_name_or_path": .string(Goldens.model("gqa-untied")), "output_dir": .string(output),
            "reference_cache": .string(cache), "max_length": 256, "global_batch_size": 6, "learning_rate": 1e-2,
            "max_steps": 4, "reproducible": true, "threads_per_rank": 1, "micro_batch_tokens": 100,
        ]
        if settings["train_file"] == nil { keys["train_file"] = .string(try pairs(40)) }
        for (key, value) in settings.members { keys[key] = value.isNull ? nil : value }
        return try folder.write(JSON.object(keys).prettyText, as: name)
    }

    // MARK: - Runs

    /// Trains and expects it to succeed.
    @discardableResult
    func train(
        _ settings: JSONObject = [:], ranks: Int? = nil, resume: String? = nil,
        at location: SourceLocation = #_sourceLocation
    ) throws -> Ending {
        let ending = try Program.run(
            ["train", try runFile(settings)] + (resume.map { ["--resume", $0] } ?? []), ranks: ranks)
        #expect(ending.status == 0, "\(ending.errors)", sourceLocation: location)
        return ending
    }

    /// The error text of a run that is refused with status 2.
    func refusal(of settings: JSONObject) throws -> String {
        let ending = try Program.run(["train", try runFile(settings)])
        #expect(ending.status == 2)
        return ending.errors
    }

    /// Rows of `metrics.jsonl`, without those of evaluations.
    func steps() throws -> [JSON] { try rows(output("metrics.jsonl")).filter { $0["loss"] != nil } }

    func losses() throws -> [Double] { try steps().compactMap { $0["loss"]?.double } }

    /// The bytes of the final weights.
    func finalWeights() throws -> [UInt8] { try FileSystem.read(output("final/model.safetensors")) }

    /// The outcome of a run of these settings: in a folder of its own, never interrupted.
    static func outcome(_ settings: JSONObject, ranks: Int? = nil) throws -> Outcome {
        let toy = try Toy()
        try toy.train(settings, ranks: ranks)
        return try toy.outcome()
    }

    func outcome() throws -> Outcome {
        let timeless = try steps().map { row in
            var object = JSONObject()
            for (name, value) in row.object?.members ?? [] 
            where !["seconds", "tokens_per_second"].contains(name) && !name.hasPrefix("time/") {
                object[name] = value
            }
            return JSON.object(object)
        }
        return Outcome(weights: try finalWeights(), steps: timeless)
    }
}

/// The results that two runs must share to be the same: every bit of the weights and of all logged numbers but times.
struct Outcome: Equatable {
    let weights: [UInt8]
    let steps: [JSON]
}

/// The rows of a JSONL file.
func rows(_ path: String) throws -> [JSON] { try lines(of: text(path)).map { try JSON.parse(Array($0.utf8)) } }

/// The numbers of a list.
func numbers(_ value: JSON?) -> [Double] { value?.array?.compactMap(\.double) ?? [] }
