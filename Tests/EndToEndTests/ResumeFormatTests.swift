import Scratch
import Storage
import Testing

extension EndToEnd {
    /// Checkpoints of format 1 of trainer_state.json, made by version 0.1.0 (`Fixtures/Format1/make.sh`), are gone on from.
    @Suite struct ResumeFormatTests {
        private static let fixtures = FileSystem.join(FileSystem.parent(of: #filePath), "Fixtures/Format1")

        /// The folder of a run that was stopped after step 2 of 4.
        private func stopped(_ name: String) throws -> TemporaryDirectory {
            let folder = try TemporaryDirectory()
            func copy(_ source: String, to target: String) throws {
                try FileSystem.makeDirectories(target)
                for file in try FileSystem.list(source) {
                    try FileSystem.copy(FileSystem.join(source, file), to: FileSystem.join(target, file))
                }
            }
            let fixtures = ResumeFormatTests.fixtures
            try FileSystem.copy("\(fixtures)/rows.jsonl", to: folder.file("rows.jsonl"))
            try FileSystem.copy("\(fixtures)/\(name)/run.yaml", to: folder.file("run.yaml"))
            for model in ["model", "other"] { try copy("\(fixtures)/\(model)", to: folder.file(model)) }
            try copy("\(fixtures)/\(name)/checkpoint-2", to: folder.file("out/checkpoint-2"))
            return folder
        }

        private func train(_ folder: TemporaryDirectory, _ overrides: String...) throws -> Ending {
            try Program.run(
                ["train", "run.yaml"] + overrides.flatMap { ["--set", $0] }, in: folder.path, limit: 60)
        }

        @Test("a checkpoint of format 1 leads where its own program went", arguments: ["dpo", "modpo", "lora"])
        func goesOn(name: String) throws {
            let folder = try stopped(name)
            if name == "lora" {
                // The dropout of its adapters acted, which isn't this program's default.
                let refusal = try train(folder)
                #expect(refusal.status == 2 && refusal.messages.count == 1 && refusal.says("disable_dropout"))
            }
            let ending = try name == "lora" ? train(folder, "disable_dropout=false") : train(folder)
            #expect(ending.status == 0 && ending.says("going on after step 2"), "\(ending.errors)")
            let file = name == "lora" ? "adapter_model" : "model"
            let final = try Tensors(folder.file("out/final/\(file).safetensors"))
            let expected = try Tensors("\(ResumeFormatTests.fixtures)/\(name)/final.safetensors")
            #expect(final.distance(from: expected) < 1e-5)
            let state = try JSON.parse(FileSystem.read(folder.file("out/checkpoint-4/trainer_state.json")))
            #expect(state["format"] == 2)
        }

        @Test("what a checkpoint of format 1 has otherwise is refused by name")
        func refusals() throws {
            let folder = try stopped("dpo")
            let ending = try train(folder, "beta=0.4")
            #expect(ending.status == 2 && ending.says("objective") && ending.says("beta 0.3"), "\(ending.errors)")
        }

        @Test("format 2 names the key that differs, and knows a value however it is written")
        func keys() throws {
            let folder = try stopped("dpo")
            #expect(try train(folder, "max_steps=3").status == 0)
            let refused = try train(folder, "beta=0.4")
            #expect(refused.status == 2 && refused.says("its beta is 0.3, this run's is 0.4"), "\(refused.errors)")
            let written = try train(folder, "beta=3e-1", "label_smoothing=.1", "learning_rate=1e-5", "max_steps=5")
            #expect(written.status == 0 && written.says("going on after step 3"), "\(written.errors)")
        }
    }
}
