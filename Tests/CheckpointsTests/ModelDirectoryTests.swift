import Checkpoints
import Scratch
import Storage
import Testing

@Suite("Model directories")
struct ModelDirectoryTests {
    /// A copy of a fixture, to be damaged.
    private func copy(of name: String) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        for file in try FileSystem.list(fixture(name)) {
            try FileSystem.copy(FileSystem.join(fixture(name), file), to: directory.file(file))
        }
        return directory
    }

    private func refusal(of path: String) -> String? {
        do throws(CheckpointError) {
            _ = try ModelDirectory(path: path)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("one file and shards give the same tensors and the same digest")
    func shardsEqualOneFile() throws {
        let single = try ModelDirectory(path: fixture("single"))
        let sharded = try ModelDirectory(path: fixture("sharded"))
        #expect(single.config["hidden_size"] == 4)
        #expect(Set(single.tensorNames) == Set(sharded.tensorNames))
        #expect(single.tensorNames.count == 9)
        for name in single.tensorNames {
            let (one, other) = (try #require(single.tensor(name)), try #require(sharded.tensor(name)))
            #expect(one.hex == other.hex)
            #expect(one.shape == other.shape)
            #expect(one.elementType == other.elementType)
        }
        #expect(single.tensor("none") == nil)
        #expect(try single.contentDigest() == sharded.contentDigest())
    }

    @Test("the digest follows every byte of the weights and the config's meaning, and nothing else")
    func digest() throws {
        let directory = try copy(of: "single")
        let digest = { try ModelDirectory(path: directory.path).contentDigest() }
        let original = try digest()
        _ = try directory.write("{\"another\": 1}", as: "tokenizer.json")
        _ = try directory.write(
            "{\"hidden_size\":4,\"num_hidden_layers\":2,\"model_type\":\"llama\",\"_name_or_path\":\"elsewhere\"}",
            as: "config.json")
        #expect(try digest() == original)
        _ = try directory.write(
            "{\"hidden_size\":4,\"num_hidden_layers\":3,\"model_type\":\"llama\"}", as: "config.json")
        #expect(try digest() != original)

        let weights = try FileSystem.read(fixture("single/model.safetensors"))
        let start = 8 + weights.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        var seen: Set<Digest.Value> = [try digest()]
        for place in start..<weights.count {
            var changed = weights
            changed[place] ^= 1
            _ = try directory.write(changed, as: "model.safetensors")
            seen.insert(try digest())
        }
        #expect(seen.count == 1 + weights.count - start)
    }

    @Test("companions are tokenizer, template and generation files, and are copied as they are")
    func companions() throws {
        let model = try ModelDirectory(path: fixture("single"))
        let expected = ["generation_config.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"]
        #expect(model.companionFiles == expected)
        let target = try TemporaryDirectory()
        try model.copyCompanionFiles(to: target.path)
        #expect(try FileSystem.list(target.path) == expected)
        #expect(try FileSystem.read(target.file("merges.txt")) == Array("a b\n".utf8))
    }

    @Test("a folder that isn't there is an error with the way to fetch a model of the hub")
    func missingFolder() throws {
        #expect(refusal(of: "/none/at/all")?.contains("/none/at/all: no such folder; check the path") == true)
        #expect(refusal(of: "org/name")?.contains("hf download org/name --local-dir org/name") == true)
        #expect(refusal(of: fixture("values.json"))?.contains("is a file; give the model's folder") == true)
    }

    @Test("a missing or broken config.json is an error with its place")
    func config() throws {
        let directory = try copy(of: "single")
        try FileSystem.remove(directory.file("config.json"))
        #expect(refusal(of: directory.path)?.contains("has no config.json; expected a Hugging Face model") == true)
        let path = try directory.write("{\"a\": 1,}", as: "config.json")
        #expect(refusal(of: directory.path) == "\(path): not valid JSON at byte 8: expected a member name in quotes")
        _ = try directory.write("[]", as: "config.json")
        #expect(refusal(of: directory.path)?.contains("a list, expected an object") == true)
    }

    @Test("weights that are missing, or only in PyTorch's format, are errors with the remedy")
    func weights() throws {
        let directory = try copy(of: "single")
        try FileSystem.remove(directory.file("model.safetensors"))
        #expect(refusal(of: directory.path)?.contains("has neither model.safetensors nor") == true)
        _ = try directory.write("x", as: "pytorch_model.bin")
        let text = refusal(of: directory.path)
        #expect(text?.contains("from transformers import AutoModelForCausalLM") == true)
        #expect(text?.contains("M.from_pretrained('\(directory.path)')") == true)
    }

    @Test("an index that doesn't fit its shards is refused")
    func index() throws {
        let directory = try copy(of: "sharded")
        let path = directory.file("model.safetensors.index.json")
        let original = try JSON.parse(FileSystem.read(path))
        let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        func refusal(changing name: String, to shard: JSON?) throws -> String? {
            var map = try #require(original["weight_map"]?.object)
            map[name] = shard
            _ = try directory.write(JSON.object(["weight_map": .object(map)]).text, as: "model.safetensors.index.json")
            let text = self.refusal(of: directory.path)
            #expect(text == nil || text!.hasPrefix(path))
            return text
        }
        #expect(try refusal(changing: "other", to: nil) == nil)
        for shard in ["../model.safetensors", "/etc/passwd", "a/b", "", ".", "..", "a\u{0}b"] {
            #expect(try refusal(changing: "mask", to: .string(shard))?.contains("the name of a file beside") == true)
        }
        #expect(try refusal(changing: "mask", to: 1)?.contains("is said to be in 1") == true)
        #expect(try refusal(changing: "mask", to: "none")?.contains("the shard none (for tensor \"mask\")") == true)
        #expect(try refusal(changing: "other", to: .string(shards[0]))?.contains("isn't in \(shards[0])") == true)
        #expect(try refusal(changing: "mask", to: nil)?.contains("which the index doesn't list") == true)
        _ = try directory.write("{}", as: "model.safetensors.index.json")
        #expect(self.refusal(of: directory.path)?.contains("has no \"weight_map\" object") == true)
    }
}
