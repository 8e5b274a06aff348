import Storage

/// The messages of a chat.
struct ChatHistory {
    /// The text that the model is told first.
    var system: String?
    private(set) var messages: [TurnEncoder.Message] = []

    init(system: String?) { self.system = system }

    /// All of it, the system text first.
    var all: [TurnEncoder.Message] { (system.map { [.init(.system, $0)] } ?? []) + messages }

    mutating func append(_ message: TurnEncoder.Message) { messages.append(message) }

    mutating func removeLast() { messages.removeLast() }

    mutating func reset() { messages = [] }

    /// The conversation as a row of demonstrations; of a model without a chat template as one text.
    func row(text: String?) -> JSON {
        if let text { return ["text": .string(text)] }
        return ["messages": .array(all.map(\.json))]
    }
}
