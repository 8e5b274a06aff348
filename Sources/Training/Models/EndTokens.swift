import Modeling
import Storage
import Tokenization

extension LoadedModel {
    /// The ids that end a text: config.json's, generation_config.json's and the tokenizer's.
    /// - Throws: `StorageError` or `JSONError`.
    package func endTokens(_ tokenizer: Tokenizer?) throws -> Set<Int32> {
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
