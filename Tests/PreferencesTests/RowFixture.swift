import Foundation
import Objectives
import Preferences
import Storage
import Testing
import Tokenization

/// The fixtures of the row tests: the committed tokenizers, and short ways to encode a few rows.
enum RowFixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").path
    static let shared = URL(filePath: #filePath).appending(path: "../../../../shared/data").standardized.path

    static func tokenizer(_ name: String = "row-tokenizer") throws -> Tokenizer {
        try Tokenizer(directory: "\(folder)/\(name)")
    }

    /// An encoder of token-id rows over a vocabulary of 1000, or of text rows with a fixture's tokenizer.
    static func encoder(
        _ tokenizer: Tokenizer? = nil, mapping: RowMapping = RowMapping(), maxLength: Int = 512,
        truncation: Truncation = .drop, appendEOS: Bool = true, judges: Judged? = .pairs, scoreNames: [String] = [],
        vocabularySize: Int = 1000
    ) -> RowEncoder {
        RowEncoder(
            tokenizer: tokenizer, mapping: mapping,
            rule: EncodingRule(
                maxLength: maxLength, truncation: truncation, appendEOS: appendEOS, judges: judges,
                scoreNames: scoreNames, vocabularySize: vocabularySize),
            file: "rows.jsonl")
    }
}

extension RowEncoder {
    func row(_ json: String, line: Int = 7) throws(PreferenceError) -> EncodedRow {
        try encode(line: Array(json.utf8), number: line, row: 0)
    }

    /// The comparison a row gives; nil if it is dropped.
    func comparison(_ json: String) throws(PreferenceError) -> EncodedComparison? {
        if case .comparison(let comparison) = try row(json).outcome { comparison } else { nil }
    }

    /// The reason for which a row is dropped; nil if it isn't.
    func reason(_ json: String) throws(PreferenceError) -> DropReason? {
        if case .dropped(let reason) = try row(json).outcome { reason } else { nil }
    }

    /// A row's first pair as it was understood, before any token; nil if it has none.
    func pair(_ json: String) throws(PreferenceError) -> RowPreview? {
        try preview(RowReader.Row(content: .text(Array(json.utf8)), line: 7, row: 0))
    }

    /// The text of the error that a row gives.
    func complaint(_ json: String) -> String {
        do throws(PreferenceError) { return "no error: \(try row(json))" } catch { return error.description }
    }

    /// Rows one to a line, from line 1.
    func set(_ rows: [String]) throws(PreferenceError) -> PreferenceSet {
        var encoded = EncodedRows(scoreNames: rule.scoreNames)
        for (row, json) in rows.enumerated() {
            encoded.append(try encode(line: Array(json.utf8), number: row + 1, row: row))
        }
        return try PreferenceSet(merging: [encoded])
    }
}

extension EncodedComparison {
    var pairs: [Preference] { judgements.pairs }
}

extension PreferenceSet {
    var pairs: [Preference] { judgements.pairs }
}

extension [Judgement] {
    /// Of a list without other judgements.
    var pairs: [Preference] {
        compactMap { judgement in
            guard case .pair(let pair) = judgement else {
                Issue.record("\(judgement) is no pair")
                return nil
            }
            return pair
        }
    }
}
