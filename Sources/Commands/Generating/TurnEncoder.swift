import ChatTemplates
import Preferences
import Storage
import Training

/// Encodes turns of a conversation as the prompt of a model. It does so by the chat template, or where there is none as
/// plain text, which the model simply goes on with.
struct TurnEncoder {
    private let encoder: RowEncoder
    /// Whether the model has a chat template.
    let hasTemplate: Bool

    /// - Parameter file: how messages call the place of the turns.
    /// - Throws: `ChatTemplateError` for a template that is there and wrong.
    init(_ model: LoadedModel, _ encoding: TextEncoding, file: String) throws(ChatTemplateError) {
        switch encoding.template {
        case .success: hasTemplate = true
        case .failure(.missing), nil: hasTemplate = false
        case .failure(let error): throw error
        }
        encoder = model.encoder(encoding, file: file)
    }

    /// The prompt that messages make; the last is a user's.
    ///
    /// - Parameters:
    ///   - line: for messages to people.
    ///   - row: the prompt's number.
    /// - Throws: `PreferenceError`.
    func prompt(_ messages: [Message], line: Int = 1, row: Int = 0) throws(PreferenceError) -> PromptRow {
        let prompt: JSON = hasTemplate ? .array(messages.map(\.json)) : .string(TurnEncoder.plain(messages))
        return try encoder.encodePrompt(line: Array(JSON.object(["prompt": prompt]).text.utf8), number: line, row: row)
    }

    /// An answer stands where the model wrote it: behind the text that it went on with. The next text begins a line.
    static func plain(_ messages: [Message]) -> String {
        var text = ""
        for message in messages {
            if message.role != .assistant, !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
            text += message.content
        }
        return text
    }

    /// Something that was said.
    struct Message: Equatable {
        enum Role: String { case system, user, assistant }

        let role: Role
        let content: String

        init(_ role: Role, _ content: String) { (self.role, self.content) = (role, content) }

        var json: JSON { ["role": .string(role.rawValue), "content": .string(content)] }
    }
}
