import Checkpoints
import Collectives
import Kernels
import Machine
import Modeling
import RunFiles
import Statistics
import Storage
import Training

/// `bench --generate`: what continuing prompts costs here, beside what the memory delivers: a round of decoding reads all
/// weights once, for one text as for many.
package enum GenerationTiming {
    /// Texts that are continued together, in turn.
    private static let texts = [1, 4, 8, 16, 32, 64]
    private static let promptLength = 120
    private static let newTokens = 32

    /// One measurement.
    private struct Timing {
        let texts: Int
        /// Bytes per second that the memory delivered between the runs.
        let bandwidth: Double
        /// Of reading the prompts, and of the rounds after that.
        let reading: Double
        let decoding: Double

        var tokensPerSecond: Double { Double(texts * (newTokens - 1)) / decoding }
        var roundsPerSecond: Double { Double(newTokens - 1) / decoding }
    }

    /// Continues made-up prompts greedily, each number of texts twice, and takes the faster.
    ///
    /// - Throws: on every rank alike. Collective.
    package static func run(
        _ file: RunFile, over communicator: Communicator, console: Console
    ) throws -> Report {
        let pool = ThreadPool(count: file.machine.threadsPerRank ?? communicator.neighbourhood.cores)
        let loaded = try communicator.failingTogether {
            let source = try ModelSource(file.model.path, adapter: file.adapters.path)
            let isBare = try ModelDirectory(path: source.base, needsWeights: false).tensorNames.isEmpty
            let positions = promptLength + newTokens
            return isBare
                ? try LoadedModel(
                    training: source, giving: .logits, seed: 0, positions: positions, mayBeBare: true, on: pool)
                : try LoadedModel(reading: source, positions: positions, on: pool)
        }
        let transformer = try loaded.seeing(positions: promptLength + newTokens, on: pool)
        let a = loaded.architecture
        loaded.packForDecoding(
            rounds: .max, freeMemory: communicator.neighbourhood.freeMemory, console: console, on: pool)
        console.line(
            "\(file.model.path), \(a.family.name): prompts of \(promptLength) random tokens, \(newTokens) new ones")
        let timings = try texts.map { count in
            // In turns, since the memory of a shared machine is now faster, now slower.
            let runs = try (0..<2).map { _ in
                let bandwidth = try MemoryBandwidth.measure(on: pool)
                communicator.barrier()
                return try time(transformer, texts: count, bandwidth: bandwidth)
            }
            return runs[0].decoding < runs[1].decoding ? runs[0] : runs[1]
        }
        return report(timings, bytes: weightBytes(loaded), threads: pool.count, a)
    }

    private static func time(_ transformer: Transformer, texts: Int, bandwidth: Double) throws -> Timing {
        let a = transformer.architecture
        let plan = GenerationPlan(
            a, texts: texts, longestPrompt: promptLength, maxNewTokens: newTokens,
            memory: Int.max / GenerationPlan.bytesPerToken(a))
        guard let plan else { throw TrainingError.input("no room for \(texts) texts") }
        let generator = try Generator<SplitMix64>(
            transformer, plan, GenerationRules(sampling: Sampling(temperature: 0), maxNewTokens: newTokens))
        var (next, firstRound) = (0, 0.0)
        let start = SteadyClock.now()
        try generator.run(
            next: { (_: Bool) -> GenerationRequest<SplitMix64>? in
                if next == texts { return nil }
                next += 1
                var random = SplitMix64(state: UInt64(next))
                let prompt = (0..<promptLength).map { _ in Int32(random.next() % UInt64(a.vocabulary)) }
                return GenerationRequest(number: next, prompt: prompt, randoms: [random])
            },
            finished: { _ in },
            // All prompts are read, and a round is over.
            round: { if firstRound == 0 { firstRound = SteadyClock.now() } })
        let end = SteadyClock.now()
        let round = (end - firstRound) / Double(newTokens - 2)
        return Timing(
            texts: texts, bandwidth: bandwidth, reading: firstRound - start - round,
            decoding: round * Double(newTokens - 1))
    }

    /// Bytes of what a round reads: all weights, but of an embedding that isn't the head a few rows only.
    private static func weightBytes(_ loaded: LoadedModel) -> Int {
        let a = loaded.architecture
        let embedding = a.vocabulary * a.width
        let all = a.blockParameters + (a.tiedHead ? 1 : 2) * embedding
        let bytes = loaded.frozen?.mappedBytes ?? 4 * all
        return a.tiedHead ? bytes : bytes - Int(Double(bytes) * Double(embedding) / Double(all))
    }

    private static func report(
        _ timings: [Timing], bytes: Int, threads: Int, _ a: Architecture
    ) -> Report {
        let bandwidth = timings.map(\.bandwidth).max() ?? 0
        var lines = [
            "weights      \(readableBytes(bytes)), read once a round",
            "memory       \(fixed(bandwidth / 1e9, 1)) GB/s at its best between the runs: at most "
                + "\(fixed(bandwidth / Double(bytes), 1)) rounds/s",
            "texts  prompts tokens/s  tokens/s  GB/s of weights  share of memory",
        ]
        var rows: [JSON] = []
        for timing in timings {
            let rate = timing.roundsPerSecond * Double(bytes)
            let prompts = Double(timing.texts * promptLength) / timing.reading
            lines.append(
                padded("\(timing.texts)", 5) + padded(fixed(prompts, 1), 18)
                    + padded(fixed(timing.tokensPerSecond, 1), 10)
                    + padded(fixed(rate / 1e9, 1), 17) + padded(fixed(rate / timing.bandwidth, 2), 17))
            rows.append(
                .object([
                    "texts": .integer(timing.texts), "prompt_tokens_per_second": .number(prompts),
                    "tokens_per_second": .number(timing.tokensPerSecond), "weight_bytes_per_second": .number(rate),
                    "memory_bytes_per_second": .number(timing.bandwidth),
                    "share_of_memory_bandwidth": .number(rate / timing.bandwidth),
                ]))
        }
        let json: JSONObject = [
            "threads_per_rank": .integer(threads), "weight_bytes": .integer(bytes),
            "memory_bytes_per_second": .number(bandwidth), "generation": .array(rows),
        ]
        return Report(json: json, lines: lines)
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
