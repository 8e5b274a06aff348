import Storage
import Testing
import Tokenization

@Suite("Encoding")
struct EncodingTests {
    @Test("a word of 200,000 letters is merged far faster than in quadratic time", arguments: Fixtures.small)
    func longWord(name: String) throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/\(name)")
        let text = String(repeating: "theboat", count: 30_000)
        let start = ContinuousClock.now
        let encoding = try tokenizer.encode(text, addSpecialTokens: false)
        #expect(start.duration(to: .now) < .seconds(60))
        let putsSpaceInFront = ["byte-level", "unigram-bytes"].contains(name)
        #expect(encoding.offsets.last?.upperBound == text.utf8.count)
        #expect(tokenizer.decode(encoding.ids, skipSpecialTokens: false) == (putsSpaceInFront ? " " : "") + text)
    }

    @Test("a long piece, merged by a heap, and short ones, merged by scanning, agree")
    func heapAndScan() throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/split-level")
        // One letter from outside the alphabet of the merges stops every merge, so each part stands alone.
        let parts = ["thenobodyletters", "wewaited", "childrenharbour", "spaces"]
        let alone = try parts.flatMap { try tokenizer.encode($0 + "ѯ", addSpecialTokens: false).ids }
        let joined = try tokenizer.encode(parts.map { $0 + "ѯ" }.joined(), addSpecialTokens: false).ids
        let many = Array(repeating: joined, count: 5).flatMap(\.self)
        #expect(joined == alone)
        #expect(
            try tokenizer.encode(
                String(repeating: parts.map { $0 + "ѯ" }.joined(), count: 5), addSpecialTokens: false
            ).ids == many)
    }

    @Test(
        "a prompt encoded once for all its responses gives the ids and offsets of each text", arguments: Fixtures.small)
    func sharedPrefix(name: String) throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/\(name)")
        let memory = tokenizer.makeMemory()
        let texts = try Fixtures.rows("\(name)/encoded.jsonl").compactMap { $0["text"]?.string }
        for (index, text) in texts.enumerated() {
            let prefix = ["She said: hello ", "", "it's 12 <|end|> now ", "a b\n\n"][index % 4] + text
            let endings = [" and more", "", "s </s> x", texts[(index + 7) % texts.count]]
            let together = try tokenizer.encode(prefix, followedBy: endings, addSpecialTokens: true, memory: memory)
            for (ending, encoding) in zip(endings, together) {
                let alone = try tokenizer.encode(prefix + ending, addSpecialTokens: true)
                #expect(encoding == alone, "\((prefix + ending).debugDescription)")
            }
        }
    }

    @Test(
        "words found by scanning and by the general matcher are the same",
        arguments: [
            #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#
                + #"|\s+(?!\S)|\s+"#,
            #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]"#
                + #"|\s+(?!\S)|\s+"#,
            #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"#
                + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
                + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
        ])
    func scannerAndMatcher(pattern: String) throws {
        var file = try JSON.parse(try FileSystem.read("\(Fixtures.directory)/split-level/tokenizer.json"))
        let cut = file["pre_tokenizer"]?["pretokenizers"]?.array?.first
        let split = try #require(cut?.object)
        func tokenizer(_ pattern: String) throws -> Tokenizer {
            var (object, split) = (try #require(file.object), split)
            split["pattern"] = ["Regex": .string(pattern)]
            let level: JSON = [
                "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
            ]
            object["pre_tokenizer"] = ["type": "Sequence", "pretokenizers": [.object(split), level]]
            file = .object(object)
            let folder = "/tmp/prefopt-tokenizer-\(UInt64.random(in: 0 ... .max))"
            try FileSystem.makeDirectories(folder)
            defer { try? FileSystem.removeTree(folder) }
            try AtomicFile.write(file.text, to: folder + "/tokenizer.json")
            return try Tokenizer(directory: folder)
        }
        // In a group of its own the pattern isn't recognised.
        let (scanning, matching) = (try tokenizer(pattern), try tokenizer("(?:\(pattern))"))
        for row in try Fixtures.rows("split-level/encoded.jsonl") + Fixtures.rows("fallback/encoded.jsonl") {
            let text = try #require(row["text"]?.string)
            let expected = try matching.encode(text, addSpecialTokens: false)
            #expect(try scanning.encode(text, addSpecialTokens: false) == expected, "\(text.debugDescription)")
        }
    }

    @Test("offsets can be had in characters, as the library counts them")
    func characterOffsets() throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/metaspace")
        let text = "né 船 ok"
        let encoding = try tokenizer.encode(text, addSpecialTokens: false)
        let characters = encoding.characterOffsets(in: text)
        #expect(encoding.offsets.last == 8..<10 || encoding.offsets.last == 9..<10)
        #expect(characters.last?.upperBound == 7 && characters.first?.lowerBound == 0)
        #expect(zip(characters, characters.dropFirst()).allSatisfy { $0.lowerBound <= $1.lowerBound })
    }

    @Test("tokens of the post-processor have empty ranges where they stand")
    func specialOffsets() throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/split-level")
        let encoding = try tokenizer.encode("né", addSpecialTokens: true)
        #expect(encoding.offsets.first == 0..<0)
        #expect(encoding.offsets.last == 3..<3)
        #expect(try tokenizer.encode("", addSpecialTokens: true).offsets == [0..<0, 0..<0])
        #expect(try tokenizer.encode("", addSpecialTokens: false).ids == [])
    }

    @Test("a decomposed letter that NFC composes keeps the bytes of its letter")
    func composedOffsets() throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/split-level")
        let text = "e\u{301}"
        let encoding = try tokenizer.encode(text, addSpecialTokens: false)
        #expect(try encoding.ids == tokenizer.encode("\u{E9}", addSpecialTokens: false).ids)
        #expect(encoding.offsets.allSatisfy { $0 == 0..<1 })
    }

    @Test("tokens and ids are found both ways, added tokens included")
    func vocabulary() throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/fallback")
        #expect(tokenizer.id(of: "<s>") == 1)
        #expect(tokenizer.token(of: 1) == "<s>")
        #expect(tokenizer.id(of: "[X]") == Int32(tokenizer.vocabularySize - 1))
        #expect(tokenizer.id(of: "nowhere") == nil)
        #expect(tokenizer.token(of: -1) == nil)
        #expect(tokenizer.token(of: Int32(tokenizer.vocabularySize)) == nil)
        #expect(tokenizer.decode([-5, .max], skipSpecialTokens: false) == "")
        #expect(tokenizer.bosToken == nil)
    }
}
