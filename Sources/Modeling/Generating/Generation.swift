import Glibc
import Kernels

/// How the next token is drawn.
package struct Sampling: Sendable {
    /// 0 is greedy; otherwise logits are divided by it.
    package var temperature: Double
    /// Only the most probable tokens that together reach this probability can be drawn (nucleus sampling, arXiv 1904.09751).
    package var topP: Double

    package init(temperature: Double, topP: Double = 1) {
        self.temperature = temperature
        self.topP = topP
    }

    /// The next token's id. Among equal logits greedy takes the lowest id.
    package func choose(_ logits: UnsafeBufferPointer<Float>, using generator: inout some RandomNumberGenerator)
        -> Int32
    {
        let best = logits.indices.dropFirst().reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
        guard temperature > 0 else { return Int32(best) }
        let weights = logits.map { exp((Double($0) - Double(logits[best])) / temperature) }
        let order = topP < 1 ? weights.indices.sorted { weights[$0] > weights[$1] } : Array(weights.indices)
        let limit = topP * weights.reduce(0, +)
        var (kept, mass) = (0, 0.0)
        while kept < order.count, kept == 0 || mass < limit {
            mass += weights[order[kept]]
            kept += 1
        }
        var rest = Double(generator.next() >> 11) * 0x1p-53 * mass
        for id in order[..<kept] {
            rest -= weights[id]
            if rest < 0 { return Int32(id) }
        }
        return Int32(order[kept - 1])
    }
}

/// Continues a prompt token by token, keeping the keys and values of all rows so far.
package final class Generator {
    private let model: Transformer
    private let space: Workspace
    private let memory: Memory
    /// [capacity, 2 G · E] of every layer.
    private let caches: [Matrix]
    /// Which of the model's sets of frequencies the cached keys turned by (see `RotaryFrequencies.frequencySet`).
    private var cachedSet = 0
    private var prompt: [Int32] = []
    private var promptLogits: [Float] = []

    /// - Parameters:
    ///   - longestPrompt: tokens of the longest prompt.
    ///   - maxNewTokens: tokens to be generated at most.
    /// - Throws: `MemoryError`.
    package init(_ model: Transformer, longestPrompt: Int, maxNewTokens: Int) throws(MemoryError) {
        self.model = model
        let a = model.architecture
        let capacity = longestPrompt + maxNewTokens
        var extent = BatchExtent()
        // A text that grows into another set of frequencies is read once more.
        let rows = a.rotary?.dependsOnLength == true ? capacity : longestPrompt
        (extent.rows, extent.outputRows, extent.scoredRows, extent.keys) = (rows, 1, 1, capacity)
        space = try Workspace(a, low: model.lowRank, extent: extent, purpose: .scoring, on: model.pool)
        let width = 2 * a.keyWidth
        memory = try Memory(bytes: a.layers * capacity * width * 4)
        let base = memory.bind(to: Float.self).baseAddress!
        caches = (0..<a.layers).map { Matrix(base + $0 * capacity * width, rows: capacity, columns: width) }
    }

    /// Reads a prompt (at least one token); `generate` continues it as often as wanted.
    package func read(prompt: [Int32]) {
        self.prompt = prompt
        promptLogits = Array(advance(prompt, known: 0))
    }

    /// One continuation of the prompt that was read: up to `maxNewTokens` tokens, the last being an end token if it ends.
    package func generate(
        maxNewTokens: Int, endTokens: Set<Int32>, sampling: Sampling, using generator: inout some RandomNumberGenerator
    ) -> [Int32] {
        var response: [Int32] = []
        var next = promptLogits.withUnsafeBufferPointer { sampling.choose($0, using: &generator) }
        while response.count < maxNewTokens {
            response.append(next)
            guard !endTokens.contains(next), response.count < maxNewTokens else { break }
            let text = prompt + response
            next = sampling.choose(advance(text, known: text.count - 1), using: &generator)
        }
        return response
    }

    /// Runs a text through the model, of which the first `known` tokens' keys and values are cached; returns the logits
    /// after its last token.
    private func advance(_ text: [Int32], known: Int) -> UnsafeBufferPointer<Float> {
        let a = model.architecture
        let set = a.rotary?.frequencySet(length: text.count) ?? 0
        let first = set == cachedSet ? known : 0
        cachedSet = set

        let tokens = Array(text[first...])
        let count = tokens.count
        let positions = (first..<text.count).map { Int32($0) }
        let (rotary, angles) = model.angles(
            of: positions, sets: Array(repeating: Int32(set), count: count))
        let output = [Int32(count - 1)]
        model.embed(tokens, positions, into: Matrix(space.buffers.streams[0], rows: count, columns: a.width))
        angles.withUnsafeBufferPointer { angles in
            output.withUnsafeBufferPointer { output in
                for (layer, block) in model.blocks.enumerated() {
                    let isLast = layer == model.blocks.count - 1
                    let queries = isLast ? 0..<1 : 0..<count
                    let rows = LayerRows(
                        count: count, rotary: rotary, angles: angles.baseAddress!,
                        outputs: isLast ? output.baseAddress! : nil,
                        outputAngles: isLast ? angles.baseAddress! + count - 1 : angles.baseAddress!,
                        outputCount: queries.count,
                        spans: [.init(queries: queries, prefix: 0..<0, own: 0..<text.count)], groups: [0..<1])
                    var pass = model.pass(layer, rows, in: space)
                    pass.cache = (caches[layer], first)
                    block.forward(
                        Matrix(space.buffers.streams[layer % 2], rows: count, columns: a.width),
                        into: Matrix(space.buffers.streams[(layer + 1) % 2], rows: queries.count, columns: a.width),
                        pass)
                }
            }
        }
        let hidden = Matrix(space.buffers.streams[model.blocks.count % 2], rows: 1, columns: a.width)
        return model.head.logits(of: hidden, space: space.buffers.head)
    }
}
