import Glibc
import Kernels
import Machine
import Modeling
import Preferences
import Statistics
import Storage
import Tokenization
import Training

/// A chat under way: what was said, and what goes on with it.
struct ChatSession {
    let capacity: Int
    var hasTemplate: Bool { encoder.hasTemplate }

    private let tokenizer: Tokenizer
    private let encoder: TurnEncoder
    private let growing: GrowingText
    private let endTokens: Set<Int32>
    private let stops: StopTexts?
    private let sampling: Sampling
    private let maxNewTokens: Int
    private var history: ChatHistory
    private var random: SplitMix64
    private let input = TypedLines()
    /// Files that this chat has written, and may write again.
    private var saved: Set<String> = []

    /// - Throws: `TrainingError`, `ModelError` or `MemoryError`.
    init(
        _ job: ChatJob, _ model: LoadedModel, _ tokenizer: Tokenizer, _ encoder: TurnEncoder, freeMemory: Int,
        _ pool: ThreadPool
    ) throws {
        self.tokenizer = tokenizer
        self.encoder = encoder
        let a = model.architecture
        capacity = max(1, min(a.positions, freeMemory / 2 / GenerationPlan.bytesPerToken(a)))
        growing = try GrowingText(try model.seeing(positions: capacity, on: pool), capacity: capacity)
        stops = try StopTexts(job.stops, tokenizer)
        endTokens = try model.endTokens(tokenizer).union(StopTexts.specialTokens(job.stops, tokenizer))
        (sampling, maxNewTokens) = (job.sampling, job.maxNewTokens)
        history = ChatHistory(system: job.system)
        random = SplitMix64(state: job.seed ?? UInt64.random(in: .min ... .max))
    }

    /// Talks until the input ends or somebody quits.
    /// - Throws: `TrainingError.input` where standard output is gone.
    mutating func run(_ console: Console) throws {
        Interruption.listen()
        while let line = nextText(console) {
            guard let command = ChatCommand(line) else {
                try answer(ChatCommand.said(line), console)
                continue
            }
            switch command {
            case .quit: return
            case .help: console.line(ChatCommand.explanation)
            case .reset:
                history.reset()
                console.line("begun anew")
            case .system(nil): console.line(history.system ?? "no system text; /system TEXT sets one")
            case .system(let text?):
                history.system = text
                console.line("the model is told this first, from now on")
            case .save(let path): save(path, console)
            case .unknown(let line): console.line("\(line): is no command; /help tells those that are")
            }
        }
    }

    /// The text that is typed next: a line, or several between marks; nil at the end.
    private func nextText(_ console: Console) -> String? {
        let mark = "\"\"\""
        var several: [String]?
        while true {
            if input.isTerminal { show(several == nil ? "> " : ". ", on: STDERR_FILENO) }
            switch input.next() {
            case .ended:
                if input.isTerminal { show("\n", on: STDERR_FILENO) }
                return several.map { $0.joined(separator: "\n") }
            case .interrupted:
                several = nil
                show("\n", on: STDERR_FILENO)
                console.line("/quit or ^D ends the chat")
            case .line(let line) where line == mark:
                if let lines = several { return lines.joined(separator: "\n") }
                several = []
            case .line(let line):
                if several != nil { several?.append(line) } else if line.contains(where: { !$0.isWhitespace }) { return line }
            }
        }
    }

    /// Says something to the model and shows what it answers; both become part of the history.
    private mutating func answer(_ text: String, _ console: Console) throws {
        history.append(.init(.user, text))
        var tokens: [Int32]
        do throws(PreferenceError) {
            tokens = try encoder.prompt(history.all).tokens
        } catch {
            history.removeLast()
            return console.line("\(error)")
        }
        guard tokens.count < capacity else {
            history.removeLast()
            return console.line(
                "that makes \(tokens.count) tokens, and there is room for \(capacity): /reset begins anew")
        }
        var streamed = StreamedText(after: tokens, tokenizer, stops)
        var remark: String?
        _ = Interruption.take()
        for count in 0... {
            if Interruption.take() {
                remark = "stopped"
                break
            }
            guard count < maxNewTokens, tokens.count <= capacity else {
                remark =
                    count < maxNewTokens
                    ? "no room for more: /reset begins anew" : "\(maxNewTokens) tokens; more by --max-new-tokens"
                break
            }
            let token = growing.next(after: tokens, sampling, using: &random)
            if endTokens.contains(token) { break }
            tokens.append(token)
            try print(streamed.add(token))
            if streamed.isStopped { break }
        }
        try print(streamed.finish() + "\n")
        if let remark { console.line("(\(remark))") }
        history.append(.init(.assistant, streamed.text))
    }

    private func print(_ text: String) throws {
        guard show(text, on: STDOUT_FILENO) else {
            throw TrainingError.input("standard output takes no more")
        }
    }

    @discardableResult
    private func show(_ text: String, on descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return false }
            rest = rest.dropFirst(written)
        }
        return true
    }

    private mutating func save(_ path: String, _ console: Console) {
        guard !history.messages.isEmpty else { return console.line("nothing was said yet") }
        guard saved.contains(path) || !FileSystem.exists(path) else {
            return console.line("\(path): is there already; choose another name")
        }
        let row = history.row(text: encoder.hasTemplate ? nil : TurnEncoder.plain(history.all))
        do throws(StorageError) {
            try AtomicFile.write(row.text + "\n", to: path)
            saved.insert(path)
            console.line("\(path): \(history.messages.count) messages")
        } catch {
            console.line("\(error)")
        }
    }
}
