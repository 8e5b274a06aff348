import Checkpoints
import Modeling
import Scratch
import Storage
import Testing

/// Files of models and adapters, distorted.
@Suite("Hostile model files")
struct ModelFileStormTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func copy(_ source: String) throws {
        for name in try FileSystem.list(source) {
            try FileSystem.copy(FileSystem.join(source, name), to: folder.file(name))
        }
    }

    /// The header and what follows it.
    private func split(_ file: [UInt8]) throws -> (JSON, [UInt8]) {
        let length = file.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        return (try JSON.parse(Array(file[8..<8 + length])), Array(file[(8 + length)...]))
    }

    private func joined(_ header: JSON, _ content: [UInt8]) -> [UInt8] {
        let text = header.bytes
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text + content
    }

    @Test("a safetensors header that lies is refused, or lies about nothing that matters")
    func safetensors() throws {
        let (header, content) = try split(
            FileSystem.read(Storm.fixture("CheckpointsTests/Fixtures/single/model.safetensors")))
        let refused = try Storm.run("safetensors", seed: 11, cases: 3000) { generator in
            joined(Distortion.of(header, with: &generator), content)
        } read: { bytes in
            let file = try SafetensorsFile(path: folder.write(bytes, as: "a.safetensors"))
            // Whatever was taken is all there, once, and of its own size.
            #expect(file.tensors.reduce(0) { $0 + $1.bytes.count } == content.count)
            for view in file.tensors { #expect(view.shape.reduce(view.elementType.size, *) == view.bytes.count) }
        }
        #expect(refused > 2000)
    }

    @Test("an index of shards that lies is refused and never leads out of its folder")
    func index() throws {
        try copy(Storm.fixture("CheckpointsTests/Fixtures/sharded"))
        let index = try JSON.parse(FileSystem.read(folder.file("model.safetensors.index.json")))
        let refused = try Storm.run("index", seed: 12, cases: 1000) { generator in
            Distortion.of(index, with: &generator).bytes
        } read: { bytes in
            _ = try folder.write(bytes, as: "model.safetensors.index.json")
            // Whole shards may be left out of it: the model then lacks tensors, which is told when they are asked for.
            #expect(1...9 ~= (try ModelDirectory(path: folder.path).tensorNames.count))
        }
        #expect(refused > 500)
    }

    @Test("a config.json with absurd sizes, types or fields is refused, or describes a model that can be counted")
    func config() throws {
        let families = Storm.fixture("Goldens/families")
        var configs: [JSON] = []
        for name in try FileSystem.list(families) {
            let path = FileSystem.join(FileSystem.join(families, name), "config.json")
            if FileSystem.exists(path) { configs.append(try JSON.parse(FileSystem.read(path))) }
        }
        configs.append(try JSON.parse(FileSystem.read(Storm.fixture("Goldens/merge/gpt2/model/config.json"))))
        try Storm.run("config", seed: 13, cases: 4000) { generator in
            Distortion.of(configs.randomElement(using: &generator)!, with: &generator).bytes
        } read: { bytes in
            let architecture = try Architecture(config: JSON.parse(bytes), file: "config.json")
            // A table of many layers takes long to make, but its size is known before.
            if architecture.layers < 64 { #expect(ParameterTable(architecture).count > 0) }
        }
    }

    @Test("sizes that no model has are refused before anything is made of them")
    func absurdSizes() throws {
        let config = try #require(
            JSON.parse(FileSystem.read(Storm.fixture("Goldens/merge/llama/model/config.json"))).object)
        for (changes, words) in [
            (["num_hidden_layers": 16_000_000], "at most 4096 layers"),
            (
                ["hidden_size": 16_777_216, "intermediate_size": 16_777_216, "head_dim": 16_777_216],
                "parameters; one of"
            ),
            (["vocab_size": 16_777_216, "hidden_size": 16_777_216], "parameters; one of"),
            (["hidden_size": -8], "expected a positive whole number"),
            (["num_attention_heads": 0], "expected a positive whole number"),
            (["hidden_size": .number(1e300)], "expected a positive whole number"),
        ] as [(JSONObject, String)] {
            var config = config
            for (name, value) in changes.members { config[name] = value }
            let error = #expect(throws: ModelError.self) {
                try Architecture(config: .object(config), file: "config.json")
            }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
    }

    @Test("a distorted adapter config is refused, or means an adapter that its tensors fit")
    func adapterConfig() throws {
        for (number, name) in ["adapter-dora", "adapter-plain", "adapter-layers"].enumerated() {
            let source = Storm.fixture("CheckpointsTests/Fixtures/\(name)")
            try copy(source)
            let config = try JSON.parse(FileSystem.read(FileSystem.join(source, "adapter_config.json")))
            try Storm.run(name, seed: UInt64(20 + number), cases: 300) { generator in
                Distortion.of(config, with: &generator).bytes
            } read: { bytes in
                _ = try folder.write(bytes, as: "adapter_config.json")
                let adapter = try AdapterDirectory(path: folder.path)
                for module in adapter.modules {
                    #expect(
                        module.a.shape[0] == adapter.config.loraRank && module.b.shape[1] == adapter.config.loraRank)
                    #expect(adapter.config.scaling.isFinite)
                }
            }
        }
    }

    @Test("an adapter whose tensors are renamed or reshaped is refused, or is still one")
    func adapterTensors() throws {
        try copy(Storm.fixture("CheckpointsTests/Fixtures/adapter-dora"))
        let (header, content) = try split(FileSystem.read(folder.file("adapter_model.safetensors")))
        let parts = ["lora_A", "lora_B", "default", "weight", "lora_magnitude_vector", "base_layer", "base_model", ""]
        let refused = try Storm.run("adapter tensors", seed: 30, cases: 700) { generator in
            var renamed: JSONObject = [:]
            let victim = header.object?.names.randomElement(using: &generator)
            for (name, value) in header.object?.members ?? [] {
                var pieces = name.split(separator: ".").map(String.init)
                if name == victim {
                    pieces[Int.random(in: 0..<pieces.count, using: &generator)] = parts.randomElement(
                        using: &generator)!
                }
                renamed[pieces.joined(separator: ".")] = value
            }
            return joined(
                Bool.random(using: &generator) ? .object(renamed) : Distortion.of(header, with: &generator), content)
        } read: { bytes in
            _ = try folder.write(bytes, as: "adapter_model.safetensors")
            let adapter = try AdapterDirectory(path: folder.path)
            for module in adapter.modules { #expect(module.magnitude?.shape == [module.b.shape[0]]) }
        }
        #expect(refused > 400)
    }

    @Test("checksums that are distorted never vouch for a folder that isn't what was written")
    func checksums() throws {
        let checkpoints = CheckpointFolder(path: folder.path)
        try checkpoints.write(name: "checkpoint-1") { directory in
            try AtomicFile.write("sound", to: FileSystem.join(directory, "a"))
            try AtomicFile.write("and well", to: FileSystem.join(directory, "b"))
            return Checksums()
        }
        let path = FileSystem.join(checkpoints.path(of: "checkpoint-1"), "checksums.json")
        let sums = try JSON.parse(FileSystem.read(path))
        _ = try folder.write("changed!", as: "checkpoint-1/b")
        try Storm.run("checksums", seed: 31, cases: 300) { generator in
            Distortion.of(sums, with: &generator).bytes
        } read: { bytes in
            _ = try folder.write(bytes, as: "checkpoint-1/checksums.json")
            try checkpoints.verify(checkpoints.path(of: "checkpoint-1"))
            // Only a list that leaves the changed file out can be taken.
            #expect(try JSON.parse(bytes)["files"]?["b"] == nil)
        }
    }
}
