import Modeling
import Preferences
import Storage
import Tokenization
import Training

/// What continuing texts needs of a model's folders beside its weights.
extension LoadedModel {
    /// - Returns: nil without a `tokenizer.json`.
    /// - Throws: `TokenizerError`.
    func tokenizer() throws -> Tokenizer? {
        let path = source.tokenizerPath
        return FileSystem.exists(FileSystem.join(path, "tokenizer.json")) ? try Tokenizer(directory: path) : nil
    }
}

extension ModelSource {
    /// How people call it: by its folder, and where that is a run's `final` or checkpoint by the run's too.
    var title: String {
        let name = FileSystem.name(of: path)
        guard name == "final" || name.hasPrefix("checkpoint-") else { return name }
        return "\(FileSystem.name(of: FileSystem.parent(of: FileSystem.resolved(path))))-\(name)"
    }
}
