import Collectives
import Kernels
import Machine
import Modeling
import Preferences
import Storage
import Training

/// `generate`: continuations of prompts, one JSON line each, in the order of the prompts; or a benchmark's file of answers.
///
/// What is finished is kept beside the output until that is written, so that the same command goes on after whatever ended it.
package struct GenerationJob: Sendable {
    package var model: String
    /// An adapter on the model.
    package var adapter: String?
    package var prompts: PromptSource
    /// `-` is standard output.
    package var output: String
    package var format = ResponseFormat.jsonl
    /// The model's name in a benchmark's file; nil: its folder's.
    package var name: String?
    package var maxNewTokens = 128
    package var minNewTokens = 0
    package var sampling = Sampling(temperature: 0)
    /// Whether each question of MT-Bench has the temperature of its category, in place of the sampling's.
    package var usesCategoryTemperatures = false
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

    /// - Throws: on every rank alike; on one alone what it can't keep on disk. Collective.
    package func run(over communicator: Communicator, console: Console) throws {
        let pool = ThreadPool(count: threads ?? communicator.neighbourhood.cores)
        let (loaded, encoding) = try communicator.failingTogether { () throws -> (LoadedModel, TextEncoding) in
            if communicator.isRoot, output != "-" { try OutputFile.check(output) }
            let loaded = try LoadedModel(reading: ModelSource(model, adapter: adapter), positions: 1, on: pool)
            try loaded.architecture.requireLanguageModel(model)
            return (loaded, try loaded.textEncoding())
        }
        let tokenizer = encoding.tokenizer
        let prompts =
            try format == .jsonl
            ? prompts.prompts(for: loaded, encoding, over: communicator)
            : prompts.questions(as: format, for: loaded, encoding, over: communicator, console: console)
        let ends = try communicator.failingTogether {
            try loaded.endTokens(tokenizer).union(StopTexts.specialTokens(self.stops, tokenizer))
        }
        let stops = try communicator.failingTogether { try StopTexts(self.stops, tokenizer) }
        let origin = try communicator.onRoot { GenerationOrigin(self, model: try loaded.source.contentDigest()) }
        let journal =
            output == "-"
            ? nil
            : try GenerationJournal(
                for: output, origin?.identity(self, of: prompts) ?? [:], over: communicator)
        let generation = RankedGeneration(
            model: loaded,
            rules: GenerationRules(
                sampling: sampling, maxNewTokens: maxNewTokens, minNewTokens: minNewTokens, endTokens: ends,
                stops: stops.map { stops in { stops.end($0) != nil } }), seed: seed,
            batchTokens: batchTokens, journal: journal, output: output == "-" ? "standard output" : output, pool: pool,
            communicator: communicator, console: console)
        let responses = tokenizer.map { ResponseText(tokenizer: $0, stops: stops) }

        let text: String
        if format == .jsonl {
            let rows = prompts.rows.map { ContinuedRow(prompt: $0, samples: 0..<samples, sampling: sampling) }
            let continuations = try generation.run(rows)
            text =
                origin.map {
                    ResponseLines(responses: responses, endTokens: ends, origin: $0).text(
                        of: continuations, prompts.rows)
                } ?? ""
        } else {
            let answers = BenchmarkAnswers(
                format: format, model: name ?? loaded.source.title, started: journal?.started ?? WallClock.now())
            text = answers.text(prompts.questions, try choices(prompts, loaded, encoding, responses, by: generation))
        }
        try communicator.onRoot {
            if output == "-" { print(text, terminator: "") } else { try AtomicFile.write(text, to: output) }
            try journal?.remove()
        }
    }

    /// For each question its answers, each with all its turns; on rank 0. Collective.
    private func choices(
        _ prompts: PromptSet, _ model: LoadedModel, _ encoding: TextEncoding, _ responses: ResponseText?,
        by generation: RankedGeneration
    ) throws -> [[[BenchmarkAnswers.Answer]]] {
        let communicator = generation.communicator
        let temperatures = communicator.broadcast(prompts.questions.map(\.temperature))
        func sampling(_ question: Int) -> Sampling {
            var own = self.sampling
            if usesCategoryTemperatures { own.temperature = temperatures[question] }
            return own
        }
        func answers(_ continuations: [RowContinuation], _ rows: [PromptRow]) -> [BenchmarkAnswers.Answer] {
            guard communicator.isRoot, let responses else { return [] }
            return continuations.map { continuation in
                let text = responses.text(
                    continuation.ids, after: rows[continuation.place].tokens, isStopped: continuation.isStopped)
                return BenchmarkAnswers.Answer(text: text, tokens: continuation.ids.count)
            }
        }

        let rows = prompts.rows.enumerated().map { place, row in
            ContinuedRow(prompt: row, samples: 0..<samples, sampling: sampling(place))
        }
        let first = answers(try generation.run(rows), prompts.rows)
        // Each of the first answers is asked the second question, if there is one, and answers once.
        let followed = communicator.broadcast(
            prompts.questions.indices.filter { prompts.questions[$0].turns.count > 1 }.map(Double.init)
        ).map { Int($0) }
        let asked = try communicator.onRoot { () throws -> [PromptRow] in
            let encoder = try TurnEncoder(model, encoding, file: self.prompts.name)
            return try followed.flatMap { place in
                let question = prompts.questions[place]
                return try (0..<samples).map { sample in
                    let answer = first[place * samples + sample]
                    let said = encoder.hasTemplate ? answer.trimmed : answer.text
                    return try encoder.prompt(
                        [.init(.user, question.turns[0]), .init(.assistant, said), .init(.user, question.turns[1])],
                        line: question.line, row: question.row)
                }
            }
        }
        let secondRows = communicator.shared(asked)
        let second = answers(
            try generation.run(
                secondRows.enumerated().map { number, row in
                    let sample = number % samples
                    return ContinuedRow(
                        prompt: row, samples: sample..<sample + 1, sampling: sampling(followed[number / samples]))
                }, turn: 1), secondRows)
        let places = Dictionary(uniqueKeysWithValues: followed.enumerated().map { ($1, $0) })
        return prompts.questions.indices.map { place in
            (0..<samples).map { sample in
                [first[place * samples + sample]] + (places[place].map { [second[$0 * samples + sample]] } ?? [])
            }
        }
    }
}
