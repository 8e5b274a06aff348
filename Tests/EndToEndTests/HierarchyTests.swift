import Foundation
import Glibc
import Storage
import Testing

extension EndToEnd {
    /// Ranks inside nodes and between them, one machine cut into several.
    @Suite struct HierarchyTests {
        /// Runs something while so many ranks count as a node.
        private func onNodes<Value>(of ranks: Int, _ body: () throws -> Value) rethrows -> Value {
            setenv("PREFOPT_RANKS_PER_NODE", "\(ranks)", 1)
            defer { unsetenv("PREFOPT_RANKS_PER_NODE") }
            return try body()
        }

        @Test("reproducible: the same bits on one node, on nodes of one rank, on even and uneven ones")
        func exactSums() throws {
            let settings: JSONObject = ["max_steps": 3]
            let alone = try Toy.outcome(settings)
            for (ranks, node) in [(3, 1), (4, 2), (5, 2), (5, 3)] {
                let outcome = try onNodes(of: node) { try Toy.outcome(settings, ranks: ranks) }
                #expect(outcome == alone, "\(ranks) ranks, \(node) a node")
            }
        }

        @Test("bfloat16 between nodes changes losses by rounding only, and nothing on one node")
        func bfloat16() throws {
            func losses(_ format: String, node: Int) throws -> [Double] {
                let toy = try Toy()
                try onNodes(of: node) {
                    _ = try toy.train(
                        [
                            "gradient_dtype": .string(format), "reproducible": false, "learning_rate": 1e-3,
                            "max_steps": 6,
                        ],
                        ranks: 4)
                }
                return try toy.losses()
            }
            let whole = try losses("float32", node: 2)
            let rounded = try losses("bfloat16", node: 2)
            #expect(whole.count == 6 && whole != rounded)
            for (a, b) in zip(whole, rounded) { #expect(abs(a - b) < 1e-3) }
            #expect(try losses("float32", node: 4) == losses("bfloat16", node: 4))
        }

        @Test(
            "scaling takes the same steps on 1, 2 and 3 ranks, writes JSON and a picture, and finds no difference of exact sums"
        )
        func scaling() throws {
            let toy = try Toy()
            let folder = toy.folder.file("scaling")
            let ending = try Program.run(
                ["scaling", try toy.runFile(["max_steps": nil]), "--steps", "2", "--output", folder], ranks: 3)
            #expect(ending.status == 0, "\(ending.errors)")
            #expect(lines(of: ending.output).count == 5)
            let report = try JSON.parse(FileSystem.read(FileSystem.join(folder, "scaling.json")))
            let trials = report["trials"]?.array ?? []
            #expect(trials.map { $0["ranks"]?.integer } == [1, 2, 3])
            #expect(
                trials.allSatisfy { $0["largest_loss_difference"]?.double == 0 && numbers($0["losses"]).count == 3 })
            #expect(trials.first?["reduced_bytes"]?.integer == 0)
            #expect(try text(FileSystem.join(folder, "scaling.svg")).hasSuffix("</svg>\n"))
        }

        @Test("scaling cuts a step into more and more micro-batches, and its losses are those of training")
        func accumulation() throws {
            let toy = try Toy()
            let folder = toy.folder.file("scaling")
            let settings: JSONObject = ["reproducible": false, "max_steps": 3, "micro_batch_tokens": 4096]
            let ending = try Program.run(
                ["scaling", try toy.runFile(settings), "--steps", "2", "--output", folder], ranks: 2)
            #expect(ending.status == 0, "\(ending.errors)")
            let report = try JSON.parse(FileSystem.read(FileSystem.join(folder, "scaling.json")))
            let trials = report["trials"]?.array ?? []
            let alone = trials.filter { $0["ranks"]?.integer == 1 }.compactMap { $0["gradient_accumulation"]?.integer }
            #expect(alone.count > 1 && alone.first == 1 && alone == alone.sorted())
            try toy.train(settings)
            for trial in trials {
                for (a, b) in zip(numbers(trial["losses"]), try toy.losses()) { #expect(abs(a - b) < 1e-5) }
            }
        }
    }
}
