import Foundation
import Preferences
import Testing
import Tokenization

/// The real files that lie beside the project on a developer's machine.
@Suite("Real preference files", .enabled(if: FileManager.default.fileExists(atPath: RowFixture.shared)))
struct RowRealDataTests {
    static func set(_ name: String, scoreNames: [String] = []) throws -> PreferenceSet {
        let tokenizer = try RowFixture.tokenizer()
        let encoder = RowEncoder(
            tokenizer: tokenizer,
            rule: EncodingRule(
                maxLength: 1 << 20, scoreNames: scoreNames, vocabularySize: tokenizer.vocabularySize),
            file: name)
        return try PreferenceSet(merging: [try encoder.encodeShare(of: "\(RowFixture.shared)/preferences/\(name)")])
    }

    @Test(
        "HH transcripts lose their rows with an empty response",
        arguments: [
            ("hh_harmless_train.jsonl.gz", 500, [4, 272]), ("hh_harmless_test.jsonl.gz", 100, []),
        ])
    func transcripts(name: String, rows: Int, empty: [Int]) throws {
        let set = try Self.set(name)
        #expect(set.rows == rows && set.pairs.count == rows - empty.count)
        #expect(set.drops.map(\.line) == empty)
        #expect(set.drops.allSatisfy { $0.reason == .emptyResponse })
        #expect(set.formats.map(\.format) == [.transcript])
    }

    @Test("ranked rows give every pair and each response once")
    func ranked() throws {
        let set = try Self.set("qa_feedback_multidim.jsonl.gz")
        #expect(set.rows == 455 && set.comparisons.count == 444)
        #expect(set.pairs.count == 2375 && set.responses.count == 1767)
        #expect(set.dropCounts == [.noPairs: 11] && set.skips.isEmpty)
    }

    @Test(
        "scores of the file become margin rewards",
        arguments: [
            ("qa_feedback_modpo_train.jsonl.gz", 500), ("qa_feedback_modpo_test.jsonl.gz", 100),
        ])
    func margins(name: String, rows: Int) throws {
        let set = try Self.set(name, scoreNames: ["brevity"])
        #expect(set.pairs.count == rows && set.drops.isEmpty)
        #expect(set.scores["brevity"]?.count == 2 * rows)
        #expect(set.scores["brevity"]?.allSatisfy { $0 < 0 } == true)
    }

    @Test(
        "several raters choose by most votes; ties are dropped",
        arguments: [
            ("pandalm_3rater_train.jsonl.gz", 500), ("pandalm_3rater_test.jsonl.gz", 100),
        ])
    func raters(name: String, rows: Int) throws {
        let raters = ["annotator1", "annotator2", "annotator3"]
        let set = try Self.set(name, scoreNames: raters)
        #expect(set.rows == rows && set.formats.map(\.format) == [.raters])
        #expect(set.drops.contains { $0.reason == .noPreference })
        for pair in set.pairs {
            let votes = raters.map { (set.scores[$0] ?? [])[pair.chosen] - (set.scores[$0] ?? [])[pair.rejected] }
            #expect(votes.reduce(0, +) > 0, "line \(set.comparison(of: .pair(pair)).line): \(votes)")
        }
    }

    @Test(
        "conversational rows say what to do",
        arguments: [
            ("conversational_dpo_en.jsonl.gz", "\"prompt\" is a list of messages"),
            ("conversational_implicit_prompt_60.jsonl.gz", "\"chosen\" is a list of messages"),
        ])
    func refused(name: String, reason: String) {
        do {
            _ = try Self.set(name)
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasPrefix("\(name):1: \(reason)"))
        }
    }
}
