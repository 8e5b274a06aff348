import Foundation
import Glibc
import Scratch
import Storage
import Testing

extension EndToEnd {
    /// `iterate`: the same files however it came to them.
    @Suite struct IterateTests {
        private static let words = ["red", "green", "a blue", "the", "sky", "is so", "hot", "and cold"]

        private static func prompts(_ toy: Toy, _ count: Int, as name: String) throws -> String {
            try toy.folder.write(
                (0..<count).map { number in
                    JSON.object(["prompt": .string("\(number) \(words[number % 8]) \(words[(number * 5 + 2) % 8]):")]).text
                        + "\n"
                }.joined(), as: name)
        }

        private func settings(_ toy: Toy, _ more: JSONObject = [:]) throws -> JSONObject {
            var settings: JSONObject = [
                "model_name_or_path": .string(try toy.textModel()), "train_file": nil, "rounds": 2,
                "prompts_file": .string(try Self.prompts(toy, 6, as: "prompts.jsonl")), "samples": 3,
                "response_length": 8, "rewards": ["long": "length:1", "brief": "length:-0.5"],
                "sample_prompts": .string(try Self.prompts(toy, 9, as: "held.jsonl")), "sample_count": 2,
                "sample_length": 6, "loss_type": "sigmoid", "global_batch_size": 4, "max_steps": 3, "max_length": 96,
                "micro_batch_tokens": nil, "reproducible": nil, "save_steps": 1,
            ]
            for (key, value) in more.members { settings[key] = value }
            return settings
        }

        private func iterate(
            _ run: String, ranks: Int? = nil, _ more: [String] = [], status: Int32 = 0
        ) throws -> Ending {
            let ending = try Program.run(["iterate", run] + more, ranks: ranks)
            #expect(ending.status == status, "\(ending.errors)")
            return ending
        }

        /// The bytes of all that a job leaves, but for what tells times or places.
        private func files(_ toy: Toy) throws -> [String: [UInt8]] {
            var files: [String: [UInt8]] = [:]
            for path in try FileSystem.files(below: toy.output) {
                let name = FileSystem.name(of: path)
                guard
                    ["responses.jsonl", "annotated.jsonl", "pairs.jsonl", "samples.jsonl", "rounds.jsonl"].contains(name)
                        || (path.contains("/final/") && name.hasSuffix(".safetensors"))
                else { continue }
                files[path] = try FileSystem.read(FileSystem.join(toy.output, path))
            }
            return files
        }

        @Test("two rounds leave the same files on 1, 2 and 3 ranks, and the table tells what they were worth")
        func ranks() throws {
            var whole: [String: [UInt8]] = [:]
            for ranks in [nil, 2, 3] {
                let toy = try Toy()
                let run = try toy.runFile(settings(toy))
                let ending = try iterate(run, ranks: ranks)
                let found = try files(toy)
                #expect(found.count == 2 * 5 + 1)
                if ranks == nil { whole = found }
                #expect(found == whole, "\(ranks ?? 1) ranks")
                #expect(ending.output.contains("round  responses   long"))
                #expect(ending.output.contains("held-out long: "))
                #expect(ending.output.contains("held-out brief: "))
                #expect(ending.output.contains("the last round's model: \(toy.output)/round-2/run/final"))
                let rounds = try rows(toy.output("rounds.jsonl"))
                #expect(rounds.compactMap { $0["round"]?.integer } == [1, 2])
                // A round begins where the last one ended.
                #expect(rounds[1]["held_out_rewards_before/long"] == rounds[0]["held_out_rewards/long"])
                #expect(rounds[1]["held_out_rewards/long"] != rounds[0]["held_out_rewards/long"])

                // Once more: everything is there.
                let again = try iterate(run, ranks: 2)
                #expect(again.output == ending.output)
                #expect(again.errors.components(separatedBy: ": done, ").count == 1 + 2 * 4)
                #expect(try files(toy) == whole)
            }
        }

        @Test(
            "killed in a stage and gone on with on other ranks, it leaves the same files",
            arguments: ["round-1/responses.jsonl", "round-1/run/checkpoint-1", "round-2/annotated.jsonl"])
        func killed(moment: String) throws {
            let undisturbed = try Toy()
            _ = try iterate(try undisturbed.runFile(settings(undisturbed)))
            let toy = try Toy()
            let run = try toy.runFile(settings(toy))
            let job = try Job(["iterate", run], ranks: 2)
            _ = job.wait { FileSystem.exists(toy.output(moment)) }
            job.killAll()
            _ = try job.wait(limit: 30)
            #expect(job.leftovers().isEmpty)
            _ = try iterate(run, ranks: 3)
            #expect(try files(toy) == files(undisturbed))
        }

        @Test("adapters are gone on with from round to round; the first model stays the reference if that is asked for")
        func adapters() throws {
            let toy = try Toy()
            let adapted: JSONObject = ["use_peft": true, "lora_r": 2, "round_reference": "first"]
            let ending = try iterate(try toy.runFile(settings(toy, adapted)), ranks: 2)
            #expect(ending.says("text-model (ref_model_name_or_path)"))
            let configs = try (1...2).map {
                try JSON.parse(FileSystem.read(toy.output("round-\($0)/run/final/adapter_config.json")))
            }
            #expect(configs[0]["r"]?.integer == 2 && configs[0] == configs[1])
            #expect(
                try FileSystem.read(toy.output("round-1/run/final/adapter_model.safetensors"))
                    != FileSystem.read(toy.output("round-2/run/final/adapter_model.safetensors")))
        }

        @Test("rounds are for iterate alone, and it says all that it lacks")
        func refused() throws {
            let toy = try Toy()
            let run = try toy.runFile(settings(toy))
            let trained = try Program.run(["train", run], ranks: 2)
            #expect(trained.status == 2)
            #expect(trained.messages.count == 1 && trained.errors.contains("only iterate makes rounds"))
            let lacking = try toy.runFile(["train_file": .string(try toy.pairs(4))], as: "lacking.yaml")
            let ending = try iterate(lacking, status: 2)
            for key in ["rounds", "prompts_file", "rewards"] { #expect(ending.errors.contains("\(key) is missing")) }
            #expect(ending.errors.contains("each round trains on the pairs that it makes"))
            let plain = try Program.run(["train", try toy.runFile(["samples": 4], as: "plain.yaml")])
            #expect(plain.status == 2 && plain.errors.contains("there are no rounds, which iterate makes"))
        }

        @Test("what was changed since, or belongs to other settings, is refused and kept")
        func changed() throws {
            let toy = try Toy()
            let run = try toy.runFile(settings(toy, ["rounds": 1]))
            _ = try iterate(run)
            let other = try iterate(run, ["--set", "temperature=0.5"], status: 2)
            #expect(other.errors.contains("holds rounds of another run: their temperature is 1"))
            let pairs = toy.output("round-1/pairs.jsonl")
            let edited = try FileSystem.read(pairs) + Array("\n".utf8)
            try AtomicFile.write(edited, to: pairs)
            let ending = try iterate(run, ranks: 2, status: 2)
            #expect(ending.messages.count == 1 && ending.errors.contains("pairs.jsonl: isn't as iterate wrote it"))
            #expect(try FileSystem.read(pairs) == edited)
            try FileSystem.remove(pairs)
            // More rounds may follow.
            _ = try iterate(run, ["--set", "rounds=2"])
            #expect(try rows(toy.output("rounds.jsonl")).count == 2)
        }

        @Test("responses that are all worth the same make no pairs, and the round says so")
        func noPairs() throws {
            let toy = try Toy()
            let lexicon = try toy.folder.write("xyzzy 1\n", as: "words.txt")
            let run = try toy.runFile(settings(toy, ["rewards": ["kind": .string("lexicon:\(lexicon)")]]))
            let ending = try iterate(run, ranks: 2, status: 2)
            #expect(ending.messages.count == 1)
            #expect(ending.errors.contains("round 1: no two responses to a prompt differ in kind"))
        }
    }
}
