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
        let encoding = tokenizer.encode(text, addSpecialTokens: false)
        #expect(start.duration(to: .now) < .seconds(60))
        #expect(encoding.offsets.last?.upperBound == text.utf8.count)
        #expect(tokenizer.decode(encoding.ids, skipSpecialTokens: false) == (name == "byte-level" ? " " : "") + text)
    }

    @Test("a long piece, merged by a heap, and short ones, merged by scanning, agree")
    func heapAndScan() throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/split-level")
        // One letter from outside the alphabet of the merges stops every merge, so each part stands alone.
        let parts = ["thenobodyletters", "wewaited", "childrenharbour", "spaces"]
        let alone = parts.flatMap { tokenizer.encode($0 + "ѯ", addSpecialTokens: false).ids }
        let joined = tokenizer.encode(parts.map { $0 + "ѯ" }.joined(), addSpecialTokens: false).ids
        let many = Array(repeating: joined, count: 5).flatMap(\.self)
        #expect(joined == alone)
        #expect(
            tokenizer.encode(
                String(repeating: parts.map { $0 + "ѯ" }.joined(), count: 5), addSpecialTokens: false
            ).ids == many)
    }

    @Test("tokens of the post-processor have empty ranges where they stand")
    func specialOffsets() throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/split-level")
        let encoding = tokenizer.encode("né", addSpecialTokens: true)
        #expect(encoding.offsets.first == 0..<0)
        #expect(encoding.offsets.last == 3..<3)
        #expect(tokenizer.encode("", addSpecialTokens: true).offsets == [0..<0, 0..<0])
        #expect(tokenizer.encode("", addSpecialTokens: false).ids == [])
    }

    @Test("a decomposed letter that NFC composes keeps the bytes of its letter")
    func composedOffsets() throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/split-level")
        let text = "e\u{301}"
        let encoding = tokenizer.encode(text, addSpecialTokens: false)
        #expect(encoding.ids == tokenizer.encode("\u{E9}", addSpecialTokens: false).ids)
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
