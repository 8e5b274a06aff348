import Checkpoints
import Kernels
import Machine
import ModelFiles
import Modeling
import Storage
import Training

/// `merge`: adapters into the model they were trained on, several adapters into one, or full checkpoints into one.
package struct MergeJob {
    /// The models to merge.
    package enum Task {
        case adapters(model: String, [Part])
        /// Several adapters as one.
        case asAdapter(model: String, [Part])
        case models([Part])
        /// An adapter for any weights of several objectives at some of these: as a model, or as a plain adapter.
        case weighted(model: String, adapter: String, weights: [Part], asAdapter: Bool)
    }

    /// A folder, or an objective, and the share of it that is taken.
    package struct Part: Equatable, Sendable {
        package let path: String
        package let weight: Double

        package init(path: String, weight: Double) { (self.path, self.weight) = (path, weight) }

        /// "DIR:0.3"; the last colon counts. Nil for a text without a finite weight behind it.
        package init?(_ text: String) {
            guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
                let weight = Double(text[text.index(after: colon)...]), weight.isFinite
            else { return nil }
            self.init(path: String(text[..<colon]), weight: weight)
        }
    }

    private let task: Task
    private let output: String
    private let type: SaveType?
    private let threads: Int

    /// - Parameter type: what the weights are stored as; nil: each as it was, an adapter's as float32.
    package init(_ task: Task, output: String, as type: SaveType?, threads: Int) {
        (self.task, self.output, self.type, self.threads) = (task, output, type, threads)
    }

    /// Writes the result: beside its name first, so that the name only ever stands for the whole of it.
    ///
    /// - Throws: `TrainingError.input`, `CheckpointError`, `ModelError` or `MemoryError`.
    package func run(console: Console) throws {
        let isFree = try !FileSystem.exists(output) || FileSystem.isDirectory(output) && FileSystem.list(output).isEmpty
        guard isFree else {
            throw TrainingError.input("\(output): there is something already; name a new folder with --output")
        }
        let pool = ThreadPool(count: threads)
        let folder = try StagedFolder(for: output)
        do {
            try write(to: folder.path, on: pool, console: console)
            try folder.publish()
        } catch {
            folder.discard()
            throw error
        }
    }

    private func write(to directory: String, on pool: ThreadPool, console: Console) throws {
        console.beginActivity()
        switch task {
        case .adapters(let model, let parts):
            let merge = try ModelMerge(model: model, adapters: open(parts, for: model), as: type, on: pool)
            tell(parts, merge.notes, console)
            try merge.write(to: directory, on: pool) { MergeJob.progress($0, $1, console) }
            // One adapter's own tokenizer is the one that the merged model was trained with.
            if parts.count == 1, FileSystem.exists(FileSystem.join(parts[0].path, "tokenizer.json")) {
                try ModelDirectory.replaceTokenizer(in: directory, byThatOf: parts[0].path)
            }
        case .asAdapter(let model, let parts):
            let concatenation = try AdapterConcatenation(
                model: model, adapters: open(parts, for: model), as: type ?? .float32, on: pool)
            tell(parts, [], console)
            try concatenation.write(to: directory, on: pool)
        case .weighted(let model, let adapter, let weights, let asAdapter):
            let plain = asAdapter ? directory : FileSystem.join(directory, "adapter")
            try FileSystem.makeDirectories(plain)
            try requireVocabulary(of: adapter, model)
            let export = try AdapterExport(
                AdapterDirectory(path: adapter), weights: weights.map { ($0.path, $0.weight) },
                as: asAdapter ? type ?? .float32 : .float32)
            try export.write(to: plain, on: pool)
            guard !asAdapter else { return try ModelDirectory.replaceTokenizer(in: directory, byThatOf: adapter) }
            let merge = try ModelMerge(
                model: model, adapters: [WeightedAdapter(AdapterDirectory(path: plain), weight: 1)], as: type, on: pool)
            tell([], merge.notes, console)
            try merge.write(to: directory, on: pool) { MergeJob.progress($0, $1, console) }
            try FileSystem.removeTree(plain)
        case .models(let parts):
            for part in parts.dropFirst() { try requireVocabulary(of: part.path, parts[0].path) }
            let merge = try ModelMerge(models: parts.map { ($0.path, $0.weight) }, as: type, on: pool)
            tell(parts, merge.notes, console)
            try merge.write(to: directory, on: pool) { MergeJob.progress($0, $1, console) }
        }
    }

    private func open(_ parts: [Part], for model: String) throws -> [WeightedAdapter] {
        try parts.map { part in
            let directory = try AdapterDirectory(path: part.path)
            if let remedy = directory.config.remedyForWeights(adapter: part.path, model: model) {
                throw TrainingError.input(remedy)
            }
            try requireVocabulary(of: part.path, model)
            return WeightedAdapter(directory, weight: part.weight)
        }
    }

    /// Weights that don't sum to one are a choice, but seldom an intended one for whole models.
    private func tell(_ parts: [Part], _ notes: [String], _ console: Console) {
        let sum = parts.reduce(0) { $0 + $1.weight }
        if abs(sum - 1) > 1e-9, !parts.isEmpty {
            console.line(
                "note: the weights sum to \(MergeJob.short(sum)), not 1; "
                    + (isOfModels ? "the result's weights are scaled by that" : "the deltas are added up as they are"))
        }
        for note in notes { console.line("note: \(note)") }
    }

    private var isOfModels: Bool {
        if case .models = task { true } else { false }
    }

    /// 0.1 + 0.2 as people write it.
    private static func short(_ number: Double) -> String { "\((number * 1e9).rounded() / 1e9)" }

    private static func progress(_ done: Int, _ total: Int, _ console: Console) {
        console.progress("merging: \(done >> 20) of \(total >> 20) MiB")
    }
}
