import Checkpoints
import Scratch
import Storage
import Testing

@Suite("What a folder is") struct FolderKindTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// A folder that holds such files.
    private func kind(_ files: [String: String], at name: String = "it") throws -> (kind: FolderKind, path: String) {
        let path = folder.file(name)
        try FileSystem.makeDirectories(path)
        for (file, text) in files { _ = try folder.write(text, as: "\(name)/\(file)") }
        return (FolderKind(path), path)
    }

    private func checkpoint(_ name: String, in path: String, _ files: [String]) throws {
        try CheckpointFolder(path: path).write(name: name) { directory in
            for file in files { try AtomicFile.write("{}", to: FileSystem.join(directory, file)) }
            return Checksums()
        }
    }

    @Test("an adapter is to be merged, with its base named") func adapter() throws {
        let config = #"{"peft_type": "LORA", "base_model_name_or_path": "models/base", "r": 8, "lora_alpha": 16}"#
        let (kind, path) = try kind(["adapter_config.json": config, "adapter_model.safetensors": ""])
        #expect(kind == .adapter(base: "models/base"))
        #expect(kind.remedy(forModel: path).contains("merge --model models/base --adapter \(path) --output DIR"))
        #expect(kind.remedy(forResuming: path).contains("model_name_or_path: \(path)"))
    }

    @Test("a run's folder points to its final model, or to its newest checkpoint") func run() throws {
        let path = try kind(["run.yaml": "seed: 1"], at: "run").path
        for step in [2, 10] { try checkpoint("checkpoint-\(step)", in: path, ["config.json", "trainer_state.json"]) }
        // Of another program; newer, and not to be gone on from.
        _ = try folder.write("{}", as: "run/checkpoint-50/config.json")
        let running = FolderKind(path)
        #expect(running == .run(final: nil, newest: "\(path)/checkpoint-10"))
        #expect(running.remedy(forModel: path) == "it hasn't ended yet; give \(path)/checkpoint-10")
        #expect(running.remedy(forResuming: path).contains("\(path)/checkpoint-10"))
        try checkpoint("final", in: path, ["config.json"])
        #expect(FolderKind(path).remedy(forModel: path) == "give its trained model, \(path)/final")
        #expect(FolderKind("\(path)/final") == .final && FolderKind("\(path)/checkpoint-2") == .checkpoint)
        #expect(FolderKind("\(path)/checkpoint-50") == .model)
        #expect(
            FolderKind("\(path)/final").remedy(forResuming: "\(path)/final").contains(
                "model_name_or_path: \(path)/final"))
        let fresh = try kind(["run.yaml": "", "metrics.jsonl": ""], at: "fresh")
        #expect(fresh.kind.remedy(forModel: fresh.path) == "nothing is saved in it yet")
    }

    @Test(
        "checkpoints of other programs are named by the program",
        arguments: [
            ("trainer_state.json", "transformers' Trainer"), ("optimizer.pt", "transformers' Trainer"),
            ("zero_to_fp32.py", "DeepSpeed"), ("global_step500/mp_rank_00_model_states.pt", "DeepSpeed"),
            ("pytorch_model_fsdp_0/x", "FSDP"),
        ])
    func foreign(file: String, program: String) throws {
        let (kind, path) = try kind([file: "{}", "config.json": "{}"])
        #expect(kind == .foreignCheckpoint(of: program))
        #expect(kind.words == "is a checkpoint of another program (\(program))")
        #expect(kind.remedy(forResuming: path).hasSuffix("model_name_or_path: \(path)"))
    }

    @Test("folders around a model, and of other formats, say where it is or what to give") func others() throws {
        let cache = try kind(["snapshots/abc/config.json": "{}", "refs/main": "abc"], at: "models--a--b")
        #expect(cache.kind.remedy(forModel: cache.path) == "give \(cache.path)/snapshots/abc")
        let trainer = try kind(["checkpoint-9/optimizer.pt": "", "checkpoint-100/optimizer.pt": ""], at: "trainer")
        #expect(trainer.kind == .foreignRun(newest: "\(trainer.path)/checkpoint-100"))
        #expect(try kind(["inner/config.json": "{}"], at: "outer").kind == .parent(of: folder.file("outer/inner")))
        #expect(try kind(["m.Q4_K.gguf": ""], at: "gguf").kind == .otherFormat("GGUF"))
        #expect(
            try kind(["consolidated.00.pth": "", "params.json": ""], at: "meta").kind
                == .otherFormat("Meta's own format"))
        #expect(try kind(["tokenizer.json": "{}"], at: "tokens").kind == .tokenizerOnly)
        #expect(try kind([:], at: "empty").kind == .empty)
        #expect(try kind(["notes.txt": ""], at: "notes").kind == .unknown)
        #expect(try kind(["config.json": "{}"], at: "model").kind == .model)
        // checksums.json of somebody else makes it nobody's checkpoint of ours.
        #expect(
            try kind(["checksums.json": "{}", "optimizer.pt": ""], at: "alike").kind
                == .foreignCheckpoint(of: "transformers' Trainer"))
    }
}
