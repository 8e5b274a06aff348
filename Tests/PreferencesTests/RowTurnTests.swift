import ChatTemplates
import Preferences
import Storage
import Testing
import Tokenization

/// `score_turns: all`: several scored spans in one response.
@Suite("All turns of a dialogue") struct RowTurnTests {
    private static let template = """
        {% for m in messages %}<{{ m.role }}>{{ m.content }}!{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
        """
    private static let dialogue = #"""
        {"messages": [{"role": "user", "content": "Is the sky blue?"}, {"role": "assistant", "content": "It is."},
          {"role": "user", "content": "And the sea?"}, {"role": "assistant", "content": "It is black."}]}
        """#

    private func encoder(
        _ turns: ScoredTurns = .all, template: String = template, maxLength: Int = 512, truncation: Truncation = .drop
    ) throws -> RowEncoder {
        let tokenizer = try RowFixture.tokenizer("row-tokenizer-plain")
        return RowEncoder(
            tokenizer: tokenizer, template: .success(try ChatTemplate(source: template)),
            rule: EncodingRule(
                maxLength: maxLength, truncation: truncation, judges: .demonstrations, scoredTurns: turns,
                vocabularySize: tokenizer.vocabularySize),
            file: "rows.jsonl")
    }

    /// The texts of a response's scored spans.
    private func scored(_ comparison: EncodedComparison, _ encoder: RowEncoder) throws -> [String] {
        let response = try #require(comparison.responses.first)
        return response.spans.ranges.map {
            encoder.tokenizer?.decode(Array(response.tokens[$0]), skipSpecialTokens: false) ?? ""
        }
    }

    @Test("each turn of the assistant's is scored, and nothing else, in the tokens of the whole text")
    func all() throws {
        let encoder = try encoder()
        let comparison = try #require(try encoder.comparison(Self.dialogue))
        #expect(try scored(comparison, encoder) == ["It is.!", "It is black.!"])
        let whole = try #require(encoder.tokenizer).encode(
            "<user>Is the sky blue?!<assistant>It is.!<user>And the sea?!<assistant>It is black.!",
            addSpecialTokens: false)
        #expect(comparison.prompt + comparison.responses[0].tokens == whole.ids)
        #expect(try encoder.row(Self.dialogue).notes.contains(.severalTurns))

        let last = try #require(try self.encoder(.last).comparison(Self.dialogue))
        #expect(try scored(last, encoder) == ["It is black.!"])
        #expect(last.prompt + last.responses[0].tokens == whole.ids)
    }

    @Test("a single turn is the response that it is without the key")
    func single() throws {
        let row = #"{"prompt": "Is it?", "completion": [{"role": "assistant", "content": "It is."}]}"#
        #expect(try encoder().comparison(row) == encoder(.last).comparison(row))
        #expect(try encoder().row(row) == encoder(.last).row(row))
    }

    @Test("of a row that gives its prompt apart the completion's turns count, of one with a history all")
    func apart() throws {
        let encoder = try encoder()
        let apart = #"""
            {"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],
             "completion": [{"role": "assistant", "content": "d"}, {"role": "user", "content": "e"},
               {"role": "assistant", "content": "f"}]}
            """#
        #expect(try scored(#require(try encoder.comparison(apart)), encoder) == ["d!", "f!"])
        let history = #"{"instruction": "c", "output": "d", "history": [["a", "b"]]}"#
        #expect(try scored(#require(try encoder.comparison(history)), encoder) == ["b!", "d!"])
        let pair = #"""
            {"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
               {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}],
             "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
               {"role": "user", "content": "c"}, {"role": "assistant", "content": "e"}]}
            """#
        #expect(try scored(#require(try encoder.comparison(pair)), encoder) == ["b!", "d!"])
    }

    @Test("a cut that ends between turns, or within one, leaves what was said before it")
    func cut() throws {
        let whole = try #require(try encoder().comparison(Self.dialogue))
        let (prompt, response) = (whole.prompt.count, whole.responses[0])
        let gap = response.spans.gaps[0]
        #expect(try encoder(maxLength: prompt + response.tokens.count - 1).reason(Self.dialogue) == .tooLong)
        for (room, kept) in [(gap.upperBound, gap.lowerBound), (gap.lowerBound, gap.lowerBound), (gap.lowerBound - 1, gap.lowerBound - 1)] {
            let cut = try #require(
                try encoder(maxLength: prompt + room, truncation: .keepStart).comparison(Self.dialogue))
            #expect(cut.responses[0].tokens == Array(response.tokens[..<kept]) && cut.responses[0].isCut)
            #expect(cut.responses[0].spans == ScoredSpans(to: kept))
        }
        let within = try #require(
            try encoder(maxLength: prompt + gap.upperBound + 1, truncation: .keepStart).comparison(Self.dialogue))
        #expect(within.responses[0].spans == ScoredSpans(to: gap.upperBound + 1, without: [gap]))
    }

    @Test("ranks exchange the spans, a copy keeps them, and the set's digest tells them apart")
    func sets() throws {
        let set = try encoder().set([Self.dialogue])
        #expect(set.responses[0].spans.gaps.count == 1 && set.responses[0].length < set.responses[0].tokens.count)
        #expect(set.scoredTokens(of: set.responses[0]).count == set.responses[0].length)
        let twice = PreferenceSet(joining: [(set, 2)], seed: 1)
        #expect(twice.responses.map(\.spans) == [set.responses[0].spans, set.responses[0].spans])
        #expect(try set.digest() == encoder().set([Self.dialogue]).digest())
        #expect(try set.digest() != encoder(.last).set([Self.dialogue]).digest())
    }

    @Test("a template that rewrites turns, and a transcript of several answers, are errors with the row's place")
    func refusals() throws {
        let rewriting = "{{ messages | length }}" + Self.template
        #expect(
            try encoder(template: rewriting).complaint(Self.dialogue).hasPrefix(
                "rows.jsonl:7: the chat template writes message 2 otherwise"))
        let transcript = #"{"chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d"}"#
        #expect(
            try encoder().complaint(transcript).hasPrefix(
                #"rows.jsonl:7: "chosen" is a transcript of several answers; expected messages"#))
        #expect(try encoder(.last).reason(transcript) == nil)
    }
}
