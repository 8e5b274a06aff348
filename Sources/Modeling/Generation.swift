import Glibc
import Kernels

/// How the next token is drawn.
public struct Sampling: Sendable {
    /// 0 is greedy; otherwise logits are divided by it.
    public var temperature: Double
    /// Only the most probable tokens that together reach this probability can be drawn (nucleus sampling, arXiv 1904.09751).
    public var topP: Double

    public init(temperature: Double, topP: Double = 1) {
        self.temperature = temperature
        self.topP = topP
    }

    /// The next token's id. Among equal logits greedy takes the lowest id.
    public func choose(_ logits: UnsafeBufferPointer<Float>, using generator: inout some RandomNumberGenerator) -> Int32
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
public final class Generator {
    private let model: Transformer
    private let space: Workspace
    private let memory: Memory
    /// [capacity, 2 G · E] of every layer.
    private let caches: [Matrix]
    private let capacity: Int
    private var prompt: [Int32] = []
    private var promptLogits: [Float] = []

    /// - Parameters:
    ///   - longestPrompt: tokens of the longest prompt.
    ///   - maxNewTokens: tokens to be generated at most.
    /// - Throws: `MemoryError`.
    public init(_ model: Transformer, longestPrompt: Int, maxNewTokens: Int) throws(MemoryError) {
        self.model = model
        let a = model.architecture
        let capacity = longestPrompt + maxNewTokens
        self.capacity = capacity
        var extent = BatchExtent()
        (extent.rows, extent.outputRows, extent.scoredRows, extent.keys) = (longestPrompt, 1, 1, capacity)
        space = try Workspace(a, extent: extent, purpose: .scoring, on: model.pool)
        let width = 2 * a.keyWidth
        memory = try Memory(bytes: a.layers * capacity * width * 4)
        let base = memory.bind(to: Float.self).baseAddress!
        caches = (0..<a.layers).map { Matrix(base + $0 * capacity * width, rows: capacity, columns: width) }
    }

    /// Reads a prompt (at least one token); `generate` continues it as often as wanted.
    public func read(prompt: [Int32]) {
        self.prompt = prompt
        promptLogits = Array(advance(prompt, from: 0))
    }

    /// One continuation of the prompt that was read: up to `maxNewTokens` tokens, the last being an end token if it ends.
    public func generate(
        maxNewTokens: Int, endTokens: Set<Int32>, sampling: Sampling, using generator: inout some RandomNumberGenerator
    ) -> [Int32] {
        var response: [Int32] = []
        var next = promptLogits.withUnsafeBufferPointer { sampling.choose($0, using: &generator) }
        while response.count < maxNewTokens {
            response.append(next)
            guard !endTokens.contains(next), response.count < maxNewTokens else { break }
            next = sampling.choose(advance([next], from: prompt.count + response.count - 1), using: &generator)
        }
        return response
    }

    /// Runs fresh tokens through the model, from a position on; returns the logits after the last.
    private func advance(_ tokens: [Int32], from position: Int) -> UnsafeBufferPointer<Float> {
        let a = model.architecture
        let count = tokens.count
        let weights = model.weights
        let table = Matrix(weights.values + weights.table.embedding, rows: a.vocabulary, columns: a.width)
        let positions = (position..<position + count).map { Int32($0) }
        let output = [Int32(count - 1)]
        let own = 0..<position + count
        let attention = model.attention(in: space)

        RowMoves.gather(table, tokens, into: Matrix(space.streams[0], rows: count, columns: a.width), on: model.pool)
        positions.withUnsafeBufferPointer { positions in
            output.withUnsafeBufferPointer { output in
                for (layer, block) in model.blocks.enumerated() {
                    let isLast = layer == model.blocks.count - 1
                    let queries = isLast ? 0..<1 : 0..<count
                    let rows = Block.Rows(
                        count: count, positions: positions.baseAddress!, outputs: isLast ? output.baseAddress! : nil,
                        outputPositions: isLast ? positions.baseAddress! + count - 1 : positions.baseAddress!,
                        outputCount: queries.count, spans: [.init(queries: queries, prefix: 0..<0, own: own)],
                        groups: [0..<1])
                    block.forward(
                        Matrix(space.streams[layer % 2], rows: count, columns: a.width),
                        into: Matrix(space.streams[(layer + 1) % 2], rows: queries.count, columns: a.width),
                        weights: weights.values, record: space.records[0], rows: rows,
                        keyValue: caches[layer], firstKey: position, attention: attention, transient: space.transient)
                }
            }
        }
        let hidden = Matrix(space.streams[model.blocks.count % 2], rows: 1, columns: a.width)
        return model.head.logits(of: hidden, weights: weights.values, space: space.headSpace)
    }
}
