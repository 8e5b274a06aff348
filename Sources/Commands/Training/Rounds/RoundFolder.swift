import Checkpoints
import Storage
import Training

/// The folder of one round of `iterate`, and which of its stages are done.
///
/// `stages.json` has for every finished stage the digests of what it was made from and of what it made. A stage is skipped only
/// if both are still so; one whose input has changed is done again.
struct RoundFolder {
    /// The stages of a round in their order; each makes its file of the one before.
    enum Stage: String, CaseIterable {
        case generate, annotate, pairs, train
    }

    let path: String

    func file(_ stage: Stage) -> String {
        let name =
            switch stage {
            case .generate: "responses.jsonl"
            case .annotate: "annotated.jsonl"
            case .pairs: "pairs.jsonl"
            case .train: "run"
            }
        return FileSystem.join(path, name)
    }

    /// The model that training ended with.
    var model: String { FileSystem.join(file(.train), "final") }

    private var record: String { FileSystem.join(path, "stages.json") }

    /// Whether a stage is done and its result is as it was written.
    ///
    /// - Parameter input: the digest of what it is made from.
    /// - Throws: `TrainingError.input` for a result that was changed since; it may be somebody's work.
    func isDone(_ stage: Stage, from input: String) throws -> Bool {
        guard FileSystem.exists(record), FileSystem.exists(file(stage)),
            let entry = try JSON.parse(FileSystem.read(record))[stage.rawValue], entry["input"]?.string == input
        else { return false }
        if stage == .train { try CheckpointFolder(path: file(.train)).verify(model) }
        guard try digest(of: stage) == entry["output"]?.string else {
            throw TrainingError.input(
                "\(file(stage)): isn't as iterate wrote it; move it away to have it made again, or give another output_dir")
        }
        return true
    }

    /// Notes that a stage is done.
    func finish(_ stage: Stage, from input: String) throws {
        var stages = FileSystem.exists(record) ? try JSON.parse(FileSystem.read(record)).object ?? [:] : [:]
        stages[stage.rawValue] = ["input": .string(input), "output": .string(try digest(of: stage))]
        try AtomicFile.write(JSON.object(stages).prettyText, to: record)
    }

    /// Stands for what a stage made.
    func digest(of stage: Stage) throws -> String {
        let file = stage == .train ? FileSystem.join(model, "checksums.json") : file(stage)
        return Digest.of(try FileSystem.read(file)).hex
    }
}
