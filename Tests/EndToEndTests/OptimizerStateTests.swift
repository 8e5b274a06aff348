import Foundation
import Scratch
import Storage
import Testing

extension EndToEnd {
    /// The optimizer's state: in eight bits, in shares of the ranks, in checkpoints.
    @Suite struct OptimizerStateTests {
        /// A model with matrices of 4,096 elements and more, some smaller, few of them multiples of 256: eight-bit blocks of
        /// all kinds, and shares for several ranks.
        static func model(_ toy: Toy) throws -> String {
            let shape: JSON = [
                "model_type": "llama", "hidden_size": 72, "intermediate_size": 101, "num_hidden_layers": 3,
                "num_attention_heads": 6, "num_key_value_heads": 3, "vocab_size": 97, "max_position_embeddings": 128,
                "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": false, "eos_token_id": 1,
                "bos_token_id": 0,
            ]
            let config = try toy.folder.write(shape.prettyText, as: "shape/config.json")
            let ending = try Program.run([
                "init", "--config", config, "--output", toy.folder.file("model"), "--seed", "7",
            ])
            #expect(ending.status == 0, "\(ending.errors)")
            return toy.folder.file("model")
        }

        /// Every file of a run's checkpoint, by its name. The paths of the run are in none of them but the state.
        private static func files(_ toy: Toy, _ checkpoint: String) throws -> [String: [UInt8]] {
            var files: [String: [UInt8]] = [:]
            for name in try FileSystem.list(toy.output(checkpoint)) where name != "checksums.json" {
                files[name] = try FileSystem.read(toy.output("\(checkpoint)/\(name)"))
            }
            return files
        }

        static let optimizers = ["adamw", "adamw_8bit", "rmsprop", "sgd"]

        @Test(
            "zero_stage 1: the bits and the checkpoints of zero_stage 0, on 1, 2, 3 and 5 ranks", arguments: optimizers)
        func sharded(optimizer: String) throws {
            func run(_ stage: Int, _ ranks: Int?) throws -> (Outcome, [String: [UInt8]]) {
                let toy = try Toy()
                try toy.train(
                    [
                        "model_name_or_path": .string(try OptimizerStateTests.model(toy)), "optim": .string(optimizer),
                        "zero_stage": .integer(stage), "weight_decay": 0.1, "max_grad_norm": 0.5, "max_steps": 6,
                        "save_steps": 3, "save_dtype": "bfloat16", "learning_rate": 1e-3,
                    ], ranks: ranks)
                var files = try OptimizerStateTests.files(toy, "checkpoint-3")
                files["trainer_state.json"] = nil
                return (try toy.outcome(), files)
            }
            let whole = try run(0, nil)
            #expect(whole.1.keys.contains("optimizer.safetensors") && whole.1.keys.contains("weights.safetensors"))
            for ranks in [nil, 1, 2, 3, 5] {
                let shared = try run(1, ranks)
                #expect(shared.0 == whole.0, "\(ranks ?? 0) ranks")
                #expect(shared.1 == whole.1, "\(ranks ?? 0) ranks")
            }
        }

        @Test("zero_stage 1 without reproducible: the losses of zero_stage 0 up to rounding")
        func approximate() throws {
            let losses = try [0, 1].map { stage in
                let toy = try Toy()
                try toy.train(
                    ["reproducible": false, "zero_stage": .integer(stage), "learning_rate": 1e-3, "max_steps": 6],
                    ranks: 3)
                return try toy.losses()
            }
            #expect(losses[0].count == 6)
            for (a, b) in zip(losses[0], losses[1]) { #expect(abs(a - b) < 1e-5) }
        }

        @Test("zero_stage 1 dumps the whole gradient", arguments: [true, false])
        func dump(reproducible: Bool) throws {
            let dumps = try [0, 1].map { stage in
                let toy = try Toy()
                let folder = toy.folder.file("dump")
                try toy.train(
                    [
                        "reproducible": .bool(reproducible), "zero_stage": .integer(stage),
                        "debug_dump": .string(folder),
                        "max_steps": 3, "learning_rate": 1e-3,
                    ], ranks: 3)
                return (toy, try Tensors("\(folder)/gradients-3.safetensors"))
            }
            #expect(dumps[1].1.distance(from: dumps[0].1) <= (reproducible ? 0 : 1e-5))
        }

        @Test(
            "going on on other ranks, with another zero_stage and from 16-bit weights gives the same bits",
            arguments: ["adamw", "adamw_8bit"])
        func resumed(optimizer: String) throws {
            let toy = try Toy()
            var settings: JSONObject = [
                "model_name_or_path": .string(try OptimizerStateTests.model(toy)), "optim": .string(optimizer),
                "max_steps": 9, "save_steps": 3, "save_dtype": "bfloat16", "learning_rate": 1e-3, "weight_decay": 0.1,
            ]
            try toy.train(settings)
            let whole = try toy.outcome()
            for (start, ranks, stage) in [(3, 3, 1), (6, 2, 0), (3, 2, 1), (6, 1, 1)] {
                settings["zero_stage"] = .integer(stage)
                let ending = try toy.train(settings, ranks: ranks, resume: toy.output("checkpoint-\(start)"))
                #expect(ending.says("going on after step \(start)"))
                #expect(try toy.outcome() == whole, "from step \(start) on \(ranks) ranks, zero_stage \(stage)")
            }
        }

        @Test("adamw_8bit learns what adamw learns, with less of the optimizer's memory")
        func eightBits() throws {
            let toys = try ["adamw", "adamw_8bit", "paged_adamw_8bit", "adamw_bnb_8bit"].map { name in
                let toy = try Toy()
                let ending = try toy.train([
                    "model_name_or_path": .string(try OptimizerStateTests.model(toy)), "optim": .string(name),
                    "max_steps": 30, "learning_rate": 1e-3, "global_batch_size": 20,
                ])
                #expect(ending.says(name == "adamw" ? "optimizer: adamw," : "optimizer: adamw_8bit,"))
                return toy
            }
            let losses = try toys.map { try $0.losses() }
            #expect(losses[1] == losses[2] && losses[1] == losses[3])
            #expect(losses[0] != losses[1])
            #expect((losses[0].last ?? 1) < 0.5)
            for (a, b) in zip(losses[0], losses[1]) { #expect(abs(a - b) < 0.02) }
            func size(_ toy: Toy) throws -> Int {
                try FileSystem.size(of: toy.output("checkpoint-30/optimizer.safetensors"))
            }
            #expect(try Double(size(toys[1])) < 0.5 * Double(size(toys[0])))
        }
    }
}
