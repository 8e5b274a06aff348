import Preferences
import Testing
import Tokenization

@Suite("Summary of a data file") struct RowSummaryTests {
    static func ids(_ chosen: [Int], _ rejected: [Int]) -> String {
        #"{"prompt_ids": [1, 2], "chosen_ids": \#(chosen), "rejected_ids": \#(rejected)}"#
    }

    @Test("rows, pairs and drops are counted with their lines")
    func drops() throws {
        var rows = [Self.ids([3], [4]), Self.ids([3], [3])]
        rows += Array(repeating: Self.ids([3, 4, 5], [4]), count: 6)
        let set = try RowFixture.encoder(maxLength: 4).set(rows)
        #expect(
            PreferenceSummary(file: "rows.jsonl", set: set).lines == [
                "rows.jsonl: 8 rows, 1 pair; dropped 7: 1 with identical responses (line 2), "
                    + "6 too long (lines 3, 4, 5, 6, 7, …; raise max_length or set truncation)",
                "read 8 as rows of token ids: used as they are",
            ])
    }

    @Test("what was taken for what, cut, skipped and ignored has a line each")
    func everything() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer(), maxLength: 7, truncation: .keepStart)
        let set = try encoder.set([
            #"{"prompt": "Name a fr", "chosen": "uit.", "rejected": "esh pear.", "id": 3}"#,
            #"{"chosen": "\n\nAssistant: b", "rejected": "\n\nAssistant: c", "gold": ""}"#,
            #"{"prompt": "A", "responses": [" b", " c", " b"], "pairs": [[0, 1], [0, 2], [2, 0]]}"#,
        ])
        #expect(
            PreferenceSummary(file: "f", set: set).description == """
                f: 3 rows, 3 pairs
                  read 1 as ranked rows: several responses of one prompt
                  read 1 as text rows: the prompt is a column
                  read 1 as transcripts: the prompt ends with the last "\\n\\nAssistant:" of chosen
                  left 2 pairs out of kept rows: 2 with identical responses (line 3)
                  1 row cut to fit max_length
                  1 pair with a token on both sides of the boundary, scored as response
                  columns not used: gold, id
                """)
        #expect(set.truncatedRows == 1 && set.straddling == 1)
    }

    @Test("ranked rows and sft count responses")
    func responses() throws {
        let rows = [
            """
            {"prompt": "A", "responses": [" b", " c", " d"], "scores": [1, 2, 3]}
            """
        ]
        let ranked = try RowFixture.encoder(try RowFixture.tokenizer()).set(rows)
        #expect(PreferenceSummary(file: "f", set: ranked).lines[0] == "f: 1 row, 3 pairs of 3 responses")
        let chosen = try RowFixture.encoder(judges: .demonstrations).set([Self.ids([3], [4])])
        #expect(PreferenceSummary(file: "f", set: chosen).lines[0] == "f: 1 row, 1 chosen response")
    }

    @Test("a file without a usable pair is refused")
    func nothing() throws {
        func complaint(_ set: PreferenceSet) -> String {
            do throws(PreferenceError) {
                try set.requireJudgements(file: "f")
                return "no error"
            } catch {
                return error.description
            }
        }
        let encoder = RowFixture.encoder()
        #expect(complaint(try encoder.set([])) == "f: the file has no rows; expected one JSON object per line")
        #expect(
            complaint(try encoder.set([Self.ids([3], [3])])) == """
                f: 1 row, 0 pairs; dropped 1: 1 with identical responses (line 1); nothing is left to train or evaluate on
                """)
        #expect(complaint(try encoder.set([Self.ids([3], [4])])) == "no error")
    }
}
