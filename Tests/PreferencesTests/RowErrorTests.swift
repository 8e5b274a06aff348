import Foundation
import Preferences
import Testing
import Tokenization

@Suite("Malformed rows") struct RowErrorTests {
    @Test(
        "each malformed row is an error that says where, what, and what to do",
        arguments: [
            (#"{"prompt": "A""#, #"not valid JSON at byte 14: expected ',' or '}'; each line must be one JSON object"#),
            (#"[1, 2]"#, "the row is a list; each line must be one JSON object"),
            (
                #"{"prompt": "A", "chosen": "b"}"#,
                #""rejected" is missing; the row has "prompt", "chosen"; name its column with rejected_column"#
            ),
            (
                #"{"prompt": "A", "rejected": "b"}"#,
                #""chosen" is missing; the row has "prompt", "rejected"; name its column with chosen_column"#
            ),
            (
                #"{"prompt": 3, "chosen": "b", "rejected": "c"}"#,
                #""prompt" is a number; expected a string or a list of messages"#
            ),
            (
                #"{"prompt": "A", "chosen": {}, "rejected": "c"}"#,
                #""chosen" is an object; expected a string or a list of messages"#
            ),
            (
                #"{"prompt": [{"role": "user", "content": "A"}], "chosen": "b", "rejected": "c"}"#,
                #""prompt" is a list of messages, which a tokenizer alone can't turn into text: "#
                    + "name the folder of a model with a chat template, or give texts"
            ),
            (
                #"{"prompt_ids": [1], "chosen_ids": [2, "3"], "rejected_ids": [4]}"#,
                "chosen_ids[1] is a string; expected a whole number"
            ),
            (
                #"{"prompt_ids": [1], "chosen_ids": [2.5], "rejected_ids": [4]}"#,
                "chosen_ids[0] is a number; expected a whole number"
            ),
            (
                #"{"prompt_ids": [1], "chosen_ids": [2]}"#,
                #""rejected_ids" is missing; the row has "prompt_ids", "chosen_ids"; expected a list of token ids"#
            ),
            (
                #"{"prompt_ids": "1 2", "chosen_ids": [2], "rejected_ids": [4]}"#,
                #""prompt_ids" is a string; expected a list of token ids"#
            ),
            (
                #"{"prompt_ids": [1, 1000], "chosen_ids": [2], "rejected_ids": [4]}"#,
                "prompt_ids[1] is 1000; the model's vocabulary has 1000 tokens, so ids go from 0 to 999: "
                    + "encode the rows with this model's tokenizer"
            ),
            (
                #"{"prompt_ids": [-1], "chosen_ids": [2], "rejected_ids": [4]}"#,
                "prompt_ids[0] is -1; the model's vocabulary has 1000 tokens, so ids go from 0 to 999: "
                    + "encode the rows with this model's tokenizer"
            ),
            (
                #"{"prompt": "A", "responses": ["b", "c"]}"#,
                #""pairs" is missing; the row has "prompt", "responses"; "#
                    + "give a list of [winner, loser] indices, or scores as a list of numbers"
            ),
            (
                #"{"prompt": "A", "responses": ["b", 2], "pairs": []}"#,
                "responses[1] is a number; expected a string or a list of messages"
            ),
            (
                #"{"prompt": "A", "responses": ["b", "c"], "pairs": [[0, 1], [0, 2]]}"#,
                "pairs[1] is [0, 2]; expected two different indices, [winner, loser], from 0 to 1"
            ),
            (
                #"{"prompt": "A", "responses": ["b", "c"], "pairs": [[1, 1]]}"#,
                "pairs[0] is [1, 1]; expected two different indices, [winner, loser], from 0 to 1"
            ),
            (
                #"{"prompt": "A", "responses": ["b", "c"], "scores": [1]}"#,
                "scores has 1 numbers; expected 2, one for each response"
            ),
        ])
    func malformed(row: String, message: String) throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        #expect(encoder.complaint(row) == "rows.jsonl:7: " + message)
    }

    @Test(
        "margin rewards that are missing or no numbers are errors",
        arguments: [
            (
                #"{"prompt": "A", "chosen": "b", "rejected": "c"}"#,
                #""scores_chosen" is missing; the row has "prompt", "chosen", "rejected"; "#
                    + "the run's margins need it: an object of name to number"
            ),
            (
                #"{"prompt": "A", "chosen": "b", "rejected": "c", "scores_chosen": {"help": 1}, "scores_rejected": {}}"#,
                #""scores_rejected" has no "help"; it has nothing; "#
                    + "add the score to the row or name another column in margins"
            ),
            (
                #"{"prompt": "A", "chosen": "b", "rejected": "c", "scores_chosen": {"brief": 1}, "scores_rejected": {}}"#,
                #""scores_chosen" has no "help"; it has "brief"; "#
                    + "add the score to the row or name another column in margins"
            ),
            (
                #"{"prompt": "A", "chosen": "b", "rejected": "c", "scores_chosen": {"help": "1"}, "scores_rejected": {"help": 1}}"#,
                "scores_chosen.help is a string; expected a number"
            ),
            (
                #"{"prompt": "A", "chosen": "b", "rejected": "c", "scores_chosen": {"help": 1e300}, "scores_rejected": {"help": 1}}"#,
                "scores_chosen.help is 1e+300; expected a number that fits 32-bit floating point"
            ),
            (
                #"{"prompt": "A", "chosen": "b", "rejected": "c", "scores_chosen": 1, "scores_rejected": {}}"#,
                #""scores_chosen" is a number; expected an object of name to number"#
            ),
            (
                #"{"prompt": "A", "responses": ["b", "c"], "pairs": [[0, 1]], "scores": {"help": [1]}}"#,
                "scores.help has 1 numbers; expected 2, one for each response"
            ),
        ])
    func scores(row: String, message: String) throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer(), scoreNames: ["help"])
        #expect(encoder.complaint(row) == "rows.jsonl:7: " + message)
    }

    @Test("text without a tokenizer, or with another model's, is an error")
    func tokenizers() throws {
        let row = #"{"prompt": "The sky is", "chosen": " blue", "rejected": " black"}"#
        #expect(
            RowFixture.encoder().complaint(row) == """
                rows.jsonl:7: text rows need a tokenizer and none was found; put tokenizer.json into the model's folder, \
                set tokenizer_name_or_path, or give rows of token ids
                """)
        let foreign = RowFixture.encoder(try RowFixture.tokenizer(), vocabularySize: 10)
        #expect(
            foreign.complaint(row).hasSuffix(
                """
                the model's vocabulary has 10 tokens, so ids go from 0 to 9: \
                use the tokenizer that the model was trained with
                """))
    }

    @Test("an ending that is wanted must exist")
    func noEnding() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.copyItem(
            atPath: RowFixture.folder + "/row-tokenizer-plain/tokenizer.json", toPath: folder + "/tokenizer.json")
        try "{}".write(toFile: folder + "/tokenizer_config.json", atomically: true, encoding: .utf8)
        let tokenizer = try Tokenizer(directory: folder)
        let row = #"{"prompt": "The sky is", "chosen": " blue", "rejected": " black"}"#
        #expect(
            RowFixture.encoder(tokenizer).complaint(row) == """
                rows.jsonl:7: append_eos needs an end-of-sequence token and the tokenizer names none; \
                add "eos_token" to tokenizer_config.json or set append_eos: false
                """)
        #expect(try RowFixture.encoder(tokenizer, appendEOS: false).comparison(row) != nil)
    }
}
