import Storage

/// Another trainer's recipe as a run file, with a note for each of its keys.
package struct RecipeImport {
    /// A note on a key of the recipe.
    package struct Note: Sendable, Equatable {
        /// The fate of the key, in the words of the report.
        package enum Verdict: String, Sendable {
            case same
            case converted
            /// The trainer's default, where this program's is another.
            case implied
            case dropped = "no counterpart"
            case differs = "means something else"
            case unknown
        }

        package let key: String
        package let value: String
        package let verdict: Verdict
        package let text: String

        package var line: String { "\(key): \(value): \(verdict.rawValue)" + (text.isEmpty ? "" : ", \(text)") }
    }

    package let trainer: PeerTrainer
    package let notes: [Note]
    /// The faults that the run file still has, and what it lacks for training.
    package let open: [String]
    /// The run file, its notes as comments.
    package let yaml: String

    /// Reads a recipe.
    ///
    /// - Parameters:
    ///   - text: YAML, JSON, or a shell command with `--key value`.
    ///   - file: its name, for messages.
    ///   - trainer: whose it is; nil: told by its keys.
    /// - Throws: for a text that is none of these.
    package init(text: String, file: String, from trainer: PeerTrainer? = nil) throws(RunFileError) {
        let recipe: Recipe
        if let options = CommandLineRecipe.entries(of: text, file: file) {
            recipe = Recipe(options)
        } else {
            recipe = Recipe(try RunFileSource.parse(text, file: file))
        }
        let trainer = trainer ?? PeerTrainer.of(recipe)
        var conversion = RecipeConversion(recipe, of: trainer)
        conversion.convert()
        self.trainer = trainer
        notes = conversion.notes
        let lines = KeyTable.sections.compactMap { section -> String? in
            let own = section.keys.compactMap { key in
                conversion.values[key.name].map { YAMLText.line(key.name, $0) }
            }
            return own.isEmpty ? nil : "# \(section.title)\n" + own.joined()
        }
        let body = lines.joined(separator: "\n")
        open = RecipeImport.openPoints(of: body)
        let comments = notes.filter { $0.verdict != .same }.map { "# - \($0.line)\n" }.joined()
        yaml = "# Made by swift-prefopt import-config from \(file), a recipe of \(trainer.title):\n\(comments)\n\(body)"
    }

    private static func openPoints(of yaml: String) -> [String] {
        var points: [String] = []
        do throws(RunFileError) {
            let run = try RunFile(yaml: yaml, file: "run.yaml")
            if run.data.trainFiles.isEmpty {
                points.append("train_file is missing; name the file of the rows to train on")
            }
            if run.model.outputDirectory == nil {
                points.append("output_dir is missing; name the folder for the results")
            }
            if !FileSystem.isDirectory(run.model.path) {
                points.append(
                    "model_name_or_path: \(run.model.path) is no folder here; name the folder of the downloaded model")
            }
        } catch {
            points = error.faults.map(\.description)
        }
        return points
    }
}

/// The keys of a recipe.
struct Recipe {
    let entries: [YAMLEntry]

    init(_ entries: [YAMLEntry]) { self.entries = entries.filter { !$0.value.isNull } }

    subscript(key: String) -> YAMLValue? { entries.last { $0.key == key }?.value }

    func has(_ keys: String...) -> Bool { keys.contains { self[$0] != nil } }
}

extension PeerTrainer {
    /// Whose a recipe is, by keys that only one trainer has.
    static func of(_ recipe: Recipe) -> PeerTrainer {
        if recipe.has("stage", "finetuning_type", "cutoff_len", "pref_beta") { return .llamaFactory }
        if recipe.has("base_model", "sequence_len", "rl") { return .axolotl }
        if recipe.has("script", "pretrain", "micro_train_batch_size", "save_path") { return .openRLHF }
        if recipe.has("gamma_beta_ratio") { return .simpo }
        if recipe.has("dataset_mixer", "dataset_mixture", "dataset_splits") { return .alignmentHandbook }
        return .trl
    }
}
