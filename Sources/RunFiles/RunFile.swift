import Objectives
import Preferences

/// One run, as its YAML file and the `--set` options of the command line describe it, checked and with every default
/// filled in.
///
/// Names and meanings are TRL's and transformers' where they have them; so are the defaults, except where a comment at
/// the key says why not. `key: null` is the same as leaving the key out, except for
/// `max_grad_norm`, where it means no limit. Relative paths are relative to the current
/// folder. JSON run files are read too, since JSON is YAML.
package struct RunFile: Sendable, Equatable {
    package let model: Model
    package let data: Data
    /// `loss_type` and its constants.
    package let objective: Objective
    /// MODPO's, nil for the others.
    package let margins: Margins?
    package var batch: Batch
    package let duration: Duration
    package let optimizer: Optimizer
    package let records: Records
    package let machine: Machine
    package let adapters: Adapters
    /// For messages: the name that the text came under.
    package let file: String

    /// Reads a run.
    ///
    /// - Parameters:
    ///   - yaml: the text of the file.
    ///   - file: its name, for messages.
    ///   - overrides: `key=value` or `key.name=value`, each value YAML. Later ones win, and each wins over whatever
    ///     keys of the file contradict it.
    package init(yaml: String, file: String, overrides: [String] = []) throws(RunFileError) {
        var source = try RunFileSource(yaml: yaml, file: file)
        for override in overrides { try source.apply(override: override, rivals: RunFileKeys.rivals(of:)) }
        // transformers' way to write "not limited by steps".
        let reader = RunFileReader(
            source.entries.filter { !($0.key == "max_steps" && $0.value.integer == -1) }, file: file)
        try Self.refuseUnknown(reader)
        try Self.refuseContradictions(reader)

        self.file = file
        objective = try Self.readObjective(reader)
        margins = try Self.readMargins(reader)
        model = try Model(reader)
        data = try Data(reader)
        batch = try Batch(reader)
        duration = try Duration(reader)
        optimizer = try Optimizer(reader, objective: objective)
        machine = try Machine(reader)
        adapters = try Adapters(reader)
        records = try Records(reader, objective: objective)
        try records.check(reader)
    }

    /// The same for bytes as they were read from disk.
    package init(bytes: [UInt8], file: String, overrides: [String] = []) throws(RunFileError) {
        guard let yaml = String(validating: bytes, as: UTF8.self) else {
            throw .notYAML(.line(file: file, 1), problem: "the file is not UTF-8 text")
        }
        try self.init(yaml: yaml, file: file, overrides: overrides)
    }

    /// Equal when they describe the same run, whatever file they came from.
    package static func == (a: RunFile, b: RunFile) -> Bool {
        a.model == b.model && a.data == b.data && a.objective == b.objective && a.margins == b.margins
            && a.batch == b.batch && a.duration == b.duration && a.optimizer == b.optimizer && a.records == b.records
            && a.machine == b.machine && a.adapters == b.adapters
    }

    /// `train_file`, for a command that can't do without.
    package func requiredTrainFiles() throws(RunFileError) -> [DataFile] {
        guard !data.trainFiles.isEmpty else {
            throw .missing(file: file, key: "train_file", remedy: "name the file of pairs to train on")
        }
        return data.trainFiles
    }

    /// `output_dir`, for a command that can't do without.
    package func requiredOutputDirectory() throws(RunFileError) -> String {
        guard let path = model.outputDirectory else {
            throw .missing(file: file, key: "output_dir", remedy: "name the folder for checkpoints and metrics.jsonl")
        }
        return path
    }

    /// `eval_file`, for a command that can't do without.
    package func requiredEvalFiles() throws(RunFileError) -> [DataFile] {
        guard !data.evalFiles.isEmpty else {
            throw .missing(file: file, key: "eval_file", remedy: "name the file of held-out pairs")
        }
        return data.evalFiles
    }

    // MARK: - Keys that can't be meant

    private static func refuseUnknown(_ reader: RunFileReader) throws(RunFileError) {
        for entry in reader.given where !RunFileKeys.all.contains(entry.key) {
            throw .unknownKey(entry.place, key: entry.key, nearest: RunFileKeys.nearest(to: entry.key))
        }
    }

    private static func refuseContradictions(_ reader: RunFileReader) throws(RunFileError) {
        for (left, right) in RunFileKeys.exclusive {
            for key in left {
                guard let entry = reader[key], let other = right.compactMap({ reader[$0] }).first else { continue }
                throw .contradiction(entry.place, key: key, otherPlace: other.place, otherKey: other.key)
            }
        }
    }
}
