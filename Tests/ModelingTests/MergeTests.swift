import Checkpoints
import Kernels
import ModelFiles
import Modeling
import Scratch
import Storage
import Testing

/// Merges against what PEFT makes of the same (Goldens/merge).
@Suite("Merging")
struct MergeTests {
    private static func path(_ name: String) -> String { "\(Golden.directory)/merge/\(name)" }

    private let pool = ThreadPool(count: 2)

    /// The numbers of every tensor of a folder or of a file.
    private func tensors(of path: String) throws -> [String: [Float]] {
        var tensors: [String: [Float]] = [:]
        let names = FileSystem.isDirectory(path) ? try FileSystem.list(path).map { FileSystem.join(path, $0) } : [path]
        for name in names where name.hasSuffix(".safetensors") {
            let file = try SafetensorsFile(path: name)
            for view in file.tensors {
                tensors[view.name] = (0..<view.count).map { place in
                    guard view.elementType == .bfloat16 else {
                        return view.bytes.loadUnaligned(fromByteOffset: 4 * place, as: Float.self)
                    }
                    let half = view.bytes.loadUnaligned(fromByteOffset: 2 * place, as: UInt16.self)
                    return Float(bitPattern: UInt32(half) << 16)
                }
            }
            withExtendedLifetime(file) {}
        }
        return tensors
    }

    private func adapter(_ name: String, weight: Double = 1) throws -> WeightedAdapter {
        WeightedAdapter(try AdapterDirectory(path: Self.path(name)), weight: weight)
    }

    /// The largest difference over the largest number, tensor by tensor. A head that is the embedding needn't be there.
    private func difference(_ found: [String: [Float]], _ expected: [String: [Double]]) -> Double {
        var worst = 0.0
        for (name, expected) in expected {
            guard let found = found[name] else {
                if name == "lm_head.weight" { continue }
                Issue.record("no tensor \(name)")
                continue
            }
            #expect(found.count == expected.count)
            let scale = expected.map(abs).max() ?? 1
            worst = max(worst, zip(found, expected).map { abs(Double($0) - $1) / scale }.max() ?? 0)
        }
        return worst
    }

    private func doubles(_ tensors: [String: [Float]]) -> [String: [Double]] {
        tensors.mapValues { $0.map(Double.init) }
    }

    @Test(
        "an adapter merges as PEFT merges it, within 1e-6",
        arguments: [
            "llama/plain", "llama/rslora", "llama/dora", "tied/plain", "tied/embedding", "gpt2/plain", "gpt2/dora",
        ])
    func oneAdapter(name: String) throws {
        let model = FileSystem.join(Self.path(FileSystem.parent(of: name)), "model")
        let target = try TemporaryDirectory()
        try ModelMerge(model: model, adapters: [adapter(name)], as: nil, on: pool).write(
            to: target.path, on: pool)
        let expected = doubles(try tensors(of: Self.path("\(name).safetensors")))
        #expect(try difference(tensors(of: target.path), expected) < 1e-6)
        // As the model: the same files, and the config but for what the adapter changes.
        var files = try FileSystem.list(target.path)
        #expect(files.removeFirst() == "config.json")
        #expect(try files == FileSystem.list(model).filter { $0 != "config.json" })
        let config = try ModelDirectory(path: target.path).config
        #expect(config["tie_word_embeddings"] == (name.hasPrefix("llama") || name == "tied/embedding" ? false : true))
    }

    @Test(
        "several adapters add the weighted sum of their deltas, in the model and as one adapter",
        arguments: [
            ["llama/plain", "llama/rslora"], ["llama/dora", "llama/rslora"], ["tied/plain", "tied/embedding"],
        ])
    func severalAdapters(names: [String]) throws {
        let model = FileSystem.join(Self.path(FileSystem.parent(of: names[0])), "model")
        let weights = [0.3, 1.1]
        var expected = doubles(try tensors(of: model))
        if let embedding = expected["model.embed_tokens.weight"], expected["lm_head.weight"] == nil {
            expected["lm_head.weight"] = embedding
        }
        let original = expected
        for (name, weight) in zip(names, weights) {
            for (tensor, values) in try tensors(of: Self.path("\(name).safetensors")) {
                for place in values.indices {
                    expected[tensor]![place] += weight * (Double(values[place]) - original[tensor]![place])
                }
            }
        }
        let parts = try zip(names, weights).map { try adapter($0, weight: $1) }
        let target = try TemporaryDirectory()
        try ModelMerge(model: model, adapters: parts, as: nil, on: pool).write(to: target.path, on: pool)
        #expect(try difference(tensors(of: target.path), expected) < 1e-6)

        let one = try TemporaryDirectory()
        guard !names.contains("llama/dora") else {
            #expect(throws: ModelError.self) {
                try AdapterConcatenation(model: model, adapters: parts, as: .float32, on: pool)
            }
            return
        }
        try AdapterConcatenation(model: model, adapters: parts, as: .float32, on: pool).write(
            to: one.path, on: pool)
        let combined = try AdapterDirectory(path: one.path)
        #expect(combined.config.loraRank == parts.reduce(0) { $0 + $1.directory.config.loraRank })
        #expect(combined.config.scaling == 1)
        let again = try TemporaryDirectory()
        try ModelMerge(model: model, adapters: [WeightedAdapter(combined)], as: nil, on: pool).write(
            to: again.path, on: pool)
        #expect(try difference(tensors(of: again.path), expected) < 1e-6)
    }

    @Test("checkpoints combine by their weights, whatever files they lie in")
    func checkpoints() throws {
        let merged = try TemporaryDirectory()
        try ModelMerge(
            model: Self.path("llama/model"), adapters: [adapter("llama/plain")], as: .bfloat16, on: pool
        )
        .write(to: merged.path, on: pool)
        let (one, two) = (try tensors(of: Self.path("llama/model")), try tensors(of: merged.path))
        var expected: [String: [Double]] = [:]
        for (name, values) in one {
            expected[name] = zip(values, two[name]!).map { 0.3 * Double($0) + 0.5 * Double($1) }
        }
        let parts = [(Self.path("llama/model"), 0.3), (merged.path, 0.5)]
        let target = try TemporaryDirectory()
        try ModelMerge(models: parts, as: .float32, on: pool).write(to: target.path, on: pool)
        #expect(try difference(tensors(of: target.path), expected) < 1e-7)
        do {
            _ = try ModelMerge(models: parts, as: nil, on: pool)
            Issue.record("types that differ were accepted")
        } catch {
            #expect("\(error)".contains("is stored as BF16 in it, as F32 in the other; say with --dtype"))
        }
    }

    @Test("what doesn't belong together is refused, with what differs")
    func refusals() throws {
        func refusal(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "nothing"
            } catch {
                return "\(error)"
            }
        }
        let llama = Self.path("llama/model")
        #expect(
            refusal {
                _ = try ModelMerge(
                    models: [(llama, 0.5), (Self.path("gpt2/model"), 0.5)], as: nil, on: pool)
            }
            .contains("their config.json differ in "))
        #expect(
            refusal {
                _ = try ModelMerge(
                    models: [(llama, 0.5), (Self.path("tied/model"), 0.5)], as: nil, on: pool)
            }
            .contains("tie_word_embeddings (true and false)"))
        #expect(
            refusal {
                _ = try ModelMerge(model: llama, adapters: [adapter("gpt2/plain")], as: nil, on: pool)
            }
            .contains("adapts transformer.h.0.attn.c_attn, which is no matrix of the model; it isn't an adapter of")
        )

        // Numbers that float16 can't hold.
        let large = refusal {
            let target = try TemporaryDirectory()
            try ModelMerge(
                model: llama, adapters: [adapter("llama/plain", weight: 1e6)], as: .float16, on: pool
            )
            .write(to: target.path, on: pool)
        }
        #expect(large.contains("holds numbers too large for float16; use --dtype bfloat16"))
    }
}
