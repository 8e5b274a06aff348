import Collectives
import Machine
import Modeling
import Preferences
import RunFiles
import Storage
import Tables

extension PreferenceSet {
    /// Reads a file on all ranks and threads: each tokenises its share of the rows, and all end with the same set.
    ///
    /// - Throws: `SharedFailure` on every rank if any finds a row that is wrong: the first such row of the file, whoever
    ///   finds it. Collective.
    package static func load(
        _ path: String, encoder: RowEncoder, over communicator: Communicator, threads: Int, console: Console
    ) throws -> PreferenceSet {
        let start = SteadyClock.now()
        let share = Result { () throws(RowFailure) in
            try encoder.encodeShare(of: path, rank: communicator.rank, of: communicator.size, threads: threads) {
                // Most files are read before anybody wonders.
                if SteadyClock.now() - start > quietSeconds { console.progress("\(path): \($0) rows read") }
            }
        }
        console.endProgress()
        var failingLine = Double.infinity
        if case .failure(let failure) = share { failingLine = Double(failure.line) }
        let isFirst = communicator.min(failingLine) == failingLine
        let words = try communicator.failingTogether {
            if case .failure = share, !isFirst { return [Int32]() }
            return try share.get().words
        }
        let shares = communicator.gather(words).map { EncodedRows(words: $0) }
        return try communicator.failingTogether { try PreferenceSet(merging: shares) }
    }

    /// Seconds of reading without a progress line.
    private static let quietSeconds = 2.0

    /// Moves the token ids into memory of the whole node, where there is some, and makes them compact. Collective.
    mutating func shareTokens(over communicator: Communicator) {
        let place = communicator.nodeMemory(bytes: tokens.packedBytes)
        packTokens(into: place?.memory, writing: place?.isWriter ?? true)
        // Nobody reads before it is written.
        communicator.barrier()
    }

    /// Reads the files of a run, telling of each what it was taken for and what became of it.
    ///
    /// - Parameters:
    ///   - encoder: by the file's path.
    ///   - tell: takes the lines for people.
    /// - Throws: `SharedFailure` on every rank, also for a file without a usable row. Collective.
    package static func load(
        _ files: [DataFile], _ encoder: (String) -> RowEncoder, seed: UInt64, over communicator: Communicator,
        threads: Int, console: Console, _ tell: (String) -> Void
    ) throws -> PreferenceSet {
        var parts: [(set: PreferenceSet, weight: Double)] = []
        var uses: [(file: Int, lossWeight: Double?, preference: String?)] = []
        var paths: [String] = []
        for (number, file) in files.enumerated() {
            for path in try communicator.failingTogether({ try DataFolder.files(file.path) }) {
                let set = try load(
                    path, encoder: encoder(path), over: communicator, threads: threads, console: console)
                for line in PreferenceSummary(file: path, set: set).lines { tell(line) }
                let first = try communicator.failingTogether { try encoder(path).preview(of: path) }
                for line in first?.lines ?? [] { tell("  " + line) }
                try communicator.failingTogether { try set.requireJudgements(file: path) }
                parts.append((set, file.weight))
                uses.append((number, file.lossWeight, file.preference))
                paths.append(path)
            }
        }
        let hasWeights = uses.contains { $0.lossWeight != nil }
        let isSplit = hasWeights || uses.contains { $0.preference != nil }
        guard parts.count > 1 || parts[0].weight != 1 || isSplit else { return parts[0].set }
        let names = paths.map { FileSystem.name(of: $0) }
        // Files of one name are told apart by their paths; copies of one file are of one source.
        let areClear = Set(names).count == Set(paths).count
        let joined = PreferenceSet(
            joining: parts, names: Set(paths).count > 1 ? (areClear ? names : paths) : [],
            uses: isSplit ? uses : [], seed: seed)
        try communicator.failingTogether {
            if let place = joined.parts.firstIndex(where: \.comparisons.isEmpty) {
                throw TrainingError.input("\(files[place].path): of its rows the weight \(files[place].weight) takes none")
            }
        }
        try communicator.failingTogether {
            try joined.requireJudgements(file: files.map(\.path).joined(separator: ", "))
        }
        tell("\(parts.count) files: an epoch draws \(joined.judgements.count) \(joined.noun)s of \(joined.rows) rows")
        if hasWeights {
            tell(
                "each file has a loss of its own: "
                    + files.map { "\($0.lossWeight ?? 1) × that of \($0.path)" }.joined(separator: " + "))
        }
        return joined
    }

    /// The sizes that planning needs.
    package var shapes: [ComparisonShape] {
        comparisons.map { comparison in
            let first = comparison.responses.lowerBound
            return ComparisonShape(
                promptLength: comparison.prompt.count,
                responseLengths: responses[comparison.responses].map(\.tokens.count),
                judgements: judgements[comparison.judgements].map { $0.mapped { $0 - first } })
        }
    }

    /// A planned share of a comparison as it is packed: the prompt and those of its responses that the step needs.
    package func packed(_ planned: PlannedComparison) -> PackedSequence {
        let comparison = comparisons[planned.comparison]
        return PackedSequence(
            prompt: tokens[comparison.prompt],
            responses: planned.responses.map {
                let response = responses[comparison.responses.lowerBound + $0]
                return .init(tokens: tokens[response.tokens], scored: response.spans.ranges)
            })
    }

    package func packed(_ microBatch: PlannedMicroBatch) -> [PackedSequence] {
        microBatch.comparisons.map { packed($0) }
    }
}
