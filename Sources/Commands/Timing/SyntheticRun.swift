import Checkpoints
import Glibc
import Machine
import Modeling
import RunFiles
import Statistics
import Storage
import Training

/// A run file whose gaps are filled for a benchmark: pairs of random tokens if it names none. What is made up, and the
/// reference logps of random weights, live in a folder of this process until the benchmark ends.
package struct SyntheticRun {
    private let file: RunFile
    private let folder: String

    /// - Throws: `RunFileError`, `StorageError`, `CheckpointError`, `ModelError` or `TrainingError`.
    package init(_ path: String, overrides: [String], steps: Int) throws {
        folder = FileSystem.join(environment("TMPDIR") ?? "/tmp", "prefopt-bench-\(getpid())")
        let bytes = try FileSystem.read(path)
        let given = try RunFile(bytes: bytes, file: path, overrides: overrides)
        let source = try ModelSource(given.model.path, adapter: given.adapters.path)
        let directory = try ModelDirectory(path: source.base, needsWeights: false)
        var more: [String] = []
        if given.data.trainFiles.isEmpty {
            let shape = try Architecture(directory)
            try FileSystem.makeDirectories(folder)
            let data = FileSystem.join(folder, "pairs.jsonl")
            // Per-device sizes count a rank's pairs; a thousand steps' worth for any number of ranks would be too many.
            let count = min(4096, max(64, steps * given.batch.pairs(worldSize: 8)))
            try AtomicFile.write(
                SyntheticRun.pairs(
                    count, vocabulary: shape.vocabulary,
                    longest: given.data.maxLength ?? min(1024, shape.positions)), to: data)
            more.append("train_file=\(data)")
        }
        // No cache: a bare model's digest doesn't know its weights.
        if directory.tensorNames.isEmpty { more.append("reference_cache=\(FileSystem.join(folder, "cache"))") }
        file = more.isEmpty ? given : try RunFile(bytes: bytes, file: path, overrides: overrides + more)
    }

    /// Runs `body`, then removes what was made up.
    package func with<Result>(_ body: (RunFile) throws -> Result) throws -> Result {
        defer { try? FileSystem.removeTree(folder) }
        return try body(file)
    }

    /// Rows of token ids: log-normal lengths around 120 tokens of prompt and 60 of each response.
    private static func pairs(_ count: Int, vocabulary: Int, longest: Int) -> String {
        var random = SplitMix64(state: 1)
        func ids(median: Double) -> String {
            // The sum of twelve uniform numbers is nearly normal.
            let normal = (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }
            let length = max(1, min(longest / 2, Int(median * exp(0.6 * normal))))
            return (0..<length).map { _ in "\(Int.random(in: 0..<vocabulary, using: &random))" }.joined(separator: ",")
        }
        return (0..<count).map { _ in
            "{\"prompt_ids\": [\(ids(median: 120))], \"chosen_ids\": [\(ids(median: 60))], "
                + "\"rejected_ids\": [\(ids(median: 60))]}\n"
        }.joined()
    }
}
