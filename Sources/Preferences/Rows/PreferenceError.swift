import ChatTemplates
import Objectives
import Storage
import Tables
import Tokenization

/// The place of a data row, for error messages.
package struct RowPlace: Sendable, Equatable, CustomStringConvertible {
    package let file: String
    /// Counted from 1, blank lines included, as editors count; in Parquet the row's number from 1.
    package let line: Int

    package init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    package var description: String { "\(file):\(line)" }
}

/// A fault of a data file. Each text says where, what was found, what was expected and what to do.
package enum PreferenceError: Error, Sendable, CustomStringConvertible {
    case table(TableError)
    case notJSON(RowPlace, JSONError)
    case notAnObject(RowPlace, found: String)
    /// A file whose first bytes say that it holds something else than lines of JSON in UTF-8.
    case notLines(RowPlace, what: String, remedy: String)
    case missingColumn(RowPlace, column: String, present: [String], remedy: String)
    case wrongType(RowPlace, item: String, found: String, expected: String)
    case conversational(RowPlace, cause: String)
    /// Columns that nobody reads may hold the prompt.
    case unclearPrompt(RowPlace, columns: [String])
    /// A text that begins like a list of messages and can't be read as one.
    case writtenMessages(RowPlace, item: String)
    /// Rows of a format that holds nothing for the objective.
    case unfit(RowPlace, format: RowFormat, Judged)
    case chatTemplate(RowPlace, ChatTemplateError)
    case tokenizer(RowPlace, TokenizerError)
    case idOutOfRange(RowPlace, item: String, id: Int, vocabularySize: Int)
    case foreignTokenizer(RowPlace, id: Int, vocabularySize: Int)
    case needsTokenizer(RowPlace, format: RowFormat)
    case noEndOfSequence(RowPlace)
    case invalidPair(RowPlace, column: String, number: Int, found: String, responses: Int)
    case wrongCount(RowPlace, item: String, found: Int, responses: Int)
    case missingScore(RowPlace, column: String, name: String, present: [String])
    case missingReward(RowPlace, name: String, present: [String])
    case unknownFormat(RowPlace, present: [String])
    case ambiguousFormat(RowPlace, present: [String], formats: [RowFormat])
    /// A row among single rated responses that isn't one.
    case notRated(RowPlace, present: [String])
    case emptyPrompt(RowPlace, column: String)
    case tooLong(RowPlace, tokens: Int, maxLength: Int)
    case noRows(file: String)
    case nothingLeft(summary: String)
    case damagedRows(reason: String)

    package var description: String {
        switch self {
        case .table(let error):
            "\(error)"
        case .notJSON(let place, let error):
            "\(place): \(error); each line must be one JSON object"
        case .notAnObject(let place, let found):
            "\(place): the row is \(found); each line must be one JSON object"
        case .notLines(let place, let what, let remedy):
            "\(place): the file is \(what), not lines of JSON; \(remedy)"
        case .missingColumn(let place, let column, let present, let remedy):
            "\(place): \"\(column)\" is missing; the row has \(Self.list(present)); \(remedy)"
        case .wrongType(let place, let item, let found, let expected):
            "\(place): \(item) is \(found); expected \(expected)"
        case .conversational(let place, let cause):
            "\(place): \(cause), which a tokenizer alone can't turn into text: "
                + "name the folder of a model with a chat template, or give texts"
        case .unclearPrompt(let place, let columns):
            "\(place): the prompt isn't clear: \(Self.list(columns)) may be it; name the prompt's column with "
                + "prompt_column, or leave out what the rows don't mean"
        case .writtenMessages(let place, let item):
            "\(place): \(item) begins like messages written as text and can't be read as such; write lists as lists, "
                + "in JSON Lines or Parquet (pandas: df.to_json(path, orient=\"records\", lines=True))"
        case .unfit(let place, let format, let kind):
            "\(place): \(format.noun) \(Self.lack(of: kind))"
        case .chatTemplate(let place, let error): "\(place): \(error)"
        case .tokenizer(let place, let error): "\(place): \(error)"
        case .idOutOfRange(let place, let item, let id, let size):
            "\(place): \(item) is \(id); the model's vocabulary has \(size) tokens, so ids go from 0 to \(size - 1): "
                + "encode the rows with this model's tokenizer"
        case .foreignTokenizer(let place, let id, let size):
            "\(place): the tokenizer gives the id \(id); the model's vocabulary has \(size) tokens, "
                + "so ids go from 0 to \(size - 1): use the tokenizer that the model was trained with"
        case .needsTokenizer(let place, let format):
            "\(place): \(format.noun) need a tokenizer and none was found; put tokenizer.json into the model's folder, "
                + "set tokenizer_name_or_path, or give rows of token ids"
        case .noEndOfSequence(let place):
            "\(place): append_eos needs an end-of-sequence token and the tokenizer names none; "
                + "add \"eos_token\" to tokenizer_config.json or set append_eos: false"
        case .invalidPair(let place, let column, let number, let found, let responses):
            "\(place): \(column)[\(number)] is \(found); expected two different indices, [winner, loser], "
                + "from 0 to \(responses - 1)"
        case .wrongCount(let place, let item, let found, let responses):
            "\(place): \(item) has \(found) numbers; expected \(responses), one for each response"
        case .missingScore(let place, let column, let name, let present):
            "\(place): \"\(column)\" has no \"\(name)\"; it has \(Self.list(present)); "
                + "add the score to the row or name another column in margins"
        case .missingReward(let place, let name, let present):
            "\(place): the row gives no margin reward \"\(name)\"; it gives \(Self.list(present)); "
                + "name one of them in margins, or add the score to the row"
        case .unknownFormat(let place, let present):
            "\(place): rows of no known format: the row has \(Self.list(present)); \(RowFormat.hint(about: present))name its "
                + "columns with prompt_column, chosen_column and rejected_column, or give one of: \(RowFormat.known)"
        case .ambiguousFormat(let place, let present, let formats):
            "\(place): the row has \(Self.list(present)), which fits \(formats.map(\.noun).joined(separator: " and ")); "
                + "remove the columns of one, or name prompt_column, chosen_column and rejected_column"
        case .notRated(let place, let present):
            "\(place): the file began with rated responses (prompt, response, helpfulness), and this row has "
                + "\(Self.list(present)); give every format a file of its own"
        case .emptyPrompt(let place, let column):
            "\(place): \"\(column)\" is empty and the tokenizer adds no beginning-of-sequence token; "
                + "a response needs at least one token before it: write a prompt"
        case .tooLong(let place, let tokens, let maxLength):
            "\(place): prompt and response have \(tokens) tokens; max_length is \(maxLength): "
                + "raise it, shorten the row, or set truncation to drop, keep_start or keep_end_of_prompt"
        case .noRows(let file):
            "\(file): the file has no rows; expected one JSON object per line"
        case .nothingLeft(let summary):
            "\(summary); nothing is left to train or evaluate on"
        case .damagedRows(let reason):
            "the encoded rows of the ranks don't fit together: \(reason); "
                + "all ranks must run the same program on the same file: start again"
        }
    }

    private static func lack(of kind: Judged) -> String {
        switch kind {
        case .pairs, .lists:
            "don't say which response is better, which this objective learns from; give rows with chosen and rejected, "
                + "or train with loss_type: kto (labels) or sft (single responses)"
        case .labelled: "have no label; add label, true or false, or train with loss_type: sft"
        case .demonstrations: "have no response"
        case .prompts: "have no prompt"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "nothing" : names.map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
