/// SentencePiece's unigram language model: every token has a log-probability, and a text becomes the tokens of the
/// greatest sum.
struct UnigramModel: Sendable {
    let written: TokenTable
    /// By id.
    let scores: [Double]
    let unknown: Int32?
    /// Less than any token's, so that an unknown scalar is the last resort.
    let unknownScore: Double
    /// Ids of the tokens `<0x00>` to `<0xFF>`, −1 where there is none; empty without byte fallback.
    let fallbackIDs: [Int32]
    /// The trie of all tokens: from node (upper bits) and byte (lower eight) to node; the root is 0.
    let edges: FlatTable
    /// Id of the token that ends at a node, or −1.
    let ends: [Int32]

    private static let unknownPenalty = 10.0

    init(_ field: FileField, byteLevel: Bool) throws(TokenizerError) {
        guard !byteLevel else { throw field.unsupported("Unigram after ByteLevel", supported: "BPE after ByteLevel") }
        let list = try field["vocab"].list()
        var table = TokenTable(capacity: list.count)
        var scores = [Double](repeating: 0, count: list.count)
        var nodes = 1
        // From the end, since of two equal tokens the library finds the later one, and the table the one that came first.
        for (id, entry) in list.enumerated().reversed() {
            guard let pair = entry.value.array, pair.count == 2, let token = pair[0].string, let score = pair[1].double
            else { throw entry.inconsistent("must be a token and its score") }
            table.insert(Array(token.utf8), id: Int32(id))
            scores[id] = score
            nodes += token.utf8.count
        }
        written = table
        self.scores = scores
        unknownScore = (scores.min() ?? 0) - UnigramModel.unknownPenalty
        unknown = field["unk_id"].isNull ? nil : try field["unk_id"].tokenID()
        if let unknown, Int(unknown) >= scores.count {
            throw field["unk_id"].inconsistent("is \(unknown), but there are \(scores.count) tokens")
        }
        fallbackIDs = try field["byte_fallback"].bool(default: false) ? table.fallbackIDs : []

        var edges = FlatTable(capacity: nodes)
        var ends: [Int32] = [-1]
        for id in 0..<Int32(list.count) {
            var node: UInt64 = 0
            for byte in table.bytes[id] {
                let key = node << 8 | UInt64(byte)
                if edges[key] == FlatTable.absent {
                    edges.set(key, UInt64(ends.count))
                    ends.append(-1)
                }
                node = edges[key]
            }
            if node != 0 { ends[Int(node)] = id }
        }
        self.edges = edges
        self.ends = ends
    }
}

/// Finds the best tokens of a piece by Viterbi's algorithm: for each place the best way to get there.
final class UnigramSearch {
    private let model: UnigramModel

    /// The best token that ends at a place: where it starts (−1: no way here yet), its id, the score of the whole way.
    private struct Step {
        var start: Int32 = -1
        var id: Int32 = -1
        var score = 0.0
    }

    private var steps: [Step] = []

    init(_ model: UnigramModel) { self.model = model }

    func encode(_ piece: UnsafeBufferPointer<UInt8>, to tokens: inout PieceTokens) {
        steps.removeAll(keepingCapacity: true)
        steps.append(contentsOf: repeatElement(Step(), count: piece.count + 1))
        var start = 0
        while start < piece.count {
            let width = piece.scalar(at: start).width
            var node: UInt64 = 0
            var end = start
            var hasScalar = false
            while end < piece.count {
                node = model.edges[node << 8 | UInt64(piece[end])]
                if node == FlatTable.absent { break }
                end += 1
                let id = model.ends[Int(node)]
                guard id >= 0 else { continue }
                offer(id, model.scores[Int(id)], start, end)
                if end - start == width { hasScalar = true }
            }
            if !hasScalar { offer(model.unknown ?? -1, model.unknownScore, start, start + width) }
            start += width
        }
        read(piece, &tokens)
    }

    @inline(__always)
    private func offer(_ id: Int32, _ score: Double, _ start: Int, _ end: Int) {
        let total = score + steps[start].score
        if steps[end].start < 0 || total > steps[end].score {
            steps[end] = Step(start: Int32(start), id: id, score: total)
        }
    }

    /// Follows the best way back from the end. Unknown scalars beside each other are one token, or their bytes'.
    private func read(_ piece: UnsafeBufferPointer<UInt8>, _ tokens: inout PieceTokens) {
        var end = piece.count
        while end > 0 {
            let step = steps[end]
            var start = Int(step.start)
            guard step.id == (model.unknown ?? -1) else {
                tokens.append(step.id, Int32(start)..<Int32(end))
                end = start
                continue
            }
            while start > 0, steps[start].id == step.id { start = Int(steps[start].start) }
            appendUnknown(piece, start..<end, &tokens)
            end = start
        }
        tokens.reverse()
    }

    /// In reverse, like all that `read` appends. Each byte has the place of the whole run, as in the library.
    private func appendUnknown(_ piece: UnsafeBufferPointer<UInt8>, _ run: Range<Int>, _ tokens: inout PieceTokens) {
        let range = Int32(run.lowerBound)..<Int32(run.upperBound)
        // A run that is a token as a whole is that token: "<unk>" may stand in a text.
        let whole = model.written.id(of: UnsafeBufferPointer(rebasing: piece[run]))
        if whole >= 0 {
            tokens.append(whole, range)
        } else if !model.fallbackIDs.isEmpty, run.allSatisfy({ model.fallbackIDs[Int(piece[$0])] >= 0 }) {
            for place in run.reversed() { tokens.append(model.fallbackIDs[Int(piece[place])], range) }
        } else if let unknown = model.unknown {
            tokens.append(unknown, range)
        }
    }
}
