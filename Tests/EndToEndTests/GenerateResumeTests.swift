import Foundation
import Storage
import Testing

extension EndToEnd {
    /// A generation that was ended from outside goes on when the same command is started again.
    @Suite struct GenerateResumeTests {
        private static func arguments(_ toy: Toy, _ model: String, seed: Int = 4) throws -> [String] {
            let prompts = try toy.folder.write(
                (0..<60).map { "{\"prompt\": \"Number \($0)\"}\n" }.joined(), as: "prompts.jsonl")
            return [
                "generate", "--model", model, "--prompts", prompts, "--samples", "3", "--temperature", "1", "--seed",
                "\(seed)", "--max-new-tokens", "90", "--batch-tokens", "400", "--threads-per-rank", "1",
            ]
        }

        /// Starts a command and kills it when it has finished some continuations.
        private static func kill(_ arguments: [String], ranks: Int?, partial: String) throws {
            let job = try Job(arguments, ranks: ranks)
            let hasBegun = try job.wait {
                guard FileSystem.exists(FileSystem.join(partial, "0.jsonl")) else { return false }
                return try lines(of: text(FileSystem.join(partial, "0.jsonl"))).count >= 6
            }
            #expect(hasBegun, "\(job.errors)")
            job.killAll()
            _ = try job.wait(limit: 20)
            _ = job.leftovers()
        }

        @Test("after kill -9 the same command writes, on other ranks, what it would have written", arguments: [nil, 2])
        func resumed(ranks: Int?) throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let whole = try Program.run(
                try GenerateResumeTests.arguments(toy, model) + ["--output", toy.folder.file("whole.jsonl")])
            #expect(whole.status == 0, "\(whole.errors)")
            let output = toy.folder.file("resumed.jsonl")
            let arguments = try GenerateResumeTests.arguments(toy, model) + ["--output", output]
            try GenerateResumeTests.kill(arguments, ranks: ranks, partial: output + ".partial")
            #expect(!FileSystem.exists(output))
            // A line that was cut short is as good as none.
            let torn = try text(output + ".partial/0.jsonl") + "{\"turn\": 0, \"place\": 1, \"sam"
            try AtomicFile.write(torn, to: output + ".partial/0.jsonl")
            let rest = try Program.run(arguments, ranks: ranks == nil ? 3 : nil)
            #expect(rest.status == 0 && rest.says("are there from before"), "\(rest.errors)")
            #expect(try text(output) == text(toy.folder.file("whole.jsonl")))
            #expect(!FileSystem.exists(output + ".partial"))
        }

        @Test("what another command left is refused, and so is a folder that is none of ours")
        func refused() throws {
            let toy = try Toy()
            let model = try toy.textModel()
            let output = toy.folder.file("out.jsonl")
            let arguments = try GenerateResumeTests.arguments(toy, model) + ["--output", output]
            try GenerateResumeTests.kill(arguments, ranks: nil, partial: output + ".partial")
            let before = try FileSystem.files(below: output + ".partial")
            let other = try Program.run(
                try GenerateResumeTests.arguments(toy, model, seed: 5) + ["--output", output], ranks: 2)
            #expect(other.status == 2 && other.says("its seed is 4, here 5"), "\(other.errors)")
            #expect(try FileSystem.files(below: output + ".partial") == before && !FileSystem.exists(output))

            _ = try toy.folder.write("mine", as: "other.jsonl.partial/notes.txt")
            let foreign = try Program.run(
                try GenerateResumeTests.arguments(toy, model) + ["--output", toy.folder.file("other.jsonl")])
            #expect(foreign.status == 2 && foreign.says("holds notes.txt"), "\(foreign.errors)")
        }
    }
}
