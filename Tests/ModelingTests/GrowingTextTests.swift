import Checkpoints
import Kernels
import Modeling
import Scratch
import Testing

/// A text that grows by turns says what a batch says of the same text, and computes only what is new.
@Suite struct GrowingTextTests {
    @Test("every family goes on as in a batch, whatever was kept", arguments: FamilyTests.names)
    func families(name: String) throws {
        let test = try FamilyTests.Case(name)
        let limit = min(120, test.model.architecture.hardLimit ?? 120)
        let prompts = GenerationTests.prompts(test, longest: min(70, limit - 20))
        let rules = GenerationRules(sampling: Sampling(temperature: 1.2, topP: 0.95), maxNewTokens: 20)
        let expected = try GenerationTests.continuations(of: prompts, by: test.model, rules)
        let growing = try GrowingText(test.model.transformer, capacity: limit)
        for (number, prompt) in prompts.enumerated() {
            var random = SeededGenerator(state: UInt64(100 * number))
            var text = prompt
            for _ in 0..<20 { text.append(growing.next(after: text, rules.sampling, using: &random)) }
            let key = GenerationTests.Key(number: number, sample: 0)
            #expect(Array(text.dropFirst(prompt.count)) == expected[key]?.tokens)
        }
    }

    @Test(
        "weights packed for decoding give the same bits, and are packed once",
        arguments: FamilyTests.names)
    func packed(name: String) throws {
        let test = try FamilyTests.Case(name)
        let (model, pool) = (test.model, test.model.pool)
        let directory = try ModelDirectory(path: "\(Golden.directory)/families/\(name)/model")
        let frozen = try FrozenWeights(directory, architecture: model.architecture, on: pool)
        #expect(frozen.bytesToPack(on: pool) > 0)
        frozen.packForDecoding(on: pool)
        #expect(frozen.bytesToPack(on: pool) == 0)
        let transformer = try Transformer(
            model.architecture, frozen: frozen, positions: model.architecture.hardLimit ?? 256, pool: pool)
        let space = try Workspace(
            model.architecture, extent: BatchExtent(test.sequences, for: model.architecture), purpose: .scoring, on: pool)
        let batch = PackedBatch(test.sequences, for: model.architecture)
        #expect(try transformer.score(batch, in: space) == model.score(test.sequences))

        let rules = GenerationRules(sampling: Sampling(temperature: 1.2, topP: 0.95), maxNewTokens: 20)
        let limit = min(120, model.architecture.hardLimit ?? 120)
        let prompts = GenerationTests.prompts(test, longest: min(70, limit - 20))
        let expected = try GenerationTests.continuations(of: prompts, by: model, rules)
        let growing = try GrowingText(transformer, capacity: limit)
        for (number, prompt) in prompts.enumerated() where prompt.count + 20 <= limit {
            var random = SeededGenerator(state: UInt64(100 * number))
            var text = prompt
            for _ in 0..<20 { text.append(growing.next(after: text, rules.sampling, using: &random)) }
            #expect(Array(text.dropFirst(prompt.count)) == expected[.init(number: number, sample: 0)]?.tokens)
        }
    }

    @Test("what two texts share is computed once")
    func rows() throws {
        let test = try FamilyTests.Case("qwen3")
        let text = GenerationTests.prompts(test, longest: 70)[test.sequences.count]
        let growing = try GrowingText(test.model.transformer, capacity: 100)
        var random = SeededGenerator(state: 1)
        func next(_ tokens: [Int32]) -> (Int32, rows: Int) {
            let before = growing.computedRows
            let token = growing.next(after: tokens, Sampling(temperature: 0), using: &random)
            return (token, growing.computedRows - before)
        }
        let whole = next(text)
        #expect(whole.rows == text.count && next(text) == (whole.0, 1))
        #expect(next(text + [whole.0]).rows == 1)
        let half = next(Array(text.prefix(40)))
        #expect(half.rows == 1 && next(text) == (whole.0, text.count - 40))
        let other = try GrowingText(test.model.transformer, capacity: 100)
        #expect(other.next(after: Array(text.prefix(40)), Sampling(temperature: 0), using: &random) == half.0)
    }
}
