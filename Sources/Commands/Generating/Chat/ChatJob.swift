import Collectives
import Glibc
import Kernels
import Machine
import Modeling
import Preferences
import Storage
import Training

/// `chat`: a conversation in the terminal. Answers appear token by token; the keys and values of what was said are kept.
///
/// A model without a chat template goes on with what is typed as plain text, and the chat says so.
package struct ChatJob: Sendable {
    package var model: String
    package var adapter: String?
    /// The text that the model is told first.
    package var system: String?
    package var sampling = Sampling(temperature: 0.7, topP: 0.95)
    package var maxNewTokens = 1024
    package var stops: [String] = []
    /// nil: another one each time.
    package var seed: UInt64?
    package var threads: Int?

    package init(model: String, adapter: String? = nil) { (self.model, self.adapter) = (model, adapter) }

    /// - Throws: `TrainingError`, or what reading the model throws.
    package func run(over communicator: Communicator, console: Console) throws {
        guard communicator.size == 1 else {
            throw TrainingError.input("chat talks to one person on one rank; start it without mpirun")
        }
        let pool = ThreadPool(count: threads ?? communicator.neighbourhood.cores)
        let loaded = try communicator.failingTogether {
            let loaded = try LoadedModel(reading: ModelSource(model, adapter: adapter), positions: 1, on: pool)
            try loaded.architecture.requireLanguageModel(model)
            return loaded
        }
        let encoding = try loaded.textEncoding()
        guard let tokenizer = encoding.tokenizer else {
            throw TrainingError.input("\(loaded.source.tokenizerPath): there is no tokenizer.json; chat needs one")
        }
        let free = communicator.neighbourhood.freeMemory
        var session = try ChatSession(
            self, loaded, tokenizer, TurnEncoder(loaded, encoding, file: "the conversation"),
            freeMemory: free, pool)
        loaded.packForDecoding(rounds: maxNewTokens, freeMemory: free, console: console, on: pool)
        console.line("\(loaded.source.title), up to \(session.capacity) tokens. /help tells the commands, ^D ends.")
        if !session.hasTemplate {
            console.line(
                "note: \(loaded.source.tokenizerPath) has no chat template: the model goes on with what you type as plain text, "
                    + "and with all that stands before it")
        }
        try session.run(console)
    }
}
