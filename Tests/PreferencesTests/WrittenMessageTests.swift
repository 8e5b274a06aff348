import Preferences
import Storage
import Testing

@Suite("Messages written as text") struct WrittenMessageTests {
    @Test(
        "Python's notation is read where it is unambiguous",
        arguments: [
            ("[{'a': 'b'}]", #"[{"a":"b"}]"#),
            (#"[{'a': "it's", 'b': 'say "x"'}]"#, #"[{"a":"it's","b":"say \"x\""}]"#),
            (#"{'a': 'line\n\ttab \\ \x41\u00e9\U0001f433'}"#, #"{"a":"line\n\ttab \\ Aé🐳"}"#),
            ("[None, True, False, 1, -2.5, 1e3]", "[null,true,false,1,-2.5,1000.0]"), ("('a', 'b')", #"["a","b"]"#),
            ("array([{'a': 1}], dtype=object)", #"[{"a":1}]"#), ("[{'a': 1}\n {'a': 2}]", #"[{"a":1},{"a":2}]"#),
            (" [ ] ", "[]"),
        ])
    func python(text: String, json: String) throws {
        #expect(WrittenValue.read(text, onlyLists: true) == (try JSON.parse(json)))
    }

    @Test(
        "what isn't a value from end to end is a text",
        arguments: [
            "['a' 'b']", "[{'a': 1} and more]", "['a'] x", "{'a': open('x')}", "['a", "[1, 2", "{1: 2}",
            "{'a': 1, 'a': 2}",
            #"['\q']"#, "[a]", "a", "array(", String(repeating: "[", count: 1000),
        ])
    func texts(text: String) {
        #expect(WrittenValue.read(text, onlyLists: true) == nil)
    }

    static let cells = """
        prompt,chosen,rejected
        "What is it?","[{'content': 'What is it?', 'role': 'user'}, {'content': ""It's rain"", 'role': 'assistant'}]",\
        "[{'content': 'What is it?', 'role': 'user'}, {'content': 'No', 'role': 'assistant'}]"

        """

    @Test("lists of messages that pandas wrote into CSV are messages, with and without its index")
    func pandas() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        let plain = try #require(try RowDataSetTests.first(Self.cells, as: "pandas.csv", encoder))
        #expect(
            plain.format == .messages && plain.prompt == "user: What is it?" && plain.chosen == "assistant: It's rain")
        let indexed = Self.cells.replacing("prompt,", with: ",prompt,").replacing(
            "\"What is it?\",", with: "0,\"What is it?\",")
        let second = try #require(try RowDataSetTests.first(indexed, as: "pandas.csv", encoder))
        #expect(second.chosen == plain.chosen && second.columns == ["prompt", "chosen", "rejected"])
        #expect(
            try RowDataSetTests.complaint(indexed.replacing("0,\"What", with: "zero,\"What"), as: "pandas.csv", encoder)
                == """
                pandas.csv:2: the first column has no name and holds "zero" here: name it in the first record, or write the \
                file without an index (pandas: to_csv(path, index=False))
                """)
    }

    @Test("JSON in a string is messages, with the tools beside them; damaged messages are refused")
    func strings() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        func side(_ answer: String, _ tool: String = "w") -> JSON {
            let whole: JSON = [
                "messages": [["role": "user", "content": "P"], ["role": "assistant", "content": .string(answer)]],
                "tools": [["name": .string(tool)]],
            ]
            return .string(whole.text)
        }
        let row: JSON = ["chosen": side("a"), "rejected": side("b")]
        let pair = try #require(try encoder.pair(row.text))
        #expect(pair.format == .wholeDialogues && pair.prompt == "user: P" && pair.chosen == "assistant: a")
        #expect(pair.columns == ["chosen", "rejected", "tools"])
        let torn: JSON = ["chosen": side("a"), "rejected": side("b", "v")]
        #expect(encoder.complaint(torn.text).contains("rejected.tools is another list of tools than the row's"))
        let damaged: JSON = ["prompt": "P", "chosen": "[{'role': 'user', 'content': 'a'}", "rejected": "b"]
        #expect(
            encoder.complaint(damaged.text) == """
                rows.jsonl:7: "chosen" begins like messages written as text and can't be read as such; write lists as lists, \
                in JSON Lines or Parquet (pandas: df.to_json(path, orient="records", lines=True))
                """)
        // Text about lists is text.
        #expect(try encoder.pair(#"{"prompt": "P", "chosen": "[1, 2]", "rejected": "{}"}"#)?.chosen == "[1, 2]")
    }
}
