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

    /// The ids that end a text: config.json's, generation_config.json's and the tokenizer's.
    /// - Throws: `StorageError` or `JSONError`.
    func endTokens(_ tokenizer: Tokenizer?) throws -> Set<Int32> {
        var ends = Set(architecture.endTokens)
        if let end = tokenizer?.eosToken { ends.insert(end) }
        let path = FileSystem.join(source.base, "generation_config.json")
        if FileSystem.exists(path) {
            let value = try JSON.parse(FileSystem.read(path))["eos_token_id"]
            for id in value?.array ?? value.map({ [$0] }) ?? [] {
                if let id = id.integer.flatMap({ Int32(exactly: $0) }) { ends.insert(id) }
            }
        }
        return ends.filter { 0..<Int32(architecture.vocabulary) ~= $0 }
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
