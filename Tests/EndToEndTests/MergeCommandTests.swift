import Scratch
import Storage
import Testing

extension EndToEnd {
    /// `merge` as users call it. What it computes is compared with PEFT in ModelingTests.
    @Suite struct MergeCommandTests {
        private let toy: Toy

        init() throws { toy = try Toy() }

        private func merge(_ arguments: [String], to name: String, ranks: Int? = nil) throws -> Ending {
            let ending = try Program.run(["merge"] + arguments + ["--output", toy.folder.file(name)], ranks: ranks)
            #expect(ending.status == 0, "\(ending.errors)")
            return ending
        }

        private func weights(_ name: String) throws -> [UInt8] {
            try FileSystem.list(toy.folder.file(name)).filter { $0.hasSuffix(".safetensors") }
                .flatMap { try FileSystem.read(toy.folder.file("\(name)/\($0)")) }
        }

        @Test("a merged model is whole, scores, and is the same bits under mpirun")
        func adapter() throws {
            let model = Goldens.path("merge/tied/model")
            let arguments = ["--model", model, "--adapter", Goldens.path("merge/tied/plain")]
            let ending = try merge(arguments, to: "alone")
            #expect(ending.errors == "\(toy.folder.file("alone")): written\n")
            _ = try merge(arguments, to: "together", ranks: 2)
            #expect(try weights("alone") == weights("together"))
            #expect(try FileSystem.list(toy.folder.path).allSatisfy { !$0.hasPrefix(AtomicFile.temporaryPrefix) })

            let data = try toy.pairs(4, vocabulary: 12)
            let scored = try Program.run([
                "score", "--model", toy.folder.file("alone"), "--reference", model, "--data", data, "--output",
                toy.folder.file("scores.jsonl"),
            ])
            #expect(scored.status == 0, "\(scored.errors)")
            let row = try #require(rows(toy.folder.file("scores.jsonl")).first)
            #expect(row["policy_chosen_logps"] != row["reference_chosen_logps"])
        }

        @Test("weights that don't sum to 1 are told, in every kind of merge")
        func weightsAreTold() throws {
            let model = Goldens.path("merge/llama/model")
            let adapters = ["plain:0.5", "rslora:0.75"].map { Goldens.path("merge/llama/\($0)") }
            let note = "note: the weights sum to 1.25, not 1;"
            #expect(try merge(["--model", model, "--adapters"] + adapters, to: "a").says(note))
            #expect(try merge(["--model", model, "--adapters"] + adapters + ["--as-adapter"], to: "b").says(note))
            #expect(try merge(["--models", "\(model):0.5", "\(toy.folder.file("a")):0.75"], to: "c").says(note))
            #expect(!(try merge(["--models", "\(model):0.1", "\(toy.folder.file("a")):0.9"], to: "d").says("note")))
            #expect(try FileSystem.list(toy.folder.file("b")) == ["adapter_config.json", "adapter_model.safetensors"])
            // The adapter made of two merges to what the two merge to.
            _ = try merge(["--model", model, "--adapter", toy.folder.file("b")], to: "e")
            #expect(try weights("e").count == weights("a").count)
        }

        @Test(
            "options that contradict each other, or lack a weight, are refused with how they are meant",
            arguments: [
                (["--models", "a", "b:0.5"], "--models a: expected a folder and its weight, as in a:0.5."),
                (["--models", "a:0.5", "b:x"], "--models b:x: expected a folder and its weight"),
                (["--models", "a:0.5", "--model", "b"], "--model has no meaning beside --models"),
                (["--adapter", "a"], "--model is missing"),
                (["--model", "a"], "Give one of --adapter, --adapters and --models."),
                (["--model", "a", "--adapter", "b", "--as-adapter"], "--as-adapter needs --adapters, or --weights."),
                (["--model", "a", "--adapter", "b", "--dtype", "int8"], "expected float32, bfloat16 or float16"),
            ])
        func options(arguments: [String], words: String) throws {
            let ending = try Program.run(["merge"] + arguments + ["--output", toy.folder.file("none")])
            #expect(ending.status == 2)
            #expect(ending.says(words), "\(ending.errors)")
        }

        @Test("--dtype is what the result is stored as and what its config says")
        func type() throws {
            let arguments = [
                "--model", Goldens.path("merge/llama/model"), "--adapter", Goldens.path("merge/llama/dora"),
            ]
            _ = try merge(arguments + ["--dtype", "bfloat16"], to: "half")
            _ = try merge(arguments, to: "whole")
            let config = try JSON.parse(FileSystem.read(toy.folder.file("half/config.json")))
            #expect((config["dtype"] ?? config["torch_dtype"]) == "bfloat16")
            #expect(try weights("half").count < weights("whole").count)
        }
    }
}
