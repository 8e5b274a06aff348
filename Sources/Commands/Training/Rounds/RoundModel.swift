import Checkpoints
import RunFiles
import Storage

/// The model that a round begins with: the run's own, or the one that the last round ended with.
struct RoundModel {
    /// The model's folder, or an adapter's that names its base.
    let model: String
    /// An adapter on it.
    let adapter: String?
    /// The model or adapter that the first round began with.
    private let first: String
    private let isFirst: Bool

    init(_ file: RunFile) {
        (model, adapter) = (file.model.path, file.adapters.path)
        first = adapter ?? model
        isFirst = true
    }

    private init(model: String, adapter: String?, first: String) {
        (self.model, self.adapter, self.first) = (model, adapter, first)
        isFirst = false
    }

    /// Where its weights, or its adapter's, are.
    var path: String { adapter ?? model }

    /// The one after it: what a round's training has saved in a folder.
    func followed(by final: String) throws -> RoundModel {
        let isAdapter = !FileSystem.exists(FileSystem.join(final, "config.json"))
        // An adapter that was given as the model names its base itself, and so does the one that went on from it.
        let isOnGivenModel = isAdapter && FileSystem.exists(FileSystem.join(model, "config.json"))
        return isOnGivenModel
            ? RoundModel(model: model, adapter: final, first: first)
            : RoundModel(model: final, adapter: nil, first: first)
    }

    /// Stands for it in the record of a round's stages; of the run's own model its path does.
    var digest: String {
        let sums = FileSystem.join(path, "checksums.json")
        guard !isFirst, let bytes = try? FileSystem.read(sums) else { return path }
        return Digest.of(bytes).hex
    }

    /// A round's training, which goes on from this model.
    func training(_ file: RunFile, on pairs: String, in output: String) -> RunFile {
        let reference = file.model.referencePath ?? (file.rounds.reference == .first && !isFirst ? first : nil)
        return file.training(
            model: model, adapter: isFirst ? file.adapters.path : adapter, isNew: isFirst, reference: reference,
            pairs: pairs, output: output)
    }
}
