import Storage

/// A data row as it was understood: one prompt, its responses, and what it says of them. Not yet tokens.
struct RowContent {
    enum Body {
        case text(prompt: String, responses: [String])
        case ids(prompt: [Int32], responses: [[Int32]])
        case conversation(Conversation)
        /// A text without a prompt; all of it is scored that anything predicts.
        case document(String)

        var responses: Int {
            switch self {
            case .text(_, let responses): responses.count
            case .ids(_, let responses): responses.count
            case .conversation(let conversation): conversation.completions.count
            case .document: 1
            }
        }
    }

    let format: RowFormat
    let body: Body
    let verdict: Verdict
    /// For each response one value per name of `EncodingRule.scoreNames`.
    let scores: [[Float]]
    /// A reason for which the row is of no use, seen before any token.
    let obstacle: DropReason?
    /// For each response a reason for which it is of no use.
    let obstacles: [DropReason?]
    let notes: RowNotes
    /// Columns that held nothing this run uses, in file order.
    let unusedColumns: [String]
}

/// A prompt and its responses as messages, which only a chat template turns into text.
///
/// A message is an object with `role` and, unless it calls tools, `content`, a string; whatever else the row gave of it
/// stands there too, but for nulls.
struct Conversation {
    /// Lists of messages; the prompt has at least one.
    var prompt: [JSON]
    /// Usually one message of the assistant's each.
    var completions: [[JSON]]
    /// Whether the prompt's answers are the row's as the completion's are: both are of one dialogue, which nothing but
    /// its end divides.
    var isOneDialogue = false
    /// The row's `tools`: a list of descriptions.
    var tools: JSON?
    /// The row's `chat_template_kwargs`: further variables of the template.
    var templateVariables: JSON?
    /// The reason why the row is a conversation, for messages to people: `"prompt" is a list of messages`.
    var cause: String
}

/// A prompt or a response as a row gives it.
enum Passage {
    case text(String)
    case messages([JSON])
}

/// The parts of a row that its format reads, still as the row has them.
struct RowParts {
    enum Body {
        /// - Parameter prompt: nil where the responses hold it: whole dialogues.
        case passages(prompt: Passage?, responses: [Passage])
        case ids(prompt: [Int32], responses: [[Int32]])
        case document(String)
    }

    var body: Body
    var verdict: Verdict
    var rewards: MarginRewards = .given([])
    /// A reason for which the row is of no use.
    var obstacle: DropReason?
    /// Whether prompt and response are one dialogue, as against a prompt that the row gives apart as messages.
    var isOneDialogue = false

    init(
        prompt: Passage?, responses: [Passage], _ verdict: Verdict, rewards: MarginRewards = .given([]),
        obstacle: DropReason? = nil
    ) {
        self.init(.passages(prompt: prompt, responses: responses), verdict, rewards: rewards, obstacle: obstacle)
        isOneDialogue = !(prompt?.isMessages ?? false)
    }

    /// A dialogue's messages up to the assistant's last, and that one.
    init(dialogue: (prompt: [JSON], response: [JSON]), _ verdict: Verdict) {
        self.init(prompt: .messages(dialogue.prompt), responses: [.messages(dialogue.response)], verdict)
        isOneDialogue = true
    }

    init(_ body: Body, _ verdict: Verdict, rewards: MarginRewards = .given([]), obstacle: DropReason? = nil) {
        self.body = body
        self.verdict = verdict
        self.rewards = rewards
        self.obstacle = obstacle
    }
}

/// The place of a row's margin rewards.
enum MarginRewards {
    /// In `scores_chosen` and `scores_rejected`, objects of name to number, or in two columns of the reward's name.
    case sides
    /// In `scores`, an object of name to numbers, one for each response.
    case column
    /// In columns of the data set's own: a number for each response, in their order; null where the row doesn't say.
    case given([(name: String, values: [JSON])])
}

extension Conversation {
    /// The same with the arguments of tool calls as objects that are strings of JSON objects; nil if there are none.
    var withDecodedArguments: Conversation? {
        var isChanged = false
        func decoded(_ call: JSON) -> JSON {
            guard var object = call.object else { return call }
            if let function = object["function"], function.object != nil { object["function"] = decoded(function) }
            if let text = object["arguments"]?.string, let arguments = try? JSON.parse(text), arguments.object != nil {
                object["arguments"] = arguments
                isChanged = true
            }
            return .object(object)
        }
        func decoded(_ messages: [JSON]) -> [JSON] {
            messages.map { message in
                guard var object = message.object, let calls = object["tool_calls"]?.array else { return message }
                object["tool_calls"] = .array(calls.map { decoded($0) })
                return .object(object)
            }
        }
        var conversation = self
        conversation.prompt = decoded(prompt)
        conversation.completions = completions.map { decoded($0) }
        return isChanged ? conversation : nil
    }
}
