/// The output formats of `generate`: its own lines, or a benchmark's file of answers.
package enum ResponseFormat: String, Sendable, CaseIterable {
    case jsonl
    /// AlpacaEval 2: a list of instruction, output and generator.
    case alpacaEval = "alpaca-eval"
    /// Arena-Hard v2: conversations by uid.
    case arenaHard = "arena-hard"
    /// Arena-Hard v0.1: choices by question_id.
    case arenaHardFirst = "arena-hard-v0.1"
    /// MT-Bench, as FastChat has it: two turns, the second asked after the first is answered.
    case mtBench = "mt-bench"

    /// The column by which a judge finds the question of an answer.
    var identifier: String? {
        switch self {
        case .jsonl, .alpacaEval: nil
        case .arenaHard: "uid"
        case .arenaHardFirst, .mtBench: "question_id"
        }
    }

    /// Whether a question may have several answers.
    package var takesSamples: Bool { self == .jsonl || self == .mtBench }
}
