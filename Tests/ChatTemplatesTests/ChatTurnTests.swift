import ChatTemplates
import Storage
import Testing

@Suite("The assistant's turns in a conversation") struct ChatTurnTests {
    private func turns(_ source: String, _ messages: [JSON], inPrompt: Bool = true, prompt: Int? = nil) throws -> SpokenText {
        let prompt = prompt ?? messages.count - 1
        return try ChatTemplate(source: source).turns(
            prompt: Array(messages[..<prompt]), completion: Array(messages[prompt...]), inPrompt: inPrompt)
    }

    private func said(_ spoken: SpokenText) -> [String] {
        let bytes = Array(spoken.text.utf8)
        return spoken.turns.map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    private func message(_ role: String, _ content: String) -> JSON {
        ["role": .string(role), "content": .string(content)]
    }

    private func complaint(_ body: () throws(any Error) -> SpokenText) -> String {
        do { return "no error: \(try body())" } catch { return "\(error)" }
    }

    private static let plain = """
        {% for m in messages %}<{{ m.role }}>{{ m.content }};{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
        """

    @Test("they are what transformers marks, and without the marks what each message adds to the text")
    func goldens() throws {
        let marked = String(
            decoding: try FileSystem.read("\(Fixtures.directory)/chat-marked.jinja"), as: UTF8.self)
        let unmarked = ["{% generation %}", "{% endgeneration %}"].reduce(marked) {
            $0.split(separator: $1, omittingEmptySubsequences: false).joined()
        }
        #expect(unmarked.utf8.count < marked.utf8.count)
        for golden in try Fixtures.rows("chat-turns.jsonl") {
            let messages = try #require(golden["messages"]?.array)
            let places = try #require(golden["turns"]?.array).map { pair in
                let ends = pair.array?.compactMap(\.integer) ?? []
                return ends[0]..<ends[1]
            }
            let found = try turns(marked, messages)
            #expect(found.text == golden["text"]?.string && found.turns == places && found.areMarked)
            let same = try turns(unmarked, messages)
            #expect(same.text == found.text && same.turns == places && !same.areMarked)
        }
    }

    @Test("what a template writes at the end of any conversation ends the last turn only")
    func tail() throws {
        let source = Self.plain + "{% if not add_generation_prompt %}[stop]{% endif %}"
        let messages = [
            message("user", "a"), message("assistant", "b"), message("user", "c"), message("assistant", "d"),
        ]
        #expect(said(try turns(source, messages)) == ["b;", "d;[stop]"])
    }

    @Test("of a prompt that a row gives apart no turn counts, nor what a continued message said before")
    func apart() throws {
        let messages = [
            message("user", "a"), message("assistant", "b"), message("user", "c"), message("assistant", "d"),
            message("user", "e"), message("assistant", "f"),
        ]
        #expect(said(try turns(Self.plain, messages, inPrompt: false, prompt: 3)) == ["d;", "f;"])
        let begun = [message("user", "a"), message("assistant", "b"), message("assistant", "c")]
        #expect(said(try turns(Self.plain, begun, inPrompt: false)) == ["c;"])
        let marked = Self.plain.split(separator: "{{ m.content }};", omittingEmptySubsequences: false).joined(
            separator: "{% generation %}{{ m.content }};{% endgeneration %}")
        #expect(said(try turns(marked, messages, inPrompt: false, prompt: 3)) == ["d;", "e;", "f;"])
        #expect(said(try turns(marked, begun, inPrompt: false)) == ["c;"])
    }

    @Test("a message of the assistant's that opens a conversation answers nothing")
    func opening() throws {
        let messages = [message("assistant", "hello"), message("user", "a"), message("assistant", "b")]
        #expect(said(try turns(Self.plain, messages)) == ["b;"])
    }

    @Test("a template that rewrites earlier turns, or what stands before them, is refused by the message's number")
    func rewriting() {
        let messages = [
            message("user", "a"), message("assistant", "b"), message("user", "c"), message("assistant", "d"),
        ]
        let thinking = """
            {% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' and loop.last %}(hm){% endif %}{{ m.content }};\
            {% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
            """
        let counting = "{{ messages | length }}" + Self.plain
        for source in [thinking, counting] {
            let text = complaint { try turns(source, messages) }
            #expect(text.contains("writes message 2 otherwise once others follow it"), "\(text)")
            #expect(text.contains("score_turns: last"))
        }
        let silent = Self.plain + "{% if false %}{% generation %}x{% endgeneration %}{% endif %}"
        #expect(complaint { try turns(silent, messages) }.contains("marks nothing of this conversation"))
    }

    @Test("a token that goes on beyond a turn belongs to what follows, unless the template marks the turn")
    func edges() throws {
        let messages = [message("user", "a"), message("assistant", "b")]
        let spoken = try turns(Self.plain, messages)
        let turn = spoken.turns[0]
        #expect(spoken.has(turn.lowerBound - 1..<turn.upperBound, in: turn))
        #expect(!spoken.has(turn.lowerBound..<turn.upperBound + 1, in: turn))
    }
}
