import Storage

extension SweepFile {
    /// A sweep of runs that a program has made up, each a name with the keys that it gives the base.
    ///
    /// - Parameters:
    ///   - file: what messages call it.
    ///   - settings: each key with its value as YAML: `("loss_type", "simpo")`, `("weights", "{a: 0.5, b: 0.5}")`.
    ///   - metric: by which the table is sorted.
    /// - Throws: everything that is wrong with any of the runs, at once.
    package init(
        named file: String, base: String, outputDirectory: String, runs: [(name: String, settings: [(String, String)])],
        metric: SweepMetric
    ) throws {
        let bytes = try FileSystem.read(base)
        var faults: [RunFileFault] = []
        var made: [SweepRun] = []
        for run in runs {
            let folder = ("output_dir", YAMLText.string(FileSystem.join(outputDirectory, run.name)))
            do throws(RunFileError) {
                var settings: [YAMLEntry] = []
                for (key, value) in run.settings + [folder] {
                    let entry = try RunFileSource.parse("value: \(value)", file: file)
                    settings.append(
                        YAMLEntry(key: key, value: entry.first?.value ?? .null, place: .line(file: "\(file), \(run.name)", 1)))
                }
                let read = try RunFile(bytes: bytes, file: base, giving: settings)
                made.append(
                    SweepRun(
                        name: run.name, settings: settings.dropLast().map { (key: $0.key, value: $0.value) }, file: read))
            } catch {
                faults += error.faults.filter { !faults.contains($0) }
            }
        }
        guard faults.isEmpty else { throw RunFileError(faults) }
        var varied: [String] = []
        for setting in made.flatMap(\.settings) where !varied.contains(setting.key) { varied.append(setting.key) }
        (self.file, self.outputDirectory, self.runs, self.varied, self.metric) = (file, outputDirectory, made, varied, metric)
    }
}
