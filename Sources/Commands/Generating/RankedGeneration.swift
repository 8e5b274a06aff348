import Collectives
import Kernels
import Machine
import Modeling
import Preferences
import Statistics
import Training

/// A row with those of its continuations that are wanted.
struct ContinuedRow {
    let prompt: PromptRow
    let samples: Range<Int>
    let sampling: Sampling
}

/// Continues rows on all ranks, which take prompts as they become free; what a journal has is not generated again.
///
/// What a row is continued with depends on its prompt, its number, the sample's and the seed alone: not on the ranks, nor on
/// what is generated beside it.
struct RankedGeneration {
    let model: LoadedModel
    let rules: GenerationRules
    let seed: UInt64
    /// Tokens whose keys and values are held at a time; nil: as many as gain anything and fit.
    let batchTokens: Int?
    let journal: GenerationJournal?
    /// Where the answers go, for people.
    let output: String
    let pool: ThreadPool
    let communicator: Communicator
    let console: Console

    /// All continuations of the rows, the same on every rank, in the order of the rows and of their samples.
    ///
    /// - Parameter turn: of a conversation that goes on: which of its answers these are, from 0.
    /// - Throws: on every rank alike; on one alone what its journal can't write. Collective.
    func run(_ rows: [ContinuedRow], turn: Int = 0) throws -> [RowContinuation] {
        let known = known(of: rows, turn)
        var missing = rows.map { Array($0.samples) }
        for continuation in known { missing[continuation.place].removeAll { $0 == continuation.sample } }
        let places = rows.indices.filter { !missing[$0].isEmpty }
        let count = missing.reduce(0) { $0 + $1.count }
        if !known.isEmpty {
            console.line("\(output): \(known.count) of \(known.count + count) continuations are there from before")
        }
        var words: [Int32] = []
        if !places.isEmpty {
            try generate(places, of: rows, missing, turn: turn, count: count) { continuation in
                try journal?.keep(continuation)
                words += continuation.words
            }
        }
        let all = known + communicator.gather(words).flatMap { RowContinuation.list(of: $0) }
        return all.sorted { ($0.place, $0.sample) < ($1.place, $1.sample) }
    }

    /// The journal's continuations of these rows, each once.
    private func known(of rows: [ContinuedRow], _ turn: Int) -> [RowContinuation] {
        var seen: Set<[Int]> = []
        return (journal?.known ?? []).filter { continuation in
            continuation.turn == turn && rows.indices.contains(continuation.place)
                && rows[continuation.place].samples.contains(continuation.sample)
                && seen.insert([continuation.place, continuation.sample]).inserted
        }
    }

    /// Generates the missing samples of some rows. Collective.
    private func generate(
        _ places: [Int], of rows: [ContinuedRow], _ missing: [[Int]], turn: Int, count: Int,
        _ keep: (RowContinuation) throws -> Void
    ) throws {
        let plan = try plan(places.map { rows[$0].prompt.tokens.count }, texts: count)
        let transformer = try communicator.failingTogether {
            try model.seeing(positions: plan.longestPrompt + rules.maxNewTokens, on: pool)
        }
        let generator = try communicator.failingTogether(status: { _ in 4 }) {
            try Generator<SplitMix64>(transformer, plan, rules)
        }
        // Last, so that it takes no memory that can't be done without.
        let together = plan.texts * communicator.size
        model.packForDecoding(
            rounds: (count + together - 1) / together * rules.maxNewTokens,
            freeMemory: communicator.neighbourhood.freeMemory, console: console, on: pool)
        let queue = WorkQueue(count: places.count, over: communicator)
        var clock = GenerationClock(texts: count, ranks: communicator.size)
        console.beginActivity()
        try generator.run(
            next: { mayWait in
                queue.next(mayWait: mayWait).map { number in
                    let (place, row) = (places[number], rows[places[number]])
                    return GenerationRequest(
                        number: place, prompt: row.prompt.tokens,
                        randoms: missing[place].map { random(row.prompt.row, sample: $0, turn: turn) },
                        sampling: row.sampling)
                }
            },
            finished: { end in
                queue.done += 1
                try keep(
                    RowContinuation(
                        turn: turn, place: end.number, sample: missing[end.number][end.sample],
                        isStopped: end.ending == .stop, ids: end.tokens))
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
        console.line("\(output): \(count) continuations of \(places.count) prompts, \(clock.total)")
    }

    /// A stream of its own for each continuation, so that ranks and batches don't matter.
    private func random(_ row: Int, sample: Int, turn: Int) -> SplitMix64 {
        let start = seed &+ UInt64(row) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(turn) &* 0x94D0_49BB_1331_11EB
        return SplitMix64(state: start &+ UInt64(sample) &* 0xBF58_476D_1CE4_E5B9)
    }

    private func plan(_ prompts: [Int], texts: Int) throws -> GenerationPlan {
        let (a, maxNewTokens) = (model.architecture, rules.maxNewTokens)
        let longest = prompts.max() ?? 1
        let positions = longest + maxNewTokens
        if positions > a.positions {
            console.line(
                "note: up to \(positions) tokens, but the model was made for \(a.positions) (max_position_embeddings)")
        }
        let plan = GenerationPlan(
            a, texts: texts, longestPrompt: longest, maxNewTokens: maxNewTokens,
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
}
