import Objectives
import Preferences

/// Keys that say which rows are read and how they become tokens.
package struct DataKeys: KeySection {
    package static let title = "data"

    package let trainFiles: Key<[DataFile]> = Key(
        "train_file", .dataFiles(weighted: true),
        "Rows to train on: a file (JSONL, JSON, CSV, Parquet, also .gz and .zst), a folder of shards, a list of them, or a "
            + "list of {path: …, weight: …} drawn more or less often. With {path: …, loss_weight: w} for each, every step has "
            + "global_batch_size pairs of each file, and its loss is the sum of w times each file's. For modpo preference: NAME "
            + "says which objective a file's preferences are of.",
        default: .value([], "training needs it"),
        rule: Rule(with: "loss_type", "weights", "margins", "preference_name") { run in
            run.objectionToLossWeights ?? run.objectionToPreferences
        },
        synonyms: [.renamed("train_data", nil), .renamed("data_path", nil)])

    package let evalFiles: Key<[DataFile]> = Key(
        "eval_file", .dataFiles(weighted: false),
        "Held-out rows, in the same forms, each counting once.",
        default: .value([], "nothing is evaluated"), readBy: .losses { $0.judges != .prompts },
        synonyms: [.renamed("validation_file", nil), .renamed("test_file", nil)])

    package let promptColumn: Key<String> = Key(
        "prompt_column", .text, "Column of the prompts.", default: .value("prompt", "TRL's"),
        synonyms: [.renamed("prompt_key", .openRLHF)])

    package let chosenColumn: Key<String> = Key(
        "chosen_column", .text, "Column of the better responses.", default: .value("chosen", "TRL's"),
        synonyms: [.renamed("chosen_key", .openRLHF)])

    package let rejectedColumn: Key<String> = Key(
        "rejected_column", .text, "Column of the worse responses.", default: .value("rejected", "TRL's"),
        readBy: .losses { $0.needsRejected }, synonyms: [.renamed("rejected_key", .openRLHF)])

    package let maxLength: Key<Int?> = Key(
        "max_length", optional: .whole(from: 2),
        "Most tokens of a prompt with one response.",
        default: .none("1024, or what the model was made for if that is less", "TRL's 1024"),
        synonyms: [
            .renamed("cutoff_len", .llamaFactory), .renamed("sequence_len", .axolotl), .renamed("max_len", .openRLHF),
            .renamed("max_seq_length", .trl), .renamed("model_max_length", nil),
        ])

    package let truncation: Key<Truncation> = Key(
        "truncation", .choice(),
        "What becomes of a pair longer than max_length: drop and count it; keep_start, cut the responses' ends; "
            + "keep_end_of_prompt, cut the prompt's start; error, stop and name the row.",
        default: .value(.drop, "TRL cuts (keep_start), but a response that was cut teaches a wrong ending"),
        synonyms: [
            .converted("truncation_mode", .trl) { value in
                switch value.text {
                case "keep_end": .string("keep_end_of_prompt")
                case "keep_start": .string("keep_start")
                default: nil
                }
            }
        ])

    package let scoreTurns: Key<ScoredTurns> = Key(
        "score_turns", .choice(),
        "Which of the assistant's turns in a conversation sft scores: last, the response alone; all, every turn of a dialogue, "
            + "in one sequence (of a row that gives its prompt apart: every turn of its completion). A turn is what the "
            + "chat template marks by {% generation %}, else what the message adds to the rendered text, its ending "
            + "included; a template that writes earlier turns otherwise than last ones (some drop their thinking) is "
            + "refused.",
        default: .value(
            .last, "one dialogue, one answer; TRL's SFT scores every token, with assistant_only_loss what all does"),
        readBy: .losses { $0.judges == .demonstrations },
        rule: Rule(with: "loss_type") { run in
            run.losses.allSatisfy { $0.judges == .demonstrations }
                ? nil : .unused(because: "with other losses beside sft the rows are pairs, of which the responses count")
        },
        synonyms: [
            .converted("assistant_only_loss", .trl) { $0.bool == true ? .plain("all") : nil },
            .converted("mask_history", .llamaFactory) { $0.bool.map { .plain($0 ? "last" : "all") } },
        ])

    package let appendEOS: Key<Bool> = Key(
        "append_eos", .flag,
        "Whether text responses end in the end-of-sequence token. Token ids are used as they are in any case; in "
            + "conversations the chat template decides.",
        default: .value(true, "as TRL"))

    package let shuffle: Key<Bool> = Key(
        "shuffle", .flag, "Whether each epoch has a new order of pairs.", default: .value(true, "as TRL"),
        identity: true)

    package let seed: Key<UInt64> = Key(
        "seed", .seed, "Seed of the order of pairs, of dropout and of new adapters.",
        default: .value(42, "TRL's"), identity: true, synonyms: [.renamed("data_seed", .trl)])
}

extension ValueKind where Value == UInt64 {
    fileprivate static let seed = {
        let whole = ValueKind<Int>.whole(from: 0, to: .max)
        return ValueKind(words: whole.words, schema: whole.schema) { entry throws(RunFileError) in
            UInt64(try whole.read(entry))
        } write: {
            .plain("\($0)")
        }
    }()
}

extension Settings where Section == DataKeys {
    /// The columns of prompts and responses.
    package var mapping: RowMapping {
        RowMapping(
            promptColumn: self.promptColumn, chosenColumn: self.chosenColumn, rejectedColumn: self.rejectedColumn)
    }
}
