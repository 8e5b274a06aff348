import Collectives
import Kernels
import Machine
import Modeling
import Preferences
import Storage
import Tokenization
import Training

/// `generate`: continuations of prompts, one JSON line each, in the order of the prompts.
///
/// Prompts are dealt to the ranks as these become free. What a prompt is continued with depends on the prompt and the seed
/// alone: not on the ranks, nor on what is generated beside it.
package struct GenerationJob: Sendable {
    package var model: String
    /// An adapter on the model.
    package var adapter: String?
    package var prompts: PromptSource
    /// `-` is standard output.
    package var output: String
    package var maxNewTokens = 128
    package var minNewTokens = 0
    package var sampling = Sampling(temperature: 0)
    /// Texts that end a continuation; they are no part of the response.
    package var stops: [String] = []
    /// Continuations of each prompt.
    package var samples = 1
    package var seed: UInt64 = 42
    /// Tokens whose keys and values are held at a time; nil: as many as gain anything and fit.
    package var batchTokens: Int?
    package var threads: Int?

    package init(model: String, adapter: String? = nil, prompts: PromptSource, output: String) {
        (self.model, self.adapter, self.prompts, self.output) = (model, adapter, prompts, output)
    }

    /// - Throws: on every rank alike. Collective.
    package func run(over communicator: Communicator, console: Console) throws {
        let pool = ThreadPool(count: threads ?? communicator.neighbourhood.cores)
        let (loaded, tokenizer) = try communicator.failingTogether { () throws -> (LoadedModel, Tokenizer?) in
            if communicator.isRoot, output != "-" { try OutputFile.check(output) }
            let loaded = try LoadedModel(reading: ModelSource(model, adapter: adapter), positions: 1, on: pool)
            try loaded.architecture.requireLanguageModel(model)
            let path = loaded.source.tokenizerPath
            let hasTokenizer = FileSystem.exists(FileSystem.join(path, "tokenizer.json"))
            return (loaded, hasTokenizer ? try Tokenizer(directory: path) : nil)
        }
        let rows = try prompts.rows(for: loaded, tokenizer, over: communicator)
        let plan = try plan(rows, loaded.architecture, over: communicator, console: console)
        let transformer = try communicator.failingTogether {
            try loaded.seeing(positions: plan.longestPrompt + maxNewTokens, on: pool)
        }
        let ends = try communicator.failingTogether { try endTokens(of: loaded, tokenizer) }
        let stopTexts = try communicator.failingTogether { try StopTexts(stops, tokenizer) }
        let rules = GenerationRules(
            sampling: sampling, maxNewTokens: maxNewTokens, minNewTokens: minNewTokens, endTokens: ends,
            stops: stopTexts.map { stops in { stops.end($0) != nil } })
        let generator = try communicator.failingTogether(status: { _ in 4 }) {
            try Generator<SplitMix64>(transformer, plan, rules)
        }

        let words = try generate(rows, by: generator, over: communicator, console: console)
        try communicator.onRoot {
            let format = ResponseLines(tokenizer: tokenizer, stops: stopTexts, endTokens: ends, samples: samples)
            let text = format.lines(words, rows)
            if output == "-" { print(text, terminator: "") } else { try AtomicFile.write(text, to: output) }
        }
    }

    /// Continues the rows' prompts on all ranks; returns, on every rank, for each rank its continuations: for each the
    /// row's place, the sample, whether a stop ended it, how many tokens, and these. Collective.
    private func generate(
        _ rows: [PromptRow], by generator: Generator<SplitMix64>, over communicator: Communicator, console: Console
    ) throws -> [[Int32]] {
        let queue = WorkQueue(count: rows.count, over: communicator)
        var words: [Int32] = []
        var clock = GenerationClock(texts: rows.count * samples, ranks: communicator.size)
        console.beginActivity()
        try generator.run(
            next: { mayWait in
                queue.next(mayWait: mayWait).map { place in
                    // A stream of its own for each continuation, so that ranks and batches don't matter.
                    let start = seed &+ UInt64(rows[place].row) &* 0x9E37_79B9_7F4A_7C15
                    let randoms = (0..<samples).map { sample in
                        SplitMix64(state: start &+ UInt64(sample) &* 0xBF58_476D_1CE4_E5B9)
                    }
                    return GenerationRequest(number: place, prompt: rows[place].tokens, randoms: randoms)
                }
            },
            finished: { end in
                queue.done += 1
                words += [Int32(end.number), Int32(end.sample), end.ending == .stop ? 1 : 0, Int32(end.tokens.count)]
                words += end.tokens
            },
            round: {
                queue.serve()
                clock.tokens = generator.tokenCount
                console.progress(clock.line(done: queue.doneByAll))
            })
        queue.close()
        console.endProgress()
        var drawn = [Double(generator.tokenCount)]
        communicator.sum(&drawn)
        clock.tokens = Int(drawn[0])
        let place = output == "-" ? "standard output" : output
        console.line("\(place): \(rows.count * samples) continuations of \(rows.count) prompts, \(clock.total)")
        return communicator.gather(words)
    }

    private func plan(
        _ rows: [PromptRow], _ a: Architecture, over communicator: Communicator, console: Console
    ) throws -> GenerationPlan {
        let longest = rows.map(\.tokens.count).max() ?? 1
        let positions = longest + maxNewTokens
        if positions > a.positions {
            console.line(
                "note: up to \(positions) tokens, but the model was made for \(a.positions) (max_position_embeddings)")
        }
        let plan = GenerationPlan(
            a, texts: rows.count * samples, longestPrompt: longest, maxNewTokens: maxNewTokens,
            batchTokens: batchTokens, memory: communicator.min(communicator.neighbourhood.freeMemory / 2))
        guard let plan else {
            let least = GenerationPlan.leastTokens(a, longestPrompt: longest, maxNewTokens: maxNewTokens)
            throw TrainingError.input(
                "--batch-tokens \(batchTokens ?? 0): the longest prompt has \(longest) tokens and takes \(least) with "
                    + "--max-new-tokens \(maxNewTokens); give at least \(least), or leave it out")
        }
        console.line(
            "keys and values of up to \(plan.tokens) tokens, "
                + "\(readableBytes(plan.tokens * GenerationPlan.bytesPerToken(a))) a rank; up to \(plan.texts) texts at a time"
        )
        return plan
    }

    /// The ids that end a text: config.json's, generation_config.json's and the tokenizer's.
    private func endTokens(of model: LoadedModel, _ tokenizer: Tokenizer?) throws -> Set<Int32> {
        var ends = Set(model.architecture.endTokens)
        if let end = tokenizer?.eosToken { ends.insert(end) }
        let path = FileSystem.join(model.source.base, "generation_config.json")
        if FileSystem.exists(path) {
            let value = try JSON.parse(FileSystem.read(path))["eos_token_id"]
            for id in value?.array ?? value.map({ [$0] }) ?? [] {
                if let id = id.integer.flatMap({ Int32(exactly: $0) }) { ends.insert(id) }
            }
        }
        return ends.filter { 0..<Int32(model.architecture.vocabulary) ~= $0 }
    }
}

/// How fast a generation goes, and how long it will go on.
struct GenerationClock {
    private let start = SteadyClock.now()
    private let texts: Int
    private let ranks: Int
    /// Drawn by this rank, or at the end by all.
    var tokens = 0

    init(texts: Int, ranks: Int) { (self.texts, self.ranks) = (texts, ranks) }

    private var seconds: Double { max(1e-9, SteadyClock.now() - start) }

    /// Ranks work alike: their tokens are taken for as many as this one's.
    func line(done: Int) -> String {
        let rate = fixed(Double(tokens * ranks) / seconds, 1)
        let left = done == 0 ? "" : ", \(duration(seconds * Double(texts - done) / Double(done))) left"
        return "generate: \(done) of \(texts) continuations, \(rate) tokens/s\(left)"
    }

    var total: String { "\(tokens) tokens in \(duration(seconds)), \(fixed(Double(tokens) / seconds, 1)) tokens/s" }

    private func duration(_ seconds: Double) -> String {
        seconds < 90 ? "\(fixed(seconds, seconds < 10 ? 1 : 0)) s" : "\(fixed(seconds / 60, 1)) min"
    }
}
