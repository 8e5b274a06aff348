import Kernels
import Statistics

/// A prompt and its responses, as token ids: what is packed, and never torn apart.
package struct PackedSequence: Sendable {
    /// One response of a sequence.
    package struct Response: Sendable {
        package var tokens: ArraySlice<Int32>
        /// Places of `tokens`, from 0, that are scored, in order; the others are context.
        package var scored: [Range<Int>]

        package init(tokens: ArraySlice<Int32>, scored: [Range<Int>]) {
            self.tokens = tokens
            self.scored = scored
        }

        /// A response of which some first tokens aren't scored.
        package init(tokens: ArraySlice<Int32>, unscored: Int = 0) {
            self.init(tokens: tokens, scored: [unscored..<tokens.count])
        }

        /// n: the scored tokens.
        package var length: Int { scored.reduce(0) { $0 + $1.count } }
    }

    /// At least one token.
    package var prompt: ArraySlice<Int32>
    package var responses: [Response]

    package init(prompt: ArraySlice<Int32>, responses: [Response]) {
        self.prompt = prompt
        self.responses = responses
    }

    package var scoredRows: Int { responses.reduce(0) { $0 + $1.length } }
    /// Rows of the prompt, once, and of the responses.
    package var rows: Int { prompt.count + responseRows }
}

extension PackedSequence {
    /// Neighbouring responses that can share the prompt's rows: where a model's frequencies depend on the length of a
    /// sequence, a prompt's keys aren't the same before every response.
    struct Part {
        let frequencySet: Int
        var responses: Range<Int>
    }

    /// Mostly one part, with all responses.
    func parts(for a: Architecture) -> [Part] {
        var parts: [Part] = []
        for (place, response) in responses.enumerated() {
            let length = prompt.count + response.tokens.count - (a.isRewardModel ? 1 : 0)
            let set = a.rotary?.frequencySet(length: length) ?? 0
            if let last = parts.last, last.frequencySet == set {
                parts[parts.count - 1].responses = last.responses.lowerBound..<place + 1
            } else {
                parts.append(Part(frequencySet: set, responses: place..<place + 1))
            }
        }
        guard parts.isEmpty else { return parts }
        return [Part(frequencySet: a.rotary?.frequencySet(length: prompt.count) ?? 0, responses: 0..<0)]
    }

    /// The sequence as a model reads it. One that gives each response a number gives it where it would predict what follows
    /// the last token other than padding: there a token stands, of no meaning, that alone is scored.
    fileprivate func seen(by a: Architecture) -> PackedSequence {
        guard case .reward(let padding) = a.output else { return self }
        return PackedSequence(
            prompt: prompt,
            responses: responses.map { response in
                var tokens = response.tokens
                while let last = tokens.last, last == padding { tokens.removeLast() }
                return Response(tokens: tokens + [0], unscored: tokens.count)
            })
    }

    /// The rows of the responses: a response's last token predicts nothing, so it needs none.
    fileprivate var responseRows: Int { responses.reduce(0) { $0 + $1.tokens.count - 1 } }
    /// The most key rows that a query sees.
    fileprivate var longestSpan: Int { prompt.count + (responses.map { $0.tokens.count - 1 }.max() ?? 0) }
}

/// A micro-batch: a ragged run of T rows, without padding. Each prompt's rows stand once, then the rows of each of its
/// responses; a response's rows see the prompt and themselves, and their positions go on where the prompt's end.
///
/// In the last block only the A *output rows* matter beyond their keys and values: the prompt's last row, which predicts
/// the first token of every response, and the responses' rows. They are numbered on their own.
package struct PackedBatch: Sendable {
    /// [T]
    package private(set) var tokens: [Int32] = []
    /// [T]
    package private(set) var positions: [Int32] = []
    /// The spans of the T rows, each with the rows that it attends to, in every block but the last.
    package private(set) var spans: [Attention.Span] = []
    /// The same with the output rows as queries, in the last block.
    package private(set) var outputSpans: [Attention.Span] = []
    /// Ranges of `spans`, and of `outputSpans`, that belong to one sequence.
    package private(set) var groups: [Range<Int>] = []
    package private(set) var outputGroups: [Range<Int>] = []
    /// [A] The row of each output row.
    package private(set) var outputs: [Int32] = []
    /// [T] Which of the model's sets of frequencies rotates each row (see `RotaryFrequencies.frequencySet`).
    private(set) var frequencySets: [Int32] = []
    /// [T] What each row's dropout is drawn from: the same for a row wherever it is packed. nil: nothing is dropped.
    private(set) var dropoutKeys: [UInt64]?
    /// [sequences, K] weights of the objectives that adapters have parts for, with the sequence of each row, [T]; nil for a
    /// model that has no such adapters.
    private(set) var weights: (values: [Float], objectives: Int, sequences: [Int32])?
    /// The scored tokens, sequence by sequence and response by response.
    package private(set) var scored = ScoredTokens()

    /// For every scored token the output row that predicts it and the token itself.
    package struct ScoredTokens: Sendable {
        /// [R]
        package fileprivate(set) var rows: [Int32] = []
        /// [R]
        package fileprivate(set) var targets: [Int32] = []
        /// For each sequence, the range of its scored tokens for each of its responses.
        package fileprivate(set) var sequences: [[Range<Int>]] = []
    }

    /// - Parameters:
    ///   - architecture: of the model that will read the batch.
    ///   - keys: a key for each sequence, for a model that drops elements while it is trained.
    ///   - weights: each sequence's weights of the objectives, for a model with adapters for several.
    package init(
        _ sequences: [PackedSequence], for architecture: Architecture, dropoutKeys keys: [UInt64]? = nil,
        weights: [[Float]]? = nil
    ) {
        let sequences = sequences.map { $0.seen(by: architecture) }
        var owners: [Int32] = []
        for (number, sequence) in sequences.enumerated() {
            append(sequence, architecture)
            if weights != nil { owners += repeatElement(Int32(number), count: tokens.count - owners.count) }
        }
        self.weights = weights.map { (Array($0.joined()), $0.first?.count ?? 0, owners) }
        dropoutKeys = keys.map { PackedBatch.rowKeys($0, sequences, for: architecture) }
    }

    /// Single rows that all come out: each the next token of a text whose keys and values are cached.
    init(continuing rows: [(token: Int32, position: Int, frequencySet: Int)]) {
        tokens = rows.map(\.token)
        positions = rows.map { Int32($0.position) }
        frequencySets = rows.map { Int32($0.frequencySet) }
        outputs = rows.indices.map { Int32($0) }
    }

    /// Keys of all rows: of the sequence's key, the response's number and the row's place in it.
    private static func rowKeys(
        _ keys: [UInt64], _ sequences: [PackedSequence], for architecture: Architecture
    ) -> [UInt64] {
        var result: [UInt64] = []
        func append(_ key: UInt64, response: Int, count: Int) {
            let start = SplitMix64.mixed(key ^ UInt64(truncatingIfNeeded: response))
            result += (0..<count).map { SplitMix64.mixed(start &+ UInt64(truncatingIfNeeded: $0)) }
        }
        for (key, sequence) in zip(keys, sequences) {
            for part in sequence.parts(for: architecture) {
                append(key, response: 0, count: sequence.prompt.count)
                for response in part.responses {
                    append(key, response: response + 1, count: sequence.responses[response].tokens.count - 1)
                }
            }
        }
        return result
    }

    private mutating func append(_ sequence: PackedSequence, _ architecture: Architecture) {
        let (firstSpan, firstOutputSpan) = (spans.count, outputSpans.count)
        var ranges: [Range<Int>] = []
        for part in sequence.parts(for: architecture) { append(part, of: sequence, ranges: &ranges) }
        scored.sequences.append(ranges)
        groups.append(firstSpan..<spans.count)
        outputGroups.append(firstOutputSpan..<outputSpans.count)
    }

    private mutating func append(_ part: PackedSequence.Part, of sequence: PackedSequence, ranges: inout [Range<Int>]) {
        let promptRows = tokens.count..<tokens.count + sequence.prompt.count
        appendRows(sequence.prompt, from: 0)
        spans.append(.init(queries: promptRows, prefix: 0..<0, own: promptRows))

        let promptOutput = outputs.count
        appendOutputs(promptRows.upperBound - 1..<promptRows.upperBound)
        outputSpans.append(.init(queries: promptOutput..<promptOutput + 1, prefix: 0..<0, own: promptRows))

        for response in sequence.responses[part.responses] {
            let rows = tokens.count..<tokens.count + response.tokens.count - 1
            let firstOutput = outputs.count
            appendRows(response.tokens.dropLast(), from: sequence.prompt.count)
            appendOutputs(rows)
            if !rows.isEmpty {
                spans.append(.init(queries: rows, prefix: promptRows, own: rows))
                outputSpans.append(.init(queries: firstOutput..<outputs.count, prefix: promptRows, own: rows))
            }
            let start = scored.rows.count
            for place in response.scored.joined() {
                scored.rows.append(Int32(place == 0 ? promptOutput : firstOutput + place - 1))
                scored.targets.append(response.tokens[response.tokens.startIndex + place])
            }
            ranges.append(start..<scored.rows.count)
        }
        frequencySets.append(
            contentsOf: repeatElement(Int32(part.frequencySet), count: tokens.count - frequencySets.count))
    }

    private mutating func appendRows(_ ids: ArraySlice<Int32>, from position: Int) {
        tokens.append(contentsOf: ids)
        positions.append(contentsOf: (position..<position + ids.count).map { Int32($0) })
    }

    private mutating func appendOutputs(_ rows: Range<Int>) {
        outputs.append(contentsOf: rows.map { Int32($0) })
    }
}

/// The sizes of a run's largest micro-batch, part by part: memory is cut for them.
package struct BatchExtent: Sendable, Equatable {
    /// T
    package var rows = 0
    /// A
    package var outputRows = 0
    /// R
    package var scoredRows = 0
    /// The most key rows that a query sees.
    package var keys = 0
    /// The most scored rows of one sequence.
    package var sequenceScoredRows = 0

    package init() {}

    /// The extent of one micro-batch.
    package init(_ sequences: [PackedSequence], for architecture: Architecture) {
        for sequence in sequences.lazy.map({ $0.seen(by: architecture) }) {
            let parts = sequence.parts(for: architecture).count
            rows += parts * sequence.prompt.count + sequence.responseRows
            outputRows += parts + sequence.responseRows
            scoredRows += sequence.scoredRows
            keys = max(keys, sequence.longestSpan)
            sequenceScoredRows = max(sequenceScoredRows, sequence.scoredRows)
        }
    }

    /// Makes it that of any micro-batch of so many rows, or of its own rows if they are more.
    package mutating func widen(toRows count: Int) {
        rows = max(rows, count)
        // A prompt has a row at least, so no more are scored or come out.
        (outputRows, scoredRows) = (rows, rows)
    }

    package mutating func formUnion(_ other: BatchExtent) {
        rows = max(rows, other.rows)
        outputRows = max(outputRows, other.outputRows)
        scoredRows = max(scoredRows, other.scoredRows)
        keys = max(keys, other.keys)
        sequenceScoredRows = max(sequenceScoredRows, other.sequenceScoredRows)
    }
}
