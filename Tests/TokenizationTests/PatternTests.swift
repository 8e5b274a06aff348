import Storage
import Testing
import Tokenization

@Suite("Patterns of tokenizers")
struct PatternTests {
    /// The matches of a text, those of no bytes left out.
    private func found(_ pattern: RegularExpression, _ text: String) throws -> [Range<Int>] {
        var text = text
        return try text.withUTF8 { bytes in
            var allowance = RegularExpression.Allowance(bytes: bytes.count)
            return try pattern.matches(in: bytes, [bytes.indices], &allowance)[0].filter { !$0.isEmpty }
        }
    }

    @Test("every kind of pattern finds what the tokenizers library finds, characters of Unicode 15 and 16 included")
    func goldens() throws {
        for row in try Fixtures.rows("patterns.jsonl") {
            let text = try #require(row["pattern"]?.string)
            let pattern = try RegularExpression(text)
            let run = try ScalarRun(pattern: text)
            for sample in try #require(row["cases"]?.array) {
                let parts = try #require(sample.array)
                var text = try #require(parts[0].string)
                let expected = parts[1].ranges
                #expect(try found(pattern, text) == expected, "\(pattern.text) in \(text.debugDescription)")
                if let run {
                    let matches = text.withUTF8 { run.matches(in: $0, $0.indices) }
                    #expect(matches == expected, "\(pattern.text) in \(text.debugDescription), by its table")
                }
            }
        }
    }

    @Test("runs of one set are told from other patterns")
    func runs() throws {
        for pattern in [#"\p{N}{1,3}"#, "[一-龥぀-ゟ]+", " {2,}", #"[^\r\n]+"#, #"\s"#, "é{3}"] {
            #expect(try ScalarRun(pattern: pattern) != nil, "\(pattern)")
        }
        for pattern in [
            "a?", "a*", "a{0,2}", "a{,2}", "ab", "a+b", "a++", "a{1,2}+", "[[a]b]+", "[]a]+", #"\b"#, ".", "",
        ] {
            #expect(try ScalarRun(pattern: pattern) == nil, "\(pattern)")
        }
    }

    @Test("a search that goes back without end is given up, one in linear time is not")
    func limits() throws {
        let doubling = try RegularExpression("(?:a|a)+(?<!a)")
        let text = String(repeating: "a", count: 60)
        #expect(throws: RegularExpression.Fault.self) { try found(doubling, text) }
        let quadratic = try RegularExpression(#"\s+$"#)
        #expect(throws: RegularExpression.Fault.self) {
            try found(quadratic, String(repeating: " ", count: 60_000) + "x")
        }
        let words = try RegularExpression(#"\s+(?!\S)|\s*[\r\n]+|\s+|\S+"#)
        let spaces = String(repeating: " ", count: 300_000)
        #expect(try found(words, spaces + "x") == [0..<299_999, 299_999..<300_000, 300_000..<300_001])
    }

    @Test("a text on which a tokenizer's pattern takes too long is an error of its row")
    func endless() throws {
        let folder = "/tmp/prefopt-tokenizer-\(UInt64.random(in: 0 ... .max))"
        try FileSystem.makeDirectories(folder)
        defer { try? FileSystem.removeTree(folder) }
        try AtomicFile.write(
            #"""
            {"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Split","behavior":"Isolated",
            "invert":false,"pattern":{"Regex":"(?:a|a)+(?<!a)"}}}
            """#, to: folder + "/tokenizer.json")
        let tokenizer = try Tokenizer(directory: folder)
        #expect(try tokenizer.encode("aa", addSpecialTokens: false).ids == [0, 0])
        let error = #expect(throws: TokenizerError.self) {
            try tokenizer.encode(String(repeating: "a", count: 50), addSpecialTokens: false)
        }
        #expect(
            error?.description.hasPrefix(
                "the tokenizer's pattern (?:a|a)+(?<!a) goes back too often on a text of 50 bytes")
                == true)
    }

    @Test("threads search with one expression at a time, each with places of its own")
    func threads() async throws {
        let pattern = try RegularExpression(#"(?i:'s)|\p{L}+|\d+"#)
        let expected = try found(pattern, "It's 12 o'clock")
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<2000).allSatisfy { _ in (try? found(pattern, "It's 12 o'clock")) == expected } }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
