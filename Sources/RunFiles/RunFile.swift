import Objectives
import Storage

/// One run, as its YAML file and the `--set` options of the command line describe it, checked and with every default
/// filled in.
///
/// Its values are those of the key table, by section and name: `run.optimizer.learningRate`. `key: null` is the same as
/// leaving the key out, unless the key says otherwise. Relative paths are relative to the current folder. JSON run
/// files are read too, since JSON is YAML.
@dynamicMemberLookup
package struct RunFile: Sendable {
    package internal(set) var values: RunValues
    /// The losses of `loss_type` with their constants.
    package let objective: Objective
    /// The name that the text came under, for messages.
    package let file: String

    /// Reads a run.
    ///
    /// - Parameters:
    ///   - yaml: the text of the file.
    ///   - file: its name, for messages, and for the folder that `extends` is relative to.
    ///   - overrides: `key=value` or `key.name=value`, each value YAML. Later ones win, and each wins over whatever
    ///     keys of the file contradict it.
    /// - Throws: everything that is wrong at once.
    package init(yaml: String, file: String, overrides: [String] = []) throws(RunFileError) {
        var source = try RunFileSource(yaml: yaml, file: file)
        var faults: [RunFileFault] = []
        for override in overrides {
            do throws(RunFileError) { try source.apply(override: override) } catch { faults += error.faults }
        }
        try self.init(source, faults: faults)
    }

    private init(_ source: RunFileSource, faults: [RunFileFault] = []) throws(RunFileError) {
        (values, objective) = try RunReading(source, faults: faults).result()
        file = source.file
    }

    /// The same for bytes as they were read from disk.
    package init(bytes: [UInt8], file: String, overrides: [String] = []) throws(RunFileError) {
        try self.init(yaml: RunFileSource.text(bytes, file: file), file: file, overrides: overrides)
    }

    /// The run of a file with some keys given anew by another one, each `key` or `key.name`. They win over whatever keys of
    /// the file contradict them.
    init(bytes: [UInt8], file: String, giving settings: [YAMLEntry]) throws(RunFileError) {
        var source = try RunFileSource(yaml: RunFileSource.text(bytes, file: file), file: file)
        for entry in settings { source.apply(entry) }
        try self.init(source)
    }

    package subscript<Section: KeySection>(dynamicMember path: KeyPath<KeyTable, Section>) -> Settings<Section> {
        get { values[dynamicMember: path] }
        set { values[dynamicMember: path] = newValue }
    }

    /// `train_file`, for a command that can't do without.
    package func requiredTrainFiles() throws(RunFileError) -> [DataFile] {
        try required(self.data.trainFiles, "train_file", "name the file of pairs to train on")
    }

    /// `eval_file`, for a command that can't do without.
    package func requiredEvalFiles() throws(RunFileError) -> [DataFile] {
        try required(self.data.evalFiles, "eval_file", "name the file of held-out pairs")
    }

    /// `output_dir`, for a command that can't do without.
    package func requiredOutputDirectory() throws(RunFileError) -> String {
        guard let path = self.model.outputDirectory else {
            throw RunFileError(
                .missing(
                    file: file, key: "output_dir", remedy: "name the folder for checkpoints and metrics.jsonl"))
        }
        return path
    }

    private func required(_ files: [DataFile], _ key: String, _ remedy: String) throws(RunFileError) -> [DataFile] {
        guard !files.isEmpty else { throw RunFileError(.missing(file: file, key: key, remedy: remedy)) }
        return try present(files, key)
    }

    /// The files of a key, looked for.
    private func present(_ files: [DataFile], _ key: String) throws(RunFileError) -> [DataFile] {
        for path in files.map(\.path) where !FileSystem.exists(path) {
            // "organisation/name" may be meant as a data set of the hub.
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            let mayBeHub =
                parts.count == 2 && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") } && !parts[1].contains(".")
            let remedy =
                if path.contains("*") {
                    "; a pattern isn't looked up: give the folder, or a list of files"
                } else if mayBeHub {
                    "; a data set of the hub is fetched first: hf download --repo-type dataset \(path) --local-dir \(path)"
                } else {
                    ""
                }
            throw RunFileError(
                .unusablePath(file: file, key: key, reason: "\(StorageError.missing(path: path))\(remedy)"))
        }
        return files
    }

    /// `eval_file`'s files, looked for; none without the key.
    package func presentEvalFiles() throws(RunFileError) -> [DataFile] { try present(self.data.evalFiles, "eval_file") }

    /// Makes the folder that a key names, where there is none.
    /// - Throws: `RunFileError` with the key and what the disk says, also where no files can be made in it.
    package func makeFolder(_ path: String, of key: String) throws(RunFileError) {
        do throws(StorageError) {
            try AtomicFile.makeFolder(path)
        } catch {
            throw RunFileError(.unusablePath(file: file, key: key, reason: "\(error)"))
        }
    }
}

extension RunFile: Equatable {
    /// Equal when they describe the same run, whatever file they came from.
    package static func == (a: RunFile, b: RunFile) -> Bool {
        KeyTable.keys.allSatisfy { $0.written(in: a.values) == $0.written(in: b.values) }
    }
}

extension RunFile {
    /// The length of a run.
    package enum Duration: Sendable, Equatable {
        /// `num_train_epochs`, also a fraction.
        case epochs(Double)
        /// `max_steps`.
        case steps(Int)

        /// Optimizer steps of the whole run; a fraction of an epoch is rounded up.
        package func steps(stepsPerEpoch: Int) -> Int {
            switch self {
            case .steps(let steps): steps
            case .epochs(let epochs): Int(min((epochs * Double(stepsPerEpoch)).rounded(.up), 0x1p53))
            }
        }
    }

    package var duration: Duration { self.length.maxSteps.map { .steps($0) } ?? .epochs(self.length.epochs) }
}
