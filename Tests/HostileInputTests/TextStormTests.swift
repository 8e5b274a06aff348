import ChatTemplates
import RunFiles
import Scratch
import Storage
import Testing
import Tokenization
import Training

/// Run files, tokenizers and chat templates, damaged.
@Suite("Hostile texts")
struct TextStormTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private static let run = """
        model_name_or_path: models/a
        train_file: [{path: a.jsonl, weight: 2.5}, b.csv]
        output_dir: runs/a
        loss_type: modpo
        beta: 0.1
        preference_name: helpful
        weights: {helpful: 0.5, safe: 0.5}
        margins:
          safe: {column: safety}
        global_batch_size: 64
        max_steps: 100
        learning_rate: 1e-6
        lr_scheduler_type: linear
        warmup_ratio: 0.1
        reproducible: true
        """

    @Test("run files with changed bytes and words are refused or read")
    func runFile() throws {
        let words = [
            "&a", "*a", "!!binary", "<<: *a", "[", "]", "{", "}", "? ", ": ", "- ", "|", ">", "---", "...", "%YAML 1.2",
            "1e999", "-.inf", ".nan", "0x7fffffffffffffff", "99999999999999999999", "-1", "~", "''", "\"\\u0000\"",
            "\t",
        ]
        let original = Array(TextStormTests.run.utf8)
        let refused = try Storm.run("run file", seed: 41, cases: 3000) { generator in
            if Bool.random(using: &generator) { return mutated(original, with: &generator) }
            var lines = TextStormTests.run.split(separator: "\n").map(String.init)
            let place = lines.indices.randomElement(using: &generator)!
            let word = words.randomElement(using: &generator)!
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: lines.insert(word, at: place)
            case 1: lines[place] = lines[place].prefix { $0 != ":" } + ": " + word
            default: lines[place] += word
            }
            return Array(lines.joined(separator: "\n").utf8)
        } read: { bytes in
            _ = try RunFile(bytes: bytes, file: "run.yaml")
        }
        #expect(refused > 1500)
    }

    @Test(
        "YAML that grows when it is read is refused",
        arguments: [
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
                + (1..<12).map {
                    "b\($0): &b\($0) [\(Array(repeating: "*\($0 == 1 ? "a" : "b\($0 - 1)")", count: 9).joined(separator: ","))]"
                }
                .joined(separator: "\n"),
            "a: " + String(repeating: "[", count: 100_000),
            "a: " + String(repeating: "{b: ", count: 100_000),
            String(repeating: "- ", count: 100_000),
            String(repeating: "? ", count: 100_000),
            (0..<5000).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
            "a: &a\n  b: *a",
            "a: \"" + String(repeating: "x", count: 1 << 20) + "\"",
        ])
    func yamlBomb(text: String) {
        #expect(throws: RunFileError.self) { try RunFile(bytes: Array(text.utf8), file: "run.yaml") }
    }

    @Test(
        "tokenizers that contradict themselves are refused, or encode and decode",
        arguments: [
            ("byte-level", 51), ("fallback", 52), ("metaspace", 53), ("unigram", 54), ("expressions", 55),
            ("accents", 56),
        ])
    func tokenizer(name: String, seed: UInt64) throws {
        let source = Storm.fixture("TokenizationTests/Fixtures/\(name)")
        for file in try FileSystem.list(source) where file.hasSuffix(".json") {
            try FileSystem.copy(FileSystem.join(source, file), to: folder.file(file))
        }
        let original = try FileSystem.read(folder.file("tokenizer.json"))
        let json = try JSON.parse(original)
        try Storm.run(name, seed: seed, cases: 120) { generator in
            Int.random(in: 0..<4, using: &generator) == 0
                ? mutated(original, with: &generator) : Distortion.of(json, with: &generator).bytes
        } read: { bytes in
            _ = try folder.write(bytes, as: "tokenizer.json")
            let tokenizer = try Tokenizer(directory: folder.path)
            let text = "Hello, wörld! <s>\u{0} 12345 日本\n\n  \u{1F600}e\u{301}"
            let encoding = try tokenizer.encode(text, addSpecialTokens: true)
            for range in encoding.offsets { #expect(range.upperBound <= text.utf8.count) }
            _ = tokenizer.decode(encoding.ids + [-1, .max, 0], skipSpecialTokens: false)
        }
    }

    @Test("chat templates with changed bytes are refused or render")
    func template() throws {
        let original = try FileSystem.read(Storm.fixture("ChatTemplatesTests/Fixtures/chat-template.jinja"))
        try Storm.run("template", seed: 61, cases: 1500) { generator in
            mutated(original, with: &generator)
        } read: { bytes in
            let template = try ChatTemplate(source: String(decoding: bytes, as: UTF8.self))
            _ = try template.render(messages: [
                ["role": "user", "content": "hi"], ["role": "assistant", "content": "ho"],
            ])
        }
    }
}
