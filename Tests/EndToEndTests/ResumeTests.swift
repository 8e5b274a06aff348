import Foundation
import Glibc
import Scratch
import Storage
import Testing

extension EndToEnd {
    /// A run that was interrupted is the run that wasn't.
    @Suite struct ResumeTests {
        static let steps = 150
        static let settings: JSONObject = [
            "max_steps": .integer(steps), "save_steps": 5, "global_batch_size": 20, "warmup_ratio": 0.1,
        ]
        /// Long enough to be stopped on the way, with no checkpoint but the one at that moment.
        static let longSteps = 200
        static let long: JSONObject = [
            "max_steps": .integer(longSteps), "save_steps": 5000, "global_batch_size": 40, "warmup_ratio": 0.1,
        ]

        /// Starts the toy's run and waits until it has logged so many steps.
        private func start(_ toy: Toy, ranks: Int?, until step: Int, _ settings: JSONObject = settings) throws -> Job {
            let job = try Job(["train", try toy.runFile(settings)], ranks: ranks)
            let log = toy.output("metrics.jsonl")
            _ = job.wait { ((try? FileSystem.read(log)) ?? []).count { $0 == UInt8(ascii: "\n") } >= step }
            return job
        }

        @Test("kill -9 of mpirun or of a rank at any moment, then the same command on other ranks: the same bits")
        func killed() throws {
            let whole = try Toy.outcome(ResumeTests.settings)
            var generator = SeededGenerator(state: 20)
            var interrupted = 0
            var attempt = 0
            // On a fast machine a run may be over before it is killed; those deaths don't count.
            while attempt < 3 || interrupted < 6, attempt < 10 {
                defer { attempt += 1 }
                let toy = try Toy()
                // Several deaths of one run, each some steps after the last.
                for death in 0..<3 {
                    let ranks = Int.random(in: 1...3, using: &generator)
                    let job = try start(
                        toy, ranks: ranks, until: 25 * death + Int.random(in: 0...25, using: &generator))
                    usleep(.random(in: 0...3000, using: &generator))
                    if Bool.random(using: &generator) {
                        job.signal(SIGKILL)
                    } else if let victim = job.ranks.randomElement(using: &generator) {
                        kill(victim, SIGKILL)
                    }
                    _ = try job.wait(limit: 30)
                    #expect(job.leftovers().isEmpty, "attempt \(attempt): processes left behind")
                    if !FileSystem.exists(toy.output("final")) { interrupted += 1 }
                }
                let ranks = Int.random(in: 1...3, using: &generator)
                try toy.train(ResumeTests.settings, ranks: ranks)
                #expect(try toy.outcome() == whole, "attempt \(attempt), resumed on \(ranks) ranks")
                #expect(try toy.steps().compactMap { $0["step"]?.integer } == Array(1...ResumeTests.steps))
                let hidden = try FileSystem.list(toy.output).filter { $0.hasPrefix(".") && $0 != ".lock" }
                #expect(hidden.isEmpty, "half-made files are swept")
            }
            #expect(interrupted >= 6, "six deaths came before the end")
        }

        @Test("SIGUSR1 to mpirun saves and ends with 75; the same command goes on to the same bits")
        func stopped() throws {
            let whole = try Toy.outcome(ResumeTests.long)
            let toy = try Toy()
            let job = try start(toy, ranks: 3, until: 6, ResumeTests.long)
            job.signal(SIGUSR1)
            let ending = try job.wait(limit: 30)
            #expect(job.leftovers().isEmpty)
            #expect(ending.status == 75, "\(ending.errors)")
            #expect(ending.messages.count == 1)
            let last = try #require(try toy.steps().last?["step"]?.integer)
            #expect(last < ResumeTests.longSteps, "it ended early")
            #expect(FileSystem.isDirectory(toy.output("checkpoint-\(last)")))

            let resumed = try toy.train(ResumeTests.long, ranks: 2)
            #expect(resumed.says("going on after step \(last)"))
            #expect(try toy.outcome() == whole)
        }

        @Test(
            "SIGTERM to the program alone does the same, also where the model is saved in 16 bits",
            arguments: ["rmsprop", "adamw"])
        func terminated(optimizer: String) throws {
            var settings = ResumeTests.long
            settings["optim"] = .string(optimizer)
            // The state beside the saved model keeps the other bits of the weights.
            settings["save_dtype"] = "bfloat16"
            let whole = try Toy.outcome(settings)
            let toy = try Toy()
            let job = try start(toy, ranks: nil, until: 6, settings)
            job.signal(SIGTERM)
            let ending = try job.wait(limit: 30)
            #expect(ending.status == 75, "\(ending.errors)")
            try toy.train(settings, ranks: 2)
            #expect(try toy.outcome() == whole)
        }

        @Test("a log cut by a crash has every step once after resuming")
        func cutLog() throws {
            let toy = try Toy()
            try toy.train(["max_steps": 12, "save_steps": 4])
            let whole = try toy.outcome()
            // As if killed in the middle of writing the line of step 11, with step 8 the last one saved.
            try FileSystem.removeTree(toy.output("checkpoint-12"))
            try FileSystem.removeTree(toy.output("final"))
            let log = try text(toy.output("metrics.jsonl"))
            let kept = lines(of: log).prefix(10).map { $0 + "\n" }.joined() + "{\"step\": 11, \"epo"
            try AtomicFile.write(kept, to: toy.output("metrics.jsonl"))
            let ending = try toy.train(["max_steps": 12, "save_steps": 4], ranks: 2)
            #expect(ending.says("going on after step 8"))
            #expect(try toy.outcome() == whole)
            #expect(try toy.steps().compactMap { $0["step"]?.integer } == Array(1...12))
        }

        @Test("a damaged newest checkpoint is passed over, saying so", arguments: ["flipped", "cut", "gone"])
        func damaged(how: String) throws {
            let toy = try Toy()
            let settings: JSONObject = ["max_steps": 8, "save_steps": 4]
            try toy.train(settings)
            let whole = try toy.outcome()
            let file = toy.output("checkpoint-8/optimizer.safetensors")
            var bytes = try FileSystem.read(file)
            switch how {
            case "flipped": bytes[bytes.count / 2] ^= 1
            case "cut": bytes.removeLast(100)
            default: break
            }
            try FileSystem.remove(file)
            if how != "gone" { try AtomicFile.write(bytes, to: file) }
            try FileSystem.removeTree(toy.output("final"))

            let ending = try toy.train(settings)
            #expect(ending.says("checkpoint-8 is passed over: "), "\(ending.errors)")
            #expect(ending.says("optimizer.safetensors"))
            #expect(ending.says("going on after step 4"))
            #expect(try toy.outcome() == whole)
        }

        @Test("--resume never moves an earlier run's files aside, --resume DIR takes that checkpoint")
        func chosen() throws {
            let toy = try Toy()
            let settings: JSONObject = ["max_steps": 8, "save_steps": 4]
            try toy.train(settings)
            let whole = try toy.outcome()
            let ending = try toy.train(settings, resume: "never")
            #expect(ending.says("previous-1"))
            #expect(try FileSystem.read(toy.output("previous-1/final/model.safetensors")) == whole.weights)
            #expect(FileSystem.isDirectory(toy.output("previous-1/checkpoint-4")))
            #expect(try toy.outcome() == whole)

            let from = try toy.train(settings, ranks: 2, resume: toy.output("checkpoint-4"))
            #expect(from.says("going on after step 4"))
            #expect(try toy.outcome() == whole)
        }

        @Test("a finished run does nothing more")
        func finished() throws {
            let toy = try Toy()
            try toy.train()
            let whole = try toy.outcome()
            try toy.train(ranks: 2)
            #expect(try toy.outcome() == whole)
        }

        static let otherRuns: [(settings: JSONObject, words: String)] = [
            (["seed": 43], "seed is 42, this run's is 43"),
            (["loss_type": "simpo"], "loss_type is \"sigmoid\", this run's is \"simpo\""),
            (["model_name_or_path": .string(Goldens.model("tied-llama3"))], "model digest is "),
            (["ref_model_name_or_path": .string(Goldens.model("mha-sharded"))], "reference digest is "),
            (["beta": 0.5], "its beta is 0.1, this run's is 0.5"),
            (["max_steps": 3], "step 4 is beyond the 3 steps of this run"),
        ]

        @Test("a checkpoint of another run is refused, saying what differs", arguments: otherRuns.indices, [nil, 2])
        func foreign(index: Int, ranks: Int?) throws {
            let (settings, words) = ResumeTests.otherRuns[index]
            let toy = try Toy()
            try toy.train()
            let whole = try toy.outcome()
            let ending = try Program.run(["train", try toy.runFile(settings)], ranks: ranks)
            #expect(ending.status == 2)
            #expect(ending.messages.count == 1 && ending.says(words), "\(ending.errors)")
            #expect(try toy.outcome() == whole)
        }

        @Test("a loss that isn't finite ends the run with 3 and leaves earlier checkpoints alone", arguments: [nil, 2])
        func diverged(ranks: Int?) throws {
            let toy = try Toy()
            let settings: JSONObject = ["max_steps": 2, "save_steps": 1]
            try toy.train(settings, ranks: ranks)
            let saved = try FileSystem.read(toy.output("checkpoint-2/model.safetensors"))
            let ending = try Program.run(
                ["train", try toy.runFile(["max_steps": 9, "learning_rate": 1e30, "max_grad_norm": 0])], ranks: ranks)
            #expect(ending.status == 3, "\(ending.errors)")
            #expect(ending.messages.count == 1)
            #expect(try FileSystem.read(toy.output("checkpoint-2/model.safetensors")) == saved)
            #expect(FileSystem.isDirectory(toy.output("checkpoint-1")))
        }
    }
}
