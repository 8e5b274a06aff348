import Glibc
import Scratch
import Storage

/// Files that are damaged, absurd or no files at all: what a hostile or an unlucky sender could put in a user's way.
extension Refusal {
    static let hostile: [Refusal] = [
        Refusal("a named pipe for data", "pipe.jsonl", "is a pipe", "give a file") { toy in
            mkfifo(toy.folder.file("pipe.jsonl"), 0o666)
            return ["train", try toy.runFile(["train_file": .string(toy.folder.file("pipe.jsonl"))])]
        },
        Refusal("a named pipe for a run file", "pipe.yaml", "is a pipe") { toy in
            mkfifo(toy.folder.file("pipe.yaml"), 0o666)
            return ["train", toy.folder.file("pipe.yaml")]
        },
        Refusal("a device without end for data", "/dev/zero", "a device", settings: ["train_file": "/dev/zero"]),
        Refusal("a folder for a run file", "is a folder where a file was expected") { ["train", $0.folder.path] },
        Refusal("aliases that grow", "bomb.yaml", "too many anchors and aliases") { toy in
            let lines = (1..<12).map { "b\($0): &b\($0) [*b\($0 - 1), *b\($0 - 1), *b\($0 - 1), *b\($0 - 1)]" }
            return ["train", try toy.folder.write("b0: &b0 [x]\n" + lines.joined(separator: "\n"), as: "bomb.yaml")]
        },
        Refusal("brackets without end", "deep.yaml", "too many brackets") {
            ["train", try $0.folder.write("a: " + String(repeating: "[", count: 100_000), as: "deep.yaml")]
        },
        .bytes("a compressed file that stops", as: "rows.jsonl.gz", "rows.jsonl.gz", "fetch the file again") {
            Array($0.prefix($0.count / 2))
        },
        .bytes(
            "a compressed file whose check sum is wrong", as: "rows.jsonl.gz", "rows.jsonl.gz", "fetch the file again"
        ) {
            var bytes = $0
            bytes[bytes.count - 8] ^= 0x55
            return bytes
        },
        .bytes("a Parquet file that is text", as: "rows.parquet", "rows.parquet") { _ in
            Array("PAR1 nonsense PAR1".utf8)
        },
        .data("a token id that no integer holds", "rows.jsonl:1") {
            ["{\"prompt_ids\": [1e300], \"chosen_ids\": [3], \"rejected_ids\": [4]}"] + $0
        },
        .data("rows nested without end", "rows.jsonl:1", "nested too deeply") {
            [String(repeating: "[", count: 100_000)] + $0
        },
        .data("half a surrogate pair", "rows.jsonl:2", "surrogate") {
            $0[..<1] + ["{\"prompt\": \"\\ud800\"}"] + $0[1...]
        },
        .model("a layer count that no model has", "config.json", "num_hidden_layers", "at most 4096 layers") {
            try changeConfig($0) { $0["num_hidden_layers"] = 16_000_000 }
        },
        .model("sizes whose product overflows", "config.json", "parameters; one of them is wrong") { folder in
            try changeConfig(folder) {
                for name in ["hidden_size", "intermediate_size", "head_dim", "vocab_size"] { $0[name] = 16_777_216 }
            }
        },
        .model("an index that leads out of its folder", "../../etc/passwd", "the name of a file beside it") { folder in
            try FileSystem.remove(folder + "/model.safetensors")
            let index: JSON = ["weight_map": ["model.norm.weight": "../../etc/passwd"]]
            try AtomicFile.write(index.text, to: folder + "/model.safetensors.index.json")
        },
        .model("a header longer than its file", "claims a header") { folder in
            try AtomicFile.write([0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0x7B], to: folder + "/model.safetensors")
        },
        .model("a pipe for weights", "is a pipe") { folder in
            try FileSystem.remove(folder + "/model.safetensors")
            mkfifo(folder + "/model.safetensors", 0o666)
        },
        Refusal("a tokenizer whose merges name no tokens", "tokenizer.json", "merges") { toy in
            let folder = try toy.textModel()
            var json = try JSON.parse(FileSystem.read(folder + "/tokenizer.json")).object ?? [:]
            var model = json["model"]?.object ?? [:]
            model["merges"] = [["never", "seen"]]
            json["model"] = .object(model)
            try AtomicFile.write(JSON.object(json).text, to: folder + "/tokenizer.json")
            return [
                "train", try toy.runFile(["model_name_or_path": .string(folder), "train_file": .string(toy.texts())]),
            ]
        },
        Refusal("an adapter of another kind", "adapter_config.json", "\"peft_type\" is \"IA3\"") { toy in
            try toy.merge(adapter: ["peft_type": "IA3"])
        },
        Refusal("an adapter with a rank that isn't its tensors'", "adapter_model.safetensors", "\"r\" is 5") { toy in
            try toy.merge(adapter: ["r": 5])
        },
        Refusal("an adapter with something that isn't understood", "adapter_config.json", "\"use_qalora\" is true") {
            toy in
            try toy.merge(adapter: ["use_qalora": true])
        },
        Refusal("an adapter of another model", "which is no matrix of the model") { toy in
            try toy.merge(model: Goldens.path("merge/gpt2/model"), adapter: [:])
        },
        Refusal("a merge into a folder that is full", "there is something already") { toy in
            var arguments = try toy.merge(adapter: [:])
            arguments[arguments.count - 1] = toy.folder.path
            return arguments
        },
    ]

    /// A run on a file of sound rows, its bytes changed.
    private static func bytes(
        _ name: String, as file: String, _ words: String..., damage: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) -> Refusal {
        Refusal(testDescription: name, words: words) { toy in
            let sound = FileSystem.join(
                FileSystem.parent(of: Goldens.folder), "../Sources/CExample/files/train.jsonl.gz")
            let path = try toy.folder.write(damage(FileSystem.read(sound)), as: file)
            return [
                "train",
                try toy.runFile(["train_file": .string(path), "model_name_or_path": .string(toy.textModel())]),
            ]
        }
    }

    private static func changeConfig(_ folder: String, _ body: (inout JSONObject) -> Void) throws {
        let path = FileSystem.join(folder, "config.json")
        guard var config = try JSON.parse(FileSystem.read(path)).object else { return }
        body(&config)
        try AtomicFile.write(JSON.object(config).prettyText, to: path)
    }
}

extension Toy {
    fileprivate func texts() throws -> String {
        try folder.write("{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n", as: "text.jsonl")
    }

    /// A merge of the golden adapter with some fields of its config changed.
    fileprivate func merge(
        model: String = Goldens.path("merge/llama/model"), adapter changes: JSONObject
    ) throws -> [String] {
        let source = Goldens.path("merge/llama/plain")
        let target = folder.file("adapter")
        try FileSystem.makeDirectories(target)
        for name in try FileSystem.list(source) { try FileSystem.copy("\(source)/\(name)", to: "\(target)/\(name)") }
        var config = try JSON.parse(FileSystem.read("\(target)/adapter_config.json")).object ?? [:]
        for (name, value) in changes.members { config[name] = value }
        try AtomicFile.write(JSON.object(config).text, to: "\(target)/adapter_config.json")
        return ["merge", "--model", model, "--adapter", target, "--output", folder.file("merged")]
    }
}
