import RunFiles
import Storage

extension RunFile {
    /// The run with the factors of its margin rewards as its training found them, from `run.yaml` in `output_dir`, where a
    /// factor hangs on the training rows.
    /// - Throws: `TrainingError.input` when no training has left them there.
    package func takingTrainedScales() throws -> RunFile {
        let open = (self.margins?.rewards ?? []).filter { if case .factor = $0.scaling { false } else { true } }
        guard let first = open.first else { return self }
        let path = FileSystem.join(self.model.outputDirectory ?? ".", "run.yaml")
        var factors: [String: Double] = [:]
        if FileSystem.exists(path) {
            for reward in try RunFile(bytes: FileSystem.read(path), file: path).margins?.rewards ?? [] {
                if case .factor(let factor) = reward.scaling { factors[reward.name] = factor }
            }
        }
        guard open.allSatisfy({ factors[$0.name] != nil }) else {
            throw TrainingError.input(
                "margins.\(first.name).normalise takes its factor from the training rows, and \(path) has none; train first, "
                    + "or give margins.\(first.name).scale")
        }
        return settingScales(factors)
    }
}
