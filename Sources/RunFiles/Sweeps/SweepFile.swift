import Objectives

/// Many runs that differ in some keys, as a sweep's YAML file describes them:
///
///     base: run.yaml                      # what they have in common; a path relative to this file's folder
///     output_dir: sweeps/beta             # sweep.jsonl, and a folder for each run
///     grid: {beta: [0.05, 0.1], learning_rate: [1e-6, 5e-7]}   # every combination
///     zip: {loss_type: [sigmoid, simpo], max_steps: [100, 80]} # the first of each, the second of each, …
///     runs: [{beta: 0.1}, {loss_type: ipo, beta: 0.2}]         # one by one
///     seeds: [1, 2, 3]                    # each run with each
///     metric: eval_rewards/accuracies     # what the table is sorted by
///
/// Of `runs`, `zip`, `grid` and `seeds` each that is given is combined with every other.
package struct SweepFile: Sendable {
    /// The name that the text came under.
    package let file: String
    package let outputDirectory: String
    /// At least one.
    package let runs: [SweepRun]
    /// The keys in which the runs differ, in the order of the file; `seed` last.
    package let varied: [String]
    package let metric: SweepMetric

    /// - Throws: everything that is wrong with the file and with any of its runs, at once.
    package init(bytes: [UInt8], file: String) throws(RunFileError) {
        let entries = try RunFileSource.parse(RunFileSource.text(bytes, file: file), file: file)
        var reading = SweepReading(entries, file: file)
        let (plan, runs, metric) = try reading.result()
        (self.runs, self.metric) = (runs, metric)
        (self.file, outputDirectory, varied) = (file, plan.outputDirectory, plan.varied)
    }
}

/// One run of a sweep.
package struct SweepRun: Sendable {
    /// The settings that differ, as `beta=0.1,seed=2`: the name of the run's folder in the sweep's.
    package let name: String
    /// The keys that the sweep gives it, of those in which runs differ.
    package let settings: [(key: String, value: YAMLValue)]
    package let file: RunFile

    /// The settings without the seed, as text: runs that share it are repetitions of one.
    package var repetition: String {
        settings.filter { $0.key != "seed" }.map { "\($0.key)=\(YAMLText.inline($0.value))" }.joined(separator: ", ")
    }
}

/// The metric by which the runs of a sweep are compared.
package struct SweepMetric: Sendable, Equatable {
    /// A name of `metrics.jsonl`, with `eval_` for held-out rows.
    package let name: String
    package let isGreaterBetter: Bool

    package init(name: String, isGreaterBetter: Bool) { (self.name, self.isGreaterBetter) = (name, isGreaterBetter) }
}
