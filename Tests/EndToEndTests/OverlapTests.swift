import Glibc
import Storage
import Testing

extension EndToEnd {
    /// Gradients that are summed over ranks while the backward pass still goes on.
    @Suite struct OverlapTests {
        /// The result of a run of these settings where so many ranks count as a node, and whether it overlapped.
        private func outcome(
            _ settings: JSONObject, ranks: Int?, node: Int = 1, weights: String = "final/model.safetensors"
        ) throws -> (weights: [UInt8], losses: [Double], overlaps: Bool) {
            setenv("PREFOPT_RANKS_PER_NODE", "\(node)", 1)
            defer { unsetenv("PREFOPT_RANKS_PER_NODE") }
            let toy = try Toy()
            let ending = try toy.train(settings, ranks: ranks)
            return (
                try FileSystem.read(toy.output(weights)), try toy.losses(),
                ending.says("while the backward pass goes on")
            )
        }

        private static let kinds: [(name: String, settings: JSONObject)] = [
            ("all weights", ["max_steps": 3]),
            ("recomputation", ["max_steps": 3, "gradient_checkpointing": true]),
            ("less work than ranks", ["max_steps": 3, "global_batch_size": 2, "micro_batch_tokens": 4096]),
            (
                "adapters",
                [
                    "max_steps": 3, "use_peft": true, "lora_r": 16, "lora_alpha": 16, "lora_dropout": 0.1, "disable_dropout": false,
                    "lora_target_modules": "all-linear",
                ]
            ),
        ]

        @Test("reproducible: the same bits as without overlap, and as one rank's", arguments: kinds.map(\.name))
        func exactSums(kind: String) throws {
            var settings = try #require(Self.kinds.first { $0.name == kind }).settings
            let weights = kind == "adapters" ? "final/adapter_model.safetensors" : "final/model.safetensors"
            let alone = try outcome(settings, ranks: nil, weights: weights)
            for (ranks, node) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
                for overlaps in [true, false] {
                    settings["overlap_comm"] = .bool(overlaps)
                    let outcome = try outcome(settings, ranks: ranks, node: node, weights: weights)
                    #expect(outcome.overlaps == (overlaps && ranks > 1))
                    #expect(
                        outcome.weights == alone.weights && outcome.losses == alone.losses,
                        "\(ranks) ranks, \(node) a node, overlap \(overlaps)")
                }
            }
        }

        @Test("float32 and bfloat16: other roundings only, on several nodes and on one")
        func rounded() throws {
            for (format, limit) in [("float32", 1e-5), ("bfloat16", 1e-3)] {
                for (ranks, node) in [(3, 1), (3, 3), (5, 2)] {
                    var settings: JSONObject = [
                        "reproducible": false, "gradient_dtype": .string(format), "learning_rate": 1e-3, "max_steps": 6,
                        "overlap_comm": false,
                    ]
                    let blocking = try outcome(settings, ranks: ranks, node: node)
                    settings["overlap_comm"] = true
                    let overlapping = try outcome(settings, ranks: ranks, node: node)
                    #expect(overlapping.overlaps && !blocking.overlaps, "\(format), \(ranks) ranks, \(node) a node")
                    #expect(overlapping.losses.count == 6)
                    for (a, b) in zip(blocking.losses, overlapping.losses) { #expect(abs(a - b) < limit) }
                }
            }
        }

        @Test("without the key it is on for several nodes, off for one and for shares of the optimizer")
        func standard() throws {
            let settings: JSONObject = ["max_steps": 1]
            #expect(try outcome(settings, ranks: 3, node: 1).overlaps)
            #expect(try !outcome(settings, ranks: 3, node: 3).overlaps)
            #expect(try !outcome(["max_steps": 1, "zero_stage": 1], ranks: 3, node: 1).overlaps)
        }
    }
}
