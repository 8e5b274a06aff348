import Foundation
import Glibc
import Scratch
import Storage
import Testing

extension EndToEnd {
    /// Many runs of one job are the runs alone.
    @Suite struct SweepTests {
        /// Two values of β with two seeds each, and a run that diverges.
        private static let runs = """
            runs: [{beta: 0.1}, {beta: 0.5}, {learning_rate: 1e30}]
            seeds: [1, 2]

            """

        private func sweepFile(_ toy: Toy, _ settings: JSONObject = [:], runs: String = runs) throws -> String {
            let base = try toy.runFile(settings)
            return try toy.folder.write(
                "base: \(FileSystem.name(of: base))\noutput_dir: \(toy.output)\n" + runs, as: "sweep.yaml")
        }

        private func rows(of toy: Toy) throws -> [JSON] { try rows(toy.output("sweep.jsonl")) }

        private func rows(_ path: String) throws -> [JSON] { try lines(of: text(path)).map { try JSON.parse(Array($0.utf8)) } }

        private func weights(_ toy: Toy, _ run: String) throws -> [UInt8] {
            try FileSystem.read(toy.output("\(run)/final/model.safetensors"))
        }

        @Test(
            "On groups of any number of ranks and nodes the runs are those trained alone, bit for bit; a diverging one is a row",
            .timeLimit(.minutes(2)))
        func groups() throws {
            let alone = try Toy.outcome(["beta": 0.5, "seed": 2])
            for (ranks, options, variables) in [
                (nil, [], [:]), (2, [], [:]), (4, ["--groups", "2"], ["PREFOPT_RANKS_PER_NODE": "2"]),
            ] as [(Int?, [String], [String: String])] {
                let toy = try Toy()
                let ending = try Program.run(
                    ["sweep", try sweepFile(toy)] + options, ranks: ranks, variables: variables)
                #expect(ending.status == 0, "\(ending.errors)")
                #expect(try weights(toy, "beta=0.5,seed=2") == alone.weights, "on \(ranks ?? 1) ranks")
                let rows = try rows(of: toy)
                #expect(rows.compactMap { $0["outcome"]?.string } == ["done", "done", "done", "done", "failed", "failed"])
                #expect(rows.last?["reason"]?.string?.contains("is not finite") == true)
                // Once for all, whoever trains: 40 rows were scored by one pass.
                #expect(lines(of: ending.errors).count { $0.hasPrefix("reference logps:") } == 1)
                let table = lines(of: ending.output)
                #expect(table.count == 4 && table[0].hasPrefix("rewards/accuracies"))
                #expect(table[3].hasPrefix("failed"))
            }
        }

        @Test("kill -9 of mpirun, then the same command: only what wasn't over is trained, to the same bits")
        func killed() throws {
            let settings: JSONObject = ["max_steps": 600, "save_steps": 100]
            let alone = try Toy.outcome(["max_steps": 600, "save_steps": 100, "beta": 0.7])
            let toy = try Toy()
            let grid = "grid: {beta: [0.1, 0.3, 0.5, 0.7]}\n"
            let sweep = try sweepFile(toy, settings, runs: grid)
            let job = try Job(["sweep", sweep], ranks: 2)
            let wasRunning = try job.wait { FileSystem.exists(toy.output("sweep.jsonl")) ? try !rows(of: toy).isEmpty : false }
            job.signal(SIGKILL)
            _ = try job.wait(limit: 30)
            #expect(wasRunning && job.leftovers().isEmpty)
            let before = try rows(of: toy)
            #expect(before.count < 4)

            let ending = try Program.run(["sweep", sweep], ranks: 3)
            #expect(ending.status == 0, "\(ending.errors)")
            #expect(ending.says("of which \(before.count) are over"))
            let after = try rows(of: toy)
            #expect(after.count == 4)
            for row in before { #expect(after.contains(row), "a run that was over stays as it was") }
            #expect(try weights(toy, "beta=0.7") == alone.weights)

            // Nothing is left to do; a changed base is no longer this sweep.
            #expect(try Program.run(["sweep", sweep], ranks: 2).status == 0)
            _ = try toy.runFile(["max_steps": 61])
            let changed = try Program.run(["sweep", sweep], ranks: 2)
            #expect(changed.status == 2)
            #expect(changed.messages.count == 1 && changed.says("have changed since it was trained"))
        }

        @Test("An error in one group that isn't its run's ends the job, told once")
        func wrongFolder() throws {
            let toy = try Toy()
            let sweep = try sweepFile(toy, runs: "grid: {beta: [0.1, 0.3, 0.5, 0.7]}\n")
            try FileSystem.makeDirectories(toy.output)
            _ = try toy.folder.write("in the way", as: "out/beta=0.3")
            let ending = try Program.run(["sweep", sweep], ranks: 2)
            #expect(ending.status == 2)
            #expect(ending.messages.count == 1, "\(ending.errors)")
            #expect(ending.says("beta=0.3"))
        }
    }
}
