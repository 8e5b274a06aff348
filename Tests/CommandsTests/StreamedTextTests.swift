import Commands
import Storage
import Testing
import Tokenization

/// Answers as they appear: piece by piece, and the same text in the end.
@Suite struct StreamedTextTests {
    static func tokenizer(_ name: String = "row-tokenizer") throws -> Tokenizer {
        let tests = FileSystem.parent(of: FileSystem.parent(of: #filePath))
        return try Tokenizer(directory: FileSystem.join(tests, "PreferencesTests/Fixtures/\(name)"))
    }

    static func ids(_ text: String, _ tokenizer: Tokenizer) throws -> [Int32] {
        try tokenizer.encode(text, addSpecialTokens: false).ids
    }

    @Test("no piece holds half a character, and together they are the text")
    func whole() throws {
        let tokenizer = try StreamedTextTests.tokenizer()
        let prompt = try StreamedTextTests.ids("Say it:", tokenizer)
        let ids = try StreamedTextTests.ids(" naïve 🙂👍🏽 日本語\n e\u{301}nd", tokenizer)
        #expect(ids.count > 20)
        var streamed = StreamedText(after: prompt, tokenizer, nil)
        var pieces = ids.map { streamed.add($0) }
        #expect(pieces.allSatisfy { !$0.unicodeScalars.contains("\u{FFFD}") } && pieces.contains(""))
        pieces.append(streamed.finish())
        let whole = tokenizer.decode(prompt + ids, skipSpecialTokens: true)
        let expected = whole.utf8.dropFirst(tokenizer.decode(prompt, skipSpecialTokens: true).utf8.count)
        #expect(pieces.joined().utf8.elementsEqual(expected) && streamed.text == pieces.joined())
    }

    @Test("what never becomes a character is shown at the end")
    func broken() throws {
        let tokenizer = try StreamedTextTests.tokenizer()
        let half = try StreamedTextTests.ids(" a🙂", tokenizer).dropLast()
        var streamed = StreamedText(after: [], tokenizer, nil)
        for id in half { #expect(!streamed.add(id).unicodeScalars.contains("\u{FFFD}")) }
        #expect(streamed.finish().hasSuffix("\u{FFFD}"))
    }

    @Test("a stop, and what may become one, isn't shown")
    func stops() throws {
        let tokenizer = try StreamedTextTests.tokenizer()
        var streamed = StreamedText(after: [], tokenizer, try StopTexts(["END", "zz"], tokenizer))
        var shown = ""
        for id in try StreamedTextTests.ids(" the E and EN, then END of it", tokenizer) where !streamed.isStopped {
            shown += streamed.add(id)
            #expect(!shown.contains("END"))
        }
        #expect(streamed.isStopped && shown + streamed.finish() == " the E and EN, then ")
        var open = StreamedText(after: [], tokenizer, try StopTexts(["END"], tokenizer))
        for id in try StreamedTextTests.ids(" the EN", tokenizer) { _ = open.add(id) }
        #expect(!open.isStopped && open.text == " the " && open.finish() == "EN" && open.text == " the EN")
    }

    @Test("lines that begin with a slash are commands, with two they are said")
    func commands() {
        #expect(ChatCommand("/system  Be kind. ") == .system("Be kind."))
        #expect(ChatCommand("/system") == .system(nil) && ChatCommand("/quit") == .quit)
        #expect(ChatCommand("/save a b.jsonl") == .save("a b.jsonl") && ChatCommand("/save") == .unknown("/save"))
        #expect(ChatCommand("hello /reset") == nil && ChatCommand("//reset") == nil)
        #expect(ChatCommand.said("//reset") == "/reset" && ChatCommand.said("a") == "a")
    }

    @Test("Markdown is counted as Arena-Hard counts it")
    func markdown() {
        // What count_markdown_elements(remove_pattern(…)) of arena-hard-auto gives for this text.
        let answer = "# One\n## Two\ntext\n 1. a\n22. b\n- c\n* d **bold** and **b** __x__ ** no\n```# code\n- x\n```\n#no\n"
        #expect(
            MarkdownCounts(answer).json == [
                "header_count": ["h1": 1, "h2": 1, "h3": 0, "h4": 0, "h5": 0, "h6": 0],
                "list_count": ["ordered": 2, "unordered": 2], "bold_count": ["**": 2, "__": 1],
            ])
    }
}
