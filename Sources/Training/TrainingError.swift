/// An error that ends a run, with the exit status that scripts rely on.
package enum TrainingError: Error, Sendable, CustomStringConvertible {
    /// Numbers went non-finite, or too large to be summed exactly.
    case nonFinite(step: Int, what: String, pairs: [Int])
    case gradientTooLarge(step: Int, bound: Double)
    case nonFiniteScore(model: String, line: Int)
    case resumeMismatch(checkpoint: String, what: String, found: String, expected: String)
    case noCheckpoint(directory: String)
    case damagedState(file: String, reason: String)
    case input(String)
    /// A signal asked for an end; everything is saved.
    case stopped(checkpoint: String)

    package var status: Int32 {
        switch self {
        case .nonFinite, .gradientTooLarge, .nonFiniteScore: 3
        case .stopped: 75
        default: 2
        }
    }

    /// Whether it is what became of this run's numbers: other runs on the same data and disk may well go on.
    package var isOfTheRun: Bool { status == 3 }

    package var description: String {
        switch self {
        case .nonFinite(let step, let what, let pairs):
            "step \(step): the \(what) is not finite"
                + (pairs.isEmpty ? "" : " (data lines \(pairs.prefix(5).map(String.init).joined(separator: ", ")))")
                + "; lower learning_rate or beta, raise warmup_steps, or look at those rows; earlier checkpoints are untouched"
        case .gradientTooLarge(let step, let bound):
            "step \(step): gradients of up to \(bound) don't fit the exact sums of reproducible: true; the run has diverged: "
                + "lower learning_rate or set max_grad_norm"
        case .nonFiniteScore(let model, let line):
            "\(model): the logps of data line \(line) are not finite; the model's weights are damaged or far out of range"
        case .resumeMismatch(let checkpoint, let what, let found, let expected):
            "\(checkpoint): belongs to another run: its \(what) is \(found), this run's is \(expected)"
                + "\(TrainingError.meaning(of: what)); use another output_dir, or --resume never"
        case .noCheckpoint(let directory):
            "\(directory): not a complete checkpoint of this trainer; give a checkpoint-<step> folder, or --resume auto"
        case .damagedState(let file, let reason):
            "\(file): \(reason); resume from an older checkpoint with --resume DIR"
        case .input(let reason): reason
        case .stopped(let checkpoint):
            "stopped by a signal; \(checkpoint) is saved: run the same command again to go on"
        }
    }

    /// Says what a digest is taken of: the number itself says nothing.
    private static func meaning(of what: String) -> String {
        switch what {
        case "data digest":
            " (it is of the tokens that train_file comes to, so another file, max_length, truncation, template, tokenizer or "
                + "column has another)"
        case "model digest": " (it is of the weights in model_name_or_path)"
        case "reference digest": " (it is of the reference's weights)"
        case "adapter digest": " (it is of the adapter's weights)"
        default: ""
        }
    }
}
