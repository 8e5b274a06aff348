import Glibc
import Modeling
import Storage
import Testing

/// A really trained GPT-2-shaped model of ../shared that sorts letters: logps of every token against its reference logits.
@Suite struct SortModelTests {
    static let path =
        Golden.directory.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        + "/shared/data/models/gpt-nano-sort"

    @Test("a trained GPT-2 gives its reference logps", .enabled(if: FileSystem.exists(path)))
    func logps() throws {
        let reference = try JSON.parse(FileSystem.read("\(SortModelTests.path)/logits_reference.json"))
        let model = try GoldenModel(path: SortModelTests.path, threads: 2)
        let (texts, logits) = (reference["input_ids"]?.array ?? [], reference["logits"]?.array ?? [])
        #expect(!texts.isEmpty && texts.count == logits.count)
        for (text, rows) in zip(texts, logits) {
            let ids = (text.array ?? []).compactMap { $0.integer.map { Int32($0) } }
            let sequence = PackedSequence(prompt: ids[..<1], responses: [.init(tokens: ids[1...])])
            let ours = try model.score([sequence])[0][0]
            for (place, id) in ids.dropFirst().enumerated() {
                let values = (rows.array?[place].array ?? []).compactMap(\.double)
                let expected = values[Int(id)] - log(values.reduce(0) { $0 + exp($1) })
                #expect(abs(Double(ours[place]) - expected) < 2e-4)
            }
        }
    }
}
