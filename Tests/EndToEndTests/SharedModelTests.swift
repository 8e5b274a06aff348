import Scratch
import Storage
import Testing

extension EndToEnd {
    /// A really trained model that lies beside the repository on the authors' machines and can't be part of it.
    @Suite struct SharedModelTests {
        static let model: String = {
            let root = FileSystem.parent(of: FileSystem.parent(of: FileSystem.parent(of: #filePath)))
            return FileSystem.join(FileSystem.parent(of: root), "shared/data/models/stories260K")
        }()

        @Test(
            "greedy decoding of stories260K equals its reference", .enabled(if: FileSystem.isDirectory(model)),
            arguments: [nil, 2])
        func greedy(ranks: Int?) throws {
            let folder = try TemporaryDirectory()
            let ending = try Program.run(
                [
                    "generate", "--model", SharedModelTests.model,
                    "--prompts", try folder.write("{\"prompt_ids\": [1]}\n", as: "prompts.jsonl"),
                    "--output", folder.file("generated.jsonl"), "--max-new-tokens", "200",
                ], ranks: ranks)
            #expect(ending.status == 0, "\(ending.errors)")
            let reference = try JSON.parse(FileSystem.read("\(SharedModelTests.model)/greedy_reference.json"))
            let expected = numbers(reference["greedy_from_bos_ids"])
            let generated = numbers(try rows(folder.file("generated.jsonl")).first?["ids"])
            #expect(generated.count == 200 && [1] + generated == expected)
        }
    }
}
