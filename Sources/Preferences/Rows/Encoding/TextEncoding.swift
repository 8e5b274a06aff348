import ChatTemplates
import Tokenization

/// The encoder of rows' texts into tokens: a model's tokenizer and its chat template.
package struct TextEncoding: Sendable {
    /// Nil where the folder has none: rows of token ids do without.
    package let tokenizer: Tokenizer?
    /// The chat template, or why there is none; nil without a tokenizer.
    package let template: Result<ChatTemplate, ChatTemplateError>?

    /// - Parameters:
    ///   - folder: of the tokenizer's files.
    ///   - isRequired: whether a folder without `tokenizer.json` is an error.
    /// - Throws: `TokenizerError`.
    package init(folder: String, isRequired: Bool = false) throws(TokenizerError) {
        tokenizer = isRequired ? try Tokenizer(directory: folder) : try Tokenizer.find(in: folder)
        template = tokenizer.map { _ in ChatTemplate.find(in: folder) }
    }
}
