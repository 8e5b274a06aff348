import Storage
import Testing
import Tokenization

@Suite("Malformed tokenizer files")
struct MalformedFileTests {
    static let model = #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}"#

    /// The message of the error that a folder with these files gives; nil if it loads.
    static func message(_ tokenizer: String, config: String? = nil) throws -> String? {
        let folder = "/tmp/prefopt-tokenizer-\(UInt64.random(in: 0 ... .max))"
        try FileSystem.makeDirectories(folder)
        defer { try? FileSystem.removeTree(folder) }
        try AtomicFile.write(tokenizer, to: folder + "/tokenizer.json")
        if let config { try AtomicFile.write(config, to: folder + "/tokenizer_config.json") }
        do throws(TokenizerError) {
            _ = try Tokenizer(directory: folder)
            return nil
        } catch {
            let text = "\(error)"
            return text.hasPrefix(folder + "/") ? String(text.dropFirst(folder.utf8.count + 1)) : text
        }
    }

    static func added(_ id: String, _ content: String) -> String {
        #"{"id":\#(id),"content":"\#(content)","single_word":false,"lstrip":false,"rstrip":false,"#
            + #""normalized":false,"special":true}"#
    }

    @Test(
        "each is refused with the file, the key and the reason",
        arguments: [
            ("[]", #"tokenizer.json: "" must be an object, not a list"#),
            ("{", "tokenizer.json: not valid JSON at byte 1: expected a member name in quotes; fetch the file again"),
            ("{}", #"tokenizer.json: "model" is missing; is this a Hugging Face tokenizer file?"#),
            (
                #"{"model":{"type":"WordPiece"}}"#,
                #"tokenizer.json: "model": the model WordPiece isn't supported; supported are BPE, Unigram"#
            ),
            (
                #"{"model":{"vocab":{"a":0},"merges":["a b"]}}"#,
                #"tokenizer.json: "model.merges[0]" needs the token "b", which is not in the vocabulary"#
            ),
            (
                #"{"model":{"vocab":{"a":0,"b":1},"merges":[["a","b"]]}}"#,
                #"tokenizer.json: "model.merges[0]" needs the token "ab", which is not in the vocabulary"#
            ),
            (
                #"{"model":{"vocab":{"a":0},"merges":["a b c"]}}"#,
                #"tokenizer.json: "model.merges[0]" must name two tokens"#
            ),
            (
                #"{"model":{"vocab":{"a":0},"merges":[7]}}"#,
                #"tokenizer.json: "model.merges[0]" must be a pair, not a number"#
            ),
            (
                #"{"model":{"vocab":{"a":0,"b":0},"merges":[]}}"#,
                #"tokenizer.json: "model.vocab" gives the id 0 to both "a" and "b"; ids must be unique"#
            ),
            (
                #"{"model":{"vocab":{"a":-1},"merges":[]}}"#,
                #"tokenizer.json: "model.vocab.a" is -1; it can't be negative"#
            ),
            (
                #"{"model":{"vocab":{"a":4000000000},"merges":[]}}"#,
                #"tokenizer.json: "model.vocab.a" is 4000000000; ids must be below 16777216"#
            ),
            (
                #"{"model":{"vocab":{"a":"0"},"merges":[]}}"#,
                #"tokenizer.json: "model.vocab.a" must be a whole number, not a string"#
            ),
            (
                #"{"model":{"vocab":{"a":0}}}"#,
                #"tokenizer.json: "model.merges" is missing; is this a Hugging Face tokenizer file?"#
            ),
            (
                #"{"model":{"vocab":{"a":0},"merges":[],"unk_token":"?"}}"#,
                #"tokenizer.json: "model.unk_token" is "?", which is not in the vocabulary"#
            ),
            (
                #"{"model":\#(model),"added_tokens":[\#(added("1", "<x>"))]}"#,
                #"tokenizer.json: "added_tokens[0].id" is 1, which model.vocab gives to "b""#
            ),
            (
                #"{"model":\#(model),"added_tokens":[\#(added("3", "a"))]}"#,
                #"tokenizer.json: "added_tokens[0].id" is 3, but model.vocab gives "a" the id 0"#
            ),
            (
                #"{"model":\#(model),"added_tokens":[\#(added("3", "<x>")),\#(added("3", "<y>"))]}"#,
                #"tokenizer.json: "added_tokens[1].id" is 3, like that of "<x>""#
            ),
            (
                #"{"model":\#(model),"normalizer":{"type":"BertNormalizer"}}"#,
                #"tokenizer.json: "normalizer": the normalizer BertNormalizer isn't supported; supported are "#
                    + "NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, StripAccents, Precompiled, Sequence"
            ),
            (
                #"{"model":\#(model),"normalizer":{"type":"Precompiled","precompiled_charsmap":"BAAA"}}"#,
                #"tokenizer.json: "normalizer.precompiled_charsmap" is not Base64 of a character map"#
            ),
            (
                #"{"model":\#(model),"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAEAAAAA"}}"#,
                #"tokenizer.json: "normalizer.precompiled_charsmap" holds 6 bytes; its trie alone claims 256"#
            ),
            (
                #"{"model":{"type":"Unigram","vocab":[["a",0.0],["b"]]}}"#,
                #"tokenizer.json: "model.vocab[1]" must be a token and its score"#
            ),
            (
                #"{"model":{"type":"Unigram","unk_id":7,"vocab":[["a",0.0]]}}"#,
                #"tokenizer.json: "model.unk_id" is 7, but there are 1 tokens"#
            ),
            (
                #"{"model":\#(model),"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated","#
                    + #""invert":false}}"#,
                #"tokenizer.json: "pre_tokenizer.pattern.Regex" is no regular expression: end pattern with unmatched "#
                    + "parenthesis, in the pattern (a"
            ),
            (
                #"{"model":\#(model),"pre_tokenizer":{"type":"Split","pattern":{"Regex":"a\\X"},"behavior":"Isolated","#
                    + #""invert":false}}"#,
                #"tokenizer.json: "pre_tokenizer.pattern.Regex" has \X, which isn't supported: it depends on the "#
                    + "version of Unicode, in the pattern a\\X"
            ),
            (
                #"{"model":\#(model),"decoder":{"type":"CTC"}}"#,
                #"tokenizer.json: "decoder": the decoder CTC isn't supported; supported are "#
                    + "ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence"
            ),
            (
                #"{"model":\#(model),"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":"#
                    + #"{"id":"<s>","type_id":0}}],"special_tokens":{"<s>":{"ids":[9]}}}}"#,
                #"tokenizer.json: "post_processor" uses the id 9, which no token has"#
            ),
        ])
    func refused(file: String, expected: String) throws {
        #expect(try MalformedFileTests.message(file) == expected)
    }

    @Test("a configuration that names an unknown token is refused")
    func unknownSpecialToken() throws {
        let file = #"{"model":\#(MalformedFileTests.model)}"#
        let expected = #"tokenizer_config.json: "pad_token" is "<pad>", which tokenizer.json doesn't hold; "#
        let message = try MalformedFileTests.message(file, config: #"{"pad_token":{"content":"<pad>"}}"#)
        #expect(message == expected + "correct one of them")
        #expect(try MalformedFileTests.message(file, config: #"{"pad_token":null,"bos_token":"a"}"#) == nil)
    }

    @Test("add_bos_token and add_eos_token replace the file's template, as in transformers")
    func configuredTemplate() throws {
        let folder = "/tmp/prefopt-tokenizer-\(UInt64.random(in: 0 ... .max))"
        try FileSystem.makeDirectories(folder)
        defer { try? FileSystem.removeTree(folder) }
        try AtomicFile.write(#"{"model":\#(MalformedFileTests.model)}"#, to: folder + "/tokenizer.json")
        let config = #"{"add_bos_token":true,"add_eos_token":true,"bos_token":"a","eos_token":{"content":"b"}}"#
        try AtomicFile.write(config, to: folder + "/tokenizer_config.json")
        let tokenizer = try Tokenizer(directory: folder)
        let expected = Encoding(ids: [0, 2, 1], offsets: [0..<0, 0..<2, 2..<2])
        #expect(try tokenizer.encode("ab", addSpecialTokens: true) == expected)
        #expect(try tokenizer.encode("ab", addSpecialTokens: false).ids == [2])
        #expect(tokenizer.bosToken == 0 && tokenizer.eosToken == 1 && tokenizer.padToken == nil)
    }

    @Test("a missing file is named")
    func missing() {
        #expect(throws: TokenizerError.self) { try Tokenizer(directory: "/nowhere") }
    }
}
