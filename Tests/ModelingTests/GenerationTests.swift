import Glibc
import Kernels
import Modeling
import Scratch
import Storage
import Testing

/// Texts are continued in batches with the bits, and so the tokens, that each has alone.
@Suite struct GenerationTests {
    /// One continuation, by the prompt's number and the sample's.
    struct Key: Hashable {
        let number: Int
        let sample: Int
    }

    /// Continuations of prompts that are asked for in some order.
    static func continuations(
        of prompts: [[Int32]], by model: GoldenModel, samples: Int = 1, _ rules: GenerationRules,
        batchTokens: Int? = nil, order: [Int]? = nil
    ) throws -> [Key: Continuation] {
        let plan = try #require(
            GenerationPlan(
                model.architecture, texts: prompts.count * samples, longestPrompt: prompts.map(\.count).max() ?? 1,
                maxNewTokens: rules.maxNewTokens, batchTokens: batchTokens, memory: 1 << 26))
        let generator = try Generator<SeededGenerator>(model.transformer, plan, rules)
        var order = ArraySlice(order ?? Array(prompts.indices))
        var found: [Key: Continuation] = [:]
        try generator.run(
            next: { _ in
                order.popFirst().map { number in
                    GenerationRequest(
                        number: number, prompt: prompts[number],
                        randoms: (0..<samples).map { SeededGenerator(state: UInt64(100 * number + $0)) })
                }
            },
            finished: { end in
                let key = Key(number: end.number, sample: end.sample)
                #expect(found[key] == nil)
                found[key] = end
            },
            round: {})
        #expect(found.count == prompts.count * samples)
        #expect(generator.tokenCount == found.values.reduce(0) { $0 + $1.tokens.count })
        return found
    }

    /// Prompts of several lengths, one of them longer than a page of keys.
    static func prompts(_ test: FamilyTests.Case, longest: Int) -> [[Int32]] {
        let prompts = test.sequences.map { Array($0.prompt) }
        let whole = test.sequences.flatMap { $0.prompt + $0.responses.flatMap(\.tokens) }
        return prompts + [Array(whole.prefix(longest)), Array(prompts[0].prefix(1))]
    }

    @Test("every family decodes as if each token's whole text were read anew", arguments: FamilyTests.names)
    func families(name: String) throws {
        let test = try FamilyTests.Case(name)
        let tokens = 24
        let prompts = GenerationTests.prompts(
            test, longest: min(70, (test.model.architecture.hardLimit ?? 256) - tokens))
        let greedy = GenerationRules(sampling: Sampling(temperature: 0), maxNewTokens: tokens)
        let together = try GenerationTests.continuations(of: prompts, by: test.model, greedy)
        var texts = prompts
        var one = greedy
        one.maxNewTokens = 1
        for _ in 0..<tokens {
            let next = try GenerationTests.continuations(of: texts, by: test.model, one)
            for number in texts.indices { texts[number] += next[Key(number: number, sample: 0)]?.tokens ?? [] }
        }
        for (number, prompt) in prompts.enumerated() {
            let end = try #require(together[Key(number: number, sample: 0)])
            #expect(end.tokens == Array(texts[number].dropFirst(prompt.count)) && end.ending == .length)
        }
    }

    @Test(
        "samples are the same in any order, in any room, and with the prompt shared or not",
        arguments: ["qwen3", "gemma2", "phi3-longrope", "llama-dynamic"])
    func batches(name: String) throws {
        let test = try FamilyTests.Case(name)
        let prompts = GenerationTests.prompts(test, longest: 60)
        let rules = GenerationRules(sampling: Sampling(temperature: 1.3, topP: 0.95), maxNewTokens: 40)
        let all = try GenerationTests.continuations(of: prompts, by: test.model, samples: 3, rules)
        #expect(Set(all.values.map(\.tokens)).count > prompts.count)
        let backwards = try GenerationTests.continuations(
            of: prompts, by: test.model, samples: 3, rules, order: prompts.indices.reversed())
        #expect(backwards == all)
        let least = GenerationPlan.leastTokens(
            test.model.architecture, longestPrompt: prompts.map(\.count).max() ?? 1, maxNewTokens: 40)
        for tokens in [least, least + 100] {
            let tight = try GenerationTests.continuations(
                of: prompts, by: test.model, samples: 3, rules, batchTokens: tokens)
            #expect(tight == all)
        }
        let alone = try GenerationTests.continuations(of: prompts, by: test.model, samples: 1, rules)
        for (key, end) in alone { #expect(all[key] == end) }
        #expect(
            GenerationPlan(
                test.model.architecture, texts: 1, longestPrompt: prompts.map(\.count).max() ?? 1, maxNewTokens: 40,
                batchTokens: least - 1, memory: 1 << 26) == nil)
    }

    @Test("texts end at end tokens and at stops, but not before they may")
    func endings() throws {
        let test = try FamilyTests.Case("qwen3")
        let prompts = GenerationTests.prompts(test, longest: 60)
        var rules = GenerationRules(sampling: Sampling(temperature: 1), maxNewTokens: 30)
        let free = try GenerationTests.continuations(of: prompts, by: test.model, rules)
        let key = Key(number: 0, sample: 0)
        let tokens = try #require(free[key]?.tokens)
        let end = tokens[4]
        rules.endTokens = [end]
        let ended = try GenerationTests.continuations(of: prompts, by: test.model, rules)
        let first = try #require(tokens.firstIndex(of: end))
        #expect(ended[key]?.tokens == Array(tokens.prefix(first + 1)) && ended[key]?.ending == .endToken)
        rules.minNewTokens = 12
        let late = try GenerationTests.continuations(of: prompts, by: test.model, rules)
        for continuation in late.values { #expect(!continuation.tokens.prefix(12).contains(end)) }
        rules.endTokens = []
        rules.stops = { $0.count >= 3 && $0.last == $0.first || $0.count == 20 }
        for (key, continuation) in try GenerationTests.continuations(of: prompts, by: test.model, rules) {
            #expect((12...20) ~= continuation.tokens.count && continuation.ending == .stop)
            #expect(Array(free[key]?.tokens.prefix(continuation.tokens.count) ?? []) == continuation.tokens)
        }
    }
}

/// Draws from given logits.
@Suite struct SamplingTests {
    static let logits: [Float] = [1, 3, -2, 3, 0.5, -.infinity, 2, 1]

    /// The share of each token in the draws.
    static func shares(_ sampling: Sampling, draws: Int = 40_000) -> [Double] {
        var random = SeededGenerator(state: 3)
        var counts = [Double](repeating: 0, count: logits.count)
        logits.withUnsafeBufferPointer { logits in
            for _ in 0..<draws { counts[Int(sampling.choose(logits, using: &random))] += 1 / Double(draws) }
        }
        return counts
    }

    @Test("greedy takes the first of the largest logits")
    func greedy() { #expect(SamplingTests.shares(Sampling(temperature: 0), draws: 3)[1] > 0.99) }

    @Test(
        "tokens are drawn by their probabilities, of those that are left",
        arguments: [
            (0.7, nil, 1.0, [0, 1, 2, 3, 4, 6, 7]), (1, 3, 1.0, [1, 3, 6]), (1.0, nil, 0.8, [1, 3, 6]),
            (1.0, nil, 0.3, [1]), (2.0, 4, 0.9, [0, 1, 3, 6]), (1.0, 1, 1.0, [1]),
        ] as [(Double, Int?, Double, [Int])])
    func drawn(temperature: Double, topK: Int?, topP: Double, left: [Int]) {
        let shares = SamplingTests.shares(Sampling(temperature: temperature, topK: topK, topP: topP))
        let weights = SamplingTests.logits.indices.map { (token: Int) -> Double in
            left.contains(token) ? exp(Double(SamplingTests.logits[token]) / temperature) : 0
        }
        let sum = weights.reduce(0, +)
        for (token, share) in shares.enumerated() { #expect(abs(share - weights[token] / sum) < 0.01) }
    }

    @Test("a long row's draws are those of a plain sort")
    func plain() {
        var random = SeededGenerator(state: 9)
        let logits = (0..<3000).map { _ in Float(Int.random(in: 0..<40, using: &random)) / 4 }
        for (temperature, topP) in [(0.3, 0.9), (1, 0.5), (4, 0.99), (1, 0.9999)] {
            for seed in 0..<50 {
                var (a, b) = (SeededGenerator(state: UInt64(seed)), SeededGenerator(state: UInt64(seed)))
                let ours = logits.withUnsafeBufferPointer {
                    Sampling(temperature: temperature, topP: topP).choose($0, using: &a)
                }
                #expect(Int(ours) == SamplingTests.plain(logits, temperature, topP, using: &b))
            }
        }
    }

    /// Nucleus sampling by sorting everything.
    static func plain(
        _ logits: [Float], _ temperature: Double, _ topP: Double, using random: inout SeededGenerator
    ) -> Int {
        let peak = Double(logits.max() ?? 0)
        let weights = logits.map { (logit: Float) -> Double in exp((Double(logit) - peak) / temperature) }
        let order = weights.indices.sorted { weights[$0] > weights[$1] || weights[$0] == weights[$1] && $0 < $1 }
        let limit = topP * weights.reduce(0, +)
        var (kept, mass) = (0, 0.0)
        while kept < order.count, kept == 0 || mass < limit {
            mass += weights[order[kept]]
            kept += 1
        }
        var rest = Double(random.next() >> 11) * 0x1p-53 * mass
        for id in order[..<kept] {
            rest -= weights[id]
            if rest < 0 { return id }
        }
        return order[kept - 1]
    }
}
