import Foundation
import Objectives
import Preferences
import Testing

@Suite("Rows as data sets have them") struct RowDataSetTests {
    func encoder(_ scoreNames: [String] = [], judges: Judged = .pairs) throws -> RowEncoder {
        RowFixture.encoder(try RowFixture.tokenizer(), judges: judges, scoreNames: scoreNames)
    }

    /// The margins of the only pair, chosen less rejected, by the names' order.
    func margins(_ row: String, _ names: [String]) throws -> [Float] {
        let comparison = try #require(try encoder(names).comparison(row))
        let pair = comparison.pairs[0]
        return zip(comparison.responses[pair.chosen].scores, comparison.responses[pair.rejected].scores).map { $0 - $1 }
    }

    @Test(
        "each format finds its prompt, the better response and the worse one",
        arguments: [
            (
                RowFormat.safeRLHF,
                #"""
                {"prompt": "P", "response_0": " a", "response_1": " b", "better_response_id": 1, "safer_response_id": 0,
                 "is_response_0_safe": true, "is_response_1_safe": false, "prompt_source": "x"}
                """#, "P", " b", " a"
            ),
            (
                .raters,
                #"""
                {"id": 3, "prompt": "P", "response_0": " a", "response_1": " b",
                 "labels": {"annotator1": 2, "annotator2": 0, "annotator3": 2}}
                """#, "P", " b", " a"
            ),
            (
                .raters,
                #"""
                {"idx": 3, "instruction": "P", "input": "i", "response1": " a", "response2": " b", "cmp_key": "k",
                 "annotator1": 1, "annotator2": 1, "annotator3": 2}
                """#, "P\ni", " a", " b"
            ),
            (
                .humanReferences,
                #"""
                {"history": "P", "human_ref_A": " a", "human_ref_B": " b", "labels": 1, "score_A": 9, "score_B": 4}
                """#, "P", " a", " b"
            ),
            (
                .humanReferences,
                #"""
                {"history": "P", "human_ref_A": " a", "human_ref_B": " b", "labels": 0, "score_A": 1, "score_B": 4}
                """#, "P", " b", " a"
            ),
            (
                .strength,
                #"""
                {"prompt": "P", "response_1": " a", "response_2": " b", "preference_strength": 2, "split": "train"}
                """#, "P", " b", " a"
            ),
            (
                .strength,
                #"""
                {"domain": "code", "context": [{"role": "user", "content": "P"}], "response1": "a", "response2": "b",
                 "overall_preference": -1}
                """#, "user: P", "assistant: a", "assistant: b"
            ),
            (.answerPair, #"{"qid": 1, "question": "P", "response_j": " a", "response_k": " b"}"#, "P", " a", " b"),
            (
                .answers,
                #"""
                {"qid": 1, "question": "P", "answers": [{"text": " a", "pm_score": 1, "selected": false},
                 {"text": " b", "pm_score": 4, "selected": true}]}
                """#, "P", " b", " a"
            ),
            (.instruction, #"{"instruction": "P", "input": "", "chosen": " a", "rejected": " b"}"#, "P", " a", " b"),
            (
                .instruction, #"{"instruction": "P", "input": "i", "chosen": " a", "rejected": " b"}"#, "P\ni", " a",
                " b"
            ),
        ])
    func pairs(format: RowFormat, row: String, prompt: String, chosen: String, rejected: String) throws {
        let pair = try #require(try encoder().pair(row.replacing("\n", with: " ")))
        #expect(pair.format == format)
        #expect(pair.prompt == prompt && pair.chosen == chosen && pair.rejected == rejected)
    }

    @Test("what else a data set says of its responses are margin rewards")
    func rewards() throws {
        let safe = #"""
            {"prompt": "P", "response_0": " a", "response_1": " b", "better_response_id": 1, "safer_response_id": 0, \#
            "is_response_0_safe": true, "is_response_1_safe": false}
            """#
        #expect(try margins(safe, ["safe", "safer"]) == [-1, -1])
        let rated = #"""
            {"prompt": "P", "response_0": " a", "response_1": " b", "labels": {"ann": 2, "bob": 0, "eve": 2}}
            """#
        #expect(try margins(rated, ["ann", "bob", "eve"]) == [1, 0, 1])
        let posts = #"""
            {"history": "P", "human_ref_A": " a", "human_ref_B": " b", "labels": 1, "score_A": 9, "score_B": 4}
            """#
        #expect(try margins(posts, ["score"]) == [5])
        let graded = #"""
            {"prompt": "P", "response_1": " a", "response_2": " b", "preference_strength": -3}
            """#
        #expect(try margins(graded, ["strength"]) == [3])
        let answers = #"""
            {"question": "P", "answers": [{"text": " a", "pm_score": 1, "selected": true}, \#
            {"text": " b", "pm_score": 4, "selected": false}]}
            """#
        #expect(try margins(answers, ["pm_score", "selected"]) == [3, -1])
        // Flat columns, as UltraFeedback's.
        let flat = #"{"prompt": "P", "chosen": " a", "rejected": " b", "score_chosen": 7.5, "score_rejected": 6}"#
        #expect(try margins(flat, ["score"]) == [1.5])
        let turned = #"{"prompt": "P", "chosen": " a", "rejected": " b", "chosen_score": 2, "rejected_score": 6}"#
        #expect(try margins(turned, ["score"]) == [-4])
    }

    @Test(
        "rows without a preference are dropped, saying so",
        arguments: [
            #"{"prompt": "P", "response_0": " a", "response_1": " b", "labels": {"a": 2, "b": 0, "c": 0}}"#,
            #"{"prompt": "P", "response_0": " a", "response_1": " b", "labels": {"a": 2, "b": 1, "c": 0}}"#,
            #"{"prompt": "P", "response_0": " a", "response_1": " b", "labels": {"a": 0, "b": 0}}"#,
            #"{"context": "P", "response1": " a", "response2": " b", "overall_preference": 0}"#,
        ])
    func ties(row: String) throws {
        #expect(try encoder().reason(row) == .noPreference)
    }

    @Test("sft takes the better response alone")
    func chosenOnly() throws {
        let comparison = try #require(
            try encoder(judges: .demonstrations).comparison(
                #"""
                {"history": "P", "human_ref_A": " a", "human_ref_B": " b", "labels": 0}
                """#))
        #expect(comparison.responses.count == 1 && comparison.judgements == [.demonstration(0)])
    }

    @Test("neighbouring rated responses of one prompt are one comparison")
    func attributes() throws {
        let rows = """
            {"prompt": "P", "response": " a", "helpfulness": 1, "correctness": 4, "verbosity": 2}
            {"prompt": "P", "response": " b", "helpfulness": 3, "correctness": 3, "verbosity": 2}

            {"prompt": "P", "response": " c", "helpfulness": 3, "correctness": 2, "verbosity": 1}
            {"prompt": "Q", "response": " d", "helpfulness": 0, "correctness": 0, "verbosity": 0}
            {"prompt": "R", "response": " e", "helpfulness": 0, "correctness": 0, "verbosity": 0}
            {"prompt": "R", "response": " f", "helpfulness": 2, "correctness": 1, "verbosity": 4}
            """
        for ranks in [1, 2, 3] {
            let set = try Self.set(rows, as: "rated.jsonl", try encoder(["correctness"]), ranks: ranks)
            #expect(set.rows == 3 && set.comparisons.map(\.line) == [1, 6] && set.comparisons.map(\.row) == [0, 2])
            #expect(set.pairs.map { [$0.chosen, $0.rejected] } == [[1, 0], [2, 0], [4, 3]])
            #expect(set.scores["correctness"] == [4, 3, 2, 0, 1])
            #expect(set.drops.map(\.reason) == [.noPairs])
            #expect(set.formats.map(\.format) == [.attributes] && set.unusedColumns == [])
        }
        #expect(
            try Self.complaint(rows + "\n{\"prompt\": \"A\", \"chosen\": \"b\"}", as: "rated.jsonl", try encoder())
                == """
                rated.jsonl:8: the file began with rated responses (prompt, response, helpfulness), and this row has \
                "prompt", "chosen"; give every format a file of its own
                """)
    }

    @Test("CSV columns hold numbers and messages as text")
    func csv() throws {
        let cells = #"""
            prompt,chosen,rejected,score_chosen,score_rejected
            P, a, b,2,-1.5
            "Say ""[1]""",[1],{2},3,4
            """#
        let set = try Self.set(cells, as: "pairs.csv", try encoder(["score"]))
        #expect(set.scores["score"] == [2, -1.5, 3, 4] && set.pairs.count == 2)
        let rated = "prompt,response,helpfulness\nP, a,1\nP, b,2\n"
        #expect(try Self.set(rated, as: "rated.csv", try encoder(["helpfulness"])).scores["helpfulness"] == [1, 2])
        let messages = #"""
            chosen,rejected
            "[{""role"": ""user"", ""content"": ""P""}, {""role"": ""assistant"", ""content"": ""a""}]","[{""role"": ""user"", ""content"": ""P""}, {""role"": ""assistant"", ""content"": ""b""}]"
            """#
        let pair = try #require(try Self.first(messages, as: "messages.csv", try encoder()))
        #expect(pair.format == .wholeDialogues && pair.prompt == "user: P" && pair.rejected == "assistant: b")
    }

    @Test("a row of no known format that lacks one column of a known one is told which")
    func nearlyKnown() throws {
        let encoder = try encoder()
        let row = #"{"question": "Q", "answer_0": "a", "answer_1": "b", "score_0": 1}"#
        #expect(encoder.complaint(row).contains(#"; it would be WebGPT comparisons with "score_1"; name its columns"#))
        let two = #"{"prompt": "P", "response_0": "a", "response_1": "b"}"#
        #expect(
            encoder.complaint(two).contains(
                #"it would be PKU-SafeRLHF rows with "better_response_id", or rows of several raters with "labels"; "#))
        #expect(!encoder.complaint(#"{"instruction": "P", "completion": "a"}"#).contains("it would be"))
    }

    @Test("rows of no known format, or of two, list their columns and what is known")
    func unknown() throws {
        let complaint = try encoder().complaint(#"{"question": "a", "answer": "b"}"#)
        #expect(
            complaint.hasPrefix(
                """
                rows.jsonl:7: rows of no known format: the row has "question", "answer"; name its columns with prompt_column, \
                chosen_column and rejected_column, or give one of: single responses of token ids (prompt_ids, \
                completion_ids), rows of token ids (prompt_ids, chosen_ids, rejected_ids), \
                ranked rows (prompt, responses, pairs or scores), 
                """.trimmingCharacters(in: .newlines)))
        #expect(complaint.hasSuffix("dialogues (messages; or conversations), texts (text)"))
        #expect(
            try encoder().complaint(
                #"""
                {"question": "a", "response_j": "b", "response_k": "c", "answers": []}
                """#) == """
                    rows.jsonl:7: the row has "question", "response_j", "response_k", "answers", which fits StackExchange pairs \
                    and StackExchange questions; remove the columns of one, or name prompt_column, chosen_column and rejected_column
                    """)
    }

    @Test(
        "malformed rows of a data set say where and what was expected",
        arguments: [
            (
                #"{"prompt": "P", "response_0": "a", "response_1": "b", "better_response_id": 2}"#,
                #""better_response_id" is 2; expected one of 0, 1"#
            ),
            (
                #"{"prompt": "P", "response_0": "a", "response_1": "b", "labels": {"ann": 3}}"#,
                "ann is 3; expected 0 (a tie), 1 or 2"
            ),
            (
                #"{"prompt": "P", "response_0": "a", "response_1": "b", "labels": [1]}"#,
                #""labels" is a list; expected an object of rater to label: 0 a tie, 1 or 2 the better response"#
            ),
            (
                #"{"history": "P", "human_ref_A": "a", "human_ref_B": "b", "labels": "yes"}"#,
                #""labels" is "yes"; expected one of 1, 0"#
            ),
            (
                #"{"context": "P", "response1": "a", "response2": "b", "overall_preference": "x"}"#,
                #""overall_preference" is a string; expected a number"#
            ),
            (
                #"{"question": "P", "answers": [{"text": "a", "pm_score": 1}, {"text": "b"}]}"#,
                "answers[1].pm_score is missing; expected a number"
            ),
            (
                #"{"question": "P", "answers": [{"pm_score": 1}]}"#,
                "answers[0].text is missing; expected a string or a list of messages"
            ),
            (
                #"{"prompt": "P", "response": "a", "helpfulness": "much"}"#,
                "helpfulness[0] is a string; expected a number"
            ),
        ])
    func malformed(row: String, message: String) throws {
        #expect(try encoder().complaint(row) == "rows.jsonl:7: " + message)
    }

    @Test("a margin reward that the format doesn't give is an error that lists those it gives")
    func missingReward() throws {
        #expect(
            try encoder(["brevity"]).complaint(
                #"""
                {"prompt": "P", "response_0": "a", "response_1": "b", "better_response_id": 0, "safer_response_id": 1}
                """#) == """
                    rows.jsonl:7: the row gives no margin reward "brevity"; it gives "safer"; name one of them in margins, \
                    or add the score to the row
                    """)
    }

    // MARK: - Files

    static func set(_ text: String, as name: String, _ encoder: RowEncoder, ranks: Int = 1) throws -> PreferenceSet {
        let path = try write(text, as: name)
        return try PreferenceSet(
            merging: (0..<ranks).map { try encoder.encodeShare(of: path, rank: $0, of: ranks) })
    }

    static func first(_ text: String, as name: String, _ encoder: RowEncoder) throws -> RowPreview? {
        try encoder.preview(of: write(text, as: name))
    }

    static func complaint(_ text: String, as name: String, _ encoder: RowEncoder) throws -> String {
        let path = try write(text, as: name)
        do throws(RowFailure) { return "no error: \(try encoder.encodeShare(of: path).count)" } catch {
            return error.description.replacing(path, with: name)
        }
    }

    private static func write(_ text: String, as name: String) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "rows-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appending(path: name).path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }
}
