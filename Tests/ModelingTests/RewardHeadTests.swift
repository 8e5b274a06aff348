import Checkpoints
import Kernels
import Modeling
import Scratch
import Storage
import Testing

/// Rewards and gradients of the families under a reward model's head against float64 transformers, for what
/// `Tests/Goldens/make_reward_goldens.py` made.
@Suite struct RewardHeadTests {
    /// A family's checkpoint with the golden head in place of its own.
    private struct Case {
        let model: GoldenModel
        let golden: SafetensorsFile
        let sequences: [PackedSequence]

        init(_ name: String, padding: Int32? = nil) throws {
            let family = try FamilyTests.Case(name)
            let golden = try SafetensorsFile(path: "\(Golden.directory)/families/\(name)/reward.safetensors")
            model = try GoldenModel(
                path: "\(Golden.directory)/families/\(name)/model", threads: 2, rewarding: .some(padding))
            let head = try #require(model.weights.table.parameters.last)
            let score = try #require(golden["score.weight"])
            #expect(head.name == "score.weight" && head.shape == score.shape)
            for (place, value) in zip(head.range, score.bytes.bindMemory(to: Float.self)) {
                model.weights.values[place] = value
            }
            self.golden = golden
            sequences = family.sequences
        }

        func reward(row: Int, response: Int) throws -> Double {
            let tensor = try #require(golden["rewards"])
            return tensor.bytes.loadUnaligned(fromByteOffset: 8 * (2 * row + response), as: Double.self)
        }
    }

    @Test("rewards equal transformers' within 1e-4, packed together or alone", arguments: FamilyTests.names)
    func rewards(name: String) throws {
        let test = try Case(name)
        for batches in [[test.sequences], test.sequences.map { [$0] }] {
            for (row, responses) in try batches.flatMap({ try test.model.score($0) }).enumerated() {
                for (response, rewards) in responses.enumerated() {
                    #expect(rewards.count == 1)
                    #expect(try abs(Double(rewards[0]) - test.reward(row: row, response: response)) < 1e-4)
                }
            }
        }
    }

    @Test("gradients equal transformers' within 2e-4 relative, kept or recomputed", arguments: FamilyTests.names)
    func gradients(name: String) throws {
        let test = try Case(name)
        for recompute in [false, true] {
            let ours = try test.model.gradients(
                test.sequences, recompute: recompute, derivative: FamilyTests.Case.derivative)
            var compared = 0
            for parameter in test.model.weights.table.parameters {
                guard let tensor = test.golden["gradient." + parameter.name], parameter.layout == .same else { continue }
                let theirs = tensor.bytes.bindMemory(to: Float.self)
                let scale = theirs.map { abs($0) }.max() ?? 0
                let worst = zip(ours[parameter.range], theirs).map { abs($0 - $1) }.max() ?? 0
                #expect(worst <= 2e-4 * scale + 1e-7, "\(parameter.name)")
                compared += 1
            }
            #expect(compared > 1)
        }
    }

    @Test("the reward's gradient equals central differences")
    func differences() throws {
        let test = try Case("qwen3")
        let weights = test.model.weights
        let gradients = try test.model.gradients(
            test.sequences, recompute: false, derivative: FamilyTests.Case.derivative)
        func total() throws -> Double {
            var sum = 0.0
            for (row, responses) in try test.model.score(test.sequences).enumerated() {
                for (place, rewards) in responses.enumerated() {
                    sum += FamilyTests.Case.derivative(row, place) * Double(rewards[0])
                }
            }
            return sum
        }
        for parameter in weights.table.parameters where parameter.range.count > 3 {
            let place = parameter.range.lowerBound + parameter.range.count / 3
            let (value, step) = (weights.values[place], Float(0x1p-7))
            weights.values[place] = value + step
            let above = try total()
            weights.values[place] = value - step
            let below = try total()
            weights.values[place] = value
            let slope = (above - below) / Double(2 * step)
            #expect(abs(slope - Double(gradients[place])) < 5e-3 * max(1, abs(slope)), "\(parameter.name)")
        }
    }

    @Test("padding behind a response changes nothing, and other tokens do")
    func padding() throws {
        let test = try Case("qwen3", padding: 2)
        let plain = PackedSequence(prompt: [3, 4, 5], responses: [.init(tokens: [7, 2, 8]), .init(tokens: [9])])
        var padded = plain
        padded.responses[0].tokens += [2, 2]
        padded.responses[1].tokens += [2]
        #expect(try test.model.score([padded]) == test.model.score([plain]))
        padded.responses[1].tokens += [3]
        #expect(try test.model.score([padded])[0][1] != test.model.score([plain])[0][1])
    }

    @Test("a response of nothing but padding has the reward of its prompt")
    func onlyPadding() throws {
        let test = try Case("gpt2", padding: 2)
        let whole = PackedSequence(prompt: [3, 4], responses: [.init(tokens: [5])])
        let split = PackedSequence(prompt: [3, 4, 5], responses: [.init(tokens: [2, 2])])
        #expect(try test.model.score([whole]) == test.model.score([split]))
    }

    @Test("a language model that becomes a reward model is saved with the class, one label and the head")
    func saving() throws {
        let test = try Case("gpt2", padding: 2)
        let folder = try TemporaryDirectory()
        let source = try ModelDirectory(path: "\(Golden.directory)/families/gpt2/model")
        try saveModel(test.model.weights, like: source, to: folder.path, as: .float32)
        let saved = try ModelDirectory(path: folder.path)
        #expect(saved.config["architectures"] == ["GPT2ForSequenceClassification"])
        #expect(saved.config["id2label"] == ["0": "LABEL_0"] && saved.config["pad_token_id"] == 2)
        #expect(saved.tensorNames.contains("score.weight") && !saved.tensorNames.contains("lm_head.weight"))
        let read = try GoldenModel(path: folder.path, threads: 1)
        #expect(read.architecture.output == .reward(padding: 2))
        #expect(try read.score(test.sequences) == test.model.score(test.sequences))
    }

    @Test(
        "a classifier has one label, by its count or by their names",
        arguments: [
            ("", "2 labels of Qwen3ForSequenceClassification"), (#""num_labels": 1,"#, nil),
            (#""id2label": {"0": "good"},"#, nil), (#""num_labels": 1, "id2label": {"0": "good"},"#, nil),
            (#""num_labels": 3,"#, "3 labels of Qwen3ForSequenceClassification"),
            (#""num_labels": 1, "id2label": {"0": "bad", "1": "good"},"#, "num_labels is 1, but id2label names 2 labels"),
        ] as [(String, String?)])
    func labels(fields: String, complaint: String?) throws {
        let config = String(
            decoding: try FileSystem.read("\(Golden.directory)/families/qwen3/model/config.json"), as: UTF8.self)
        let changed = config.replacing("Qwen3ForCausalLM", with: "Qwen3ForSequenceClassification")
        #expect(changed != config)
        let read = { try Architecture(config: JSON.parse(Array("{\(fields)\(changed.dropFirst())".utf8)), file: "config.json") }
        if let complaint {
            let error = #expect(throws: ModelError.self) { try read() }
            #expect(error?.description.contains(complaint) == true, "\(String(describing: error))")
        } else {
            #expect(try read().output != .logits)
        }
    }
}
