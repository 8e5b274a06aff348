import Preferences
import Storage
import Training

/// The parts of a model's folders that generation needs beside the weights.
extension LoadedModel {
    /// The encoder of texts into the model's tokens.
    /// - Throws: `TokenizerError`.
    func textEncoding() throws -> TextEncoding { try TextEncoding(folder: source.tokenizerPath) }

    /// Encodes prompts of up to the model's positions.
    /// - Parameter file: how messages call the place of the prompts.
    func encoder(_ encoding: TextEncoding, file: String) -> RowEncoder {
        RowEncoder(
            encoding, rule: EncodingRule(maxLength: architecture.positions, vocabularySize: architecture.vocabulary),
            file: file)
    }
}

extension ModelSource {
    /// The model's name for people: its folder's, and where that is a run's `final` or checkpoint the run's too.
    var title: String {
        let name = FileSystem.name(of: path)
        guard name == "final" || name.hasPrefix("checkpoint-") else { return name }
        return "\(FileSystem.name(of: FileSystem.parent(of: FileSystem.resolved(path))))-\(name)"
    }
}
