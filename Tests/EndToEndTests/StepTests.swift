import Foundation
import Storage
import Testing

extension EndToEnd {
    /// The conditions that must not change a step: ranks, threads, micro-batches, recomputation.
    @Suite struct StepTests {
        @Test("DPO starts at ln 2, with all pairs tied and none won", arguments: Goldens.models, [nil, 2])
        func firstStep(name: String, ranks: Int?) throws {
            let toy = try Toy()
            try toy.train(["model_name_or_path": .string(Goldens.model(name)), "max_steps": 1], ranks: ranks)
            let first = try #require(try toy.steps().first)
            #expect(abs((first["loss"]?.double ?? .nan) - log(2)) < 1e-5)
            #expect(first["rewards/accuracies"]?.double == 0)
            #expect(first["ties"]?.double == 1)
            #expect(abs(first["rewards/margins"]?.double ?? .nan) < 1e-5)
        }

        @Test("MODPO starts at -log sigmoid(-sum of w dm / w0)", arguments: [nil, 2])
        func firstMODPOStep(ranks: Int?) throws {
            let toy = try Toy()
            let data = try toy.pairs(8)
            try toy.train(
                [
                    "train_file": .string(data), "loss_type": "modpo", "preference_name": "best", "max_steps": 1,
                    "global_batch_size": 8, "weights": ["best": 0.4, "helpful": 0.35, "short": 0.25],
                    "margins": ["helpful": ["column": "helpful"], "short": ["length": -1]],
                ], ranks: ranks)
            let losses = try rows(data).map { row in
                func reward(_ side: String) -> Double {
                    0.35 * Double(Float(row["scores_\(side)"]?["helpful"]?.double ?? .nan))
                        - 0.25 * Double(row["\(side)_ids"]?.array?.count ?? 0)
                }
                return log1p(exp((reward("chosen") - reward("rejected")) / 0.4))
            }
            let expected = losses.reduce(0, +) / Double(losses.count)
            let first = try #require(try toy.steps().first)
            #expect(abs((first["loss"]?.double ?? .nan) - expected) < 1e-4)
            #expect(first["rewards/accuracies"]?.double == 0 && first["ties"]?.double == 1)
            #expect(abs(expected - log(2)) > 0.01, "the margin rewards say something")
        }

        @Test(
            "reproducible: the same bits alone, on 1, 2, 3, 5 ranks, with 2 threads, and with fewer pairs than ranks",
            arguments: [3, 17])
        func ranks(batch: Int) throws {
            let settings: JSONObject = ["global_batch_size": .integer(batch), "max_steps": 8, "warmup_ratio": 0.25]
            let alone = try Toy.outcome(settings)
            #expect(alone.steps.count == 8 && alone.steps.first?["loss"] != alone.steps.last?["loss"])
            for ranks in [1, 2, 3, 5] {
                #expect(try Toy.outcome(settings, ranks: ranks) == alone, "\(ranks) ranks")
            }
            var threads = settings
            threads["threads_per_rank"] = 2
            #expect(try Toy.outcome(threads) == alone, "2 threads")
        }

        @Test("without reproducible the losses agree on 1, 2 and 5 ranks up to rounding")
        func approximateRanks() throws {
            let settings: JSONObject = ["reproducible": false, "learning_rate": 1e-3, "global_batch_size": 4]
            let losses = try [1, 2, 5].map { ranks in
                let toy = try Toy()
                try toy.train(settings, ranks: ranks)
                return try toy.losses()
            }
            for other in losses.dropFirst() {
                #expect(other.count == 4)
                for (a, b) in zip(losses[0], other) { #expect(abs(a - b) < 1e-5) }
            }
        }

        @Test("many micro-batches give the loss and the gradient of one")
        func microBatches() throws {
            func dump(_ tokens: Int, _ ranks: Int?) throws -> (toy: Toy, gradients: Tensors) {
                let toy = try Toy()
                let folder = toy.folder.file("dump")
                try toy.train(
                    [
                        "micro_batch_tokens": .integer(tokens), "debug_dump": .string(folder), "max_steps": 1,
                        "global_batch_size": 20, "ref_model_name_or_path": .string(Goldens.model("mha-sharded")),
                    ], ranks: ranks)
                return (toy, try Tensors("\(folder)/gradients-1.safetensors"))
            }
            let whole = try dump(4096, nil)
            for (tokens, ranks) in [(1, nil), (60, nil), (60, 3)] {
                let cut = try dump(tokens, ranks)
                #expect(cut.gradients.distance(from: whole.gradients) < 1e-5)
                let (a, b) = (try cut.toy.losses(), try whole.toy.losses())
                #expect(abs(a[0] - b[0]) < 1e-6)
            }
        }

        @Test("gradient_checkpointing gives the same bits")
        func recomputation() throws {
            #expect(try Toy.outcome(["gradient_checkpointing": true]) == Toy.outcome(["gradient_checkpointing": false]))
        }

        @Test("per_device_train_batch_size × gradient_accumulation_steps × ranks is a global_batch_size")
        func perDevice() throws {
            let whole = try Toy.outcome(["global_batch_size": 12])
            func cut(_ pairs: Int, _ accumulation: Int) -> JSONObject {
                [
                    "global_batch_size": .null, "per_device_train_batch_size": .integer(pairs),
                    "gradient_accumulation_steps": .integer(accumulation),
                ]
            }
            #expect(try Toy.outcome(cut(4, 3)) == whole)
            #expect(try Toy.outcome(cut(2, 3), ranks: 2) == whole)
            #expect(try Toy.outcome(cut(4, 1), ranks: 3) == whole)
        }

        @Test("eight ranks train")
        func eight() throws {
            #expect(try Toy.outcome([:], ranks: 8) == Toy.outcome([:]))
        }
    }
}
