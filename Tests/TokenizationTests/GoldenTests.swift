import Storage
import Testing
import Tokenization

@Suite("Golden ids, offsets and texts of the tokenizers library")
struct GoldenTests {
    @Test("small tokenizers give the library's ids, offsets and decoded text", arguments: Fixtures.small)
    func encodes(name: String) throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/\(name)")
        let rows = try Fixtures.rows("\(name)/encoded.jsonl")
        #expect(rows.count > 70)
        for row in rows {
            let text = try #require(row["text"]?.string)
            let plain = try tokenizer.encode(text, addSpecialTokens: false)
            #expect(plain.ids == row["ids"]?.ids, "\(text.debugDescription)")
            #expect(plain.offsets == row["offsets"]?.ranges, "\(text.debugDescription)")
            let special = try tokenizer.encode(text, addSpecialTokens: true)
            #expect(special.ids == row["special"]?.ids, "\(text.debugDescription)")
            let decoded = try #require(row["decoded"]?.array)
            #expect(same(tokenizer.decode(special.ids, skipSpecialTokens: false), decoded[0].string))
            #expect(same(tokenizer.decode(special.ids, skipSpecialTokens: true), decoded[1].string))
        }
    }

    @Test("ids in any order, invalid UTF-8 among them, decode as in the library", arguments: Fixtures.small)
    func decodes(name: String) throws {
        let tokenizer = try Tokenizer(directory: "\(Fixtures.directory)/\(name)")
        for row in try Fixtures.rows("\(name)/decoded.jsonl") {
            let ids = try #require(row["ids"]).ids
            #expect(same(tokenizer.decode(ids, skipSpecialTokens: false), row["decoded"]?.string), "\(ids)")
        }
    }

    @Test(
        "real tokenizers give the library's ids and decoded text",
        .enabled(if: FileSystem.exists(Fixtures.shared + "/data/tokenizers/gpt2")))
    func real() throws {
        let rows = try Fixtures.rows("real.jsonl")
        var tokenizers: [String: Tokenizer] = [:]
        for row in rows {
            let name = try #require(row["tokenizer"]?.string)
            let tokenizer = try tokenizers[name] ?? Tokenizer(directory: "\(Fixtures.shared)/\(name)")
            tokenizers[name] = tokenizer
            let text = try #require(row["text"]?.string)
            let ids = try tokenizer.encode(text, addSpecialTokens: false).ids
            #expect(ids == row["ids"]?.ids, "\(name): \(text.debugDescription)")
            #expect(same(tokenizer.decode(ids, skipSpecialTokens: false), row["decoded"]?.string))
        }
        #expect(tokenizers.count == 6)
    }
}
