import Collectives
import Kernels
import Machine
import Preferences
import Storage
import Training

/// `score`: logps of every row of a file, one JSON line per input row, in input order.
package struct ScoreJob: Sendable {
    package var model: String
    /// An adapter on the model.
    package var adapter: String?
    package var reference: String?
    package var data: String
    package var output: String
    package var perToken: Bool
    /// Longest prompt with response; nil: what the model was made for.
    package var maxLength: Int?
    package var threads: Int?
    /// The way rows are read, as a run file's keys say it.
    var mapping = RowMapping()
    var truncation = Truncation.drop
    var appendEOS = true

    package init(
        model: String, adapter: String? = nil, reference: String? = nil, data: String, output: String,
        perToken: Bool = false,
        maxLength: Int? = nil, threads: Int? = nil
    ) {
        self.model = model
        self.adapter = adapter
        self.reference = reference
        self.data = data
        self.output = output
        self.perToken = perToken
        self.maxLength = maxLength
        self.threads = threads
    }

    /// - Throws: on every rank alike. Collective.
    package func run(over communicator: Communicator, console: Console) throws {
        let pool = ThreadPool(count: threads ?? communicator.neighbourhood.cores)
        let policy = try communicator.failingTogether {
            if communicator.isRoot { try OutputFile.check(output) }
            let policy = try LoadedModel(reading: ModelSource(model, adapter: adapter), positions: 1, on: pool)
            if policy.architecture.isRewardModel, perToken || reference != nil {
                throw TrainingError.input(
                    "\(model): is a reward model, which gives a response one number: leave out "
                        + (perToken ? "--per-token" : "--reference"))
            }
            return policy
        }
        let encoding = try communicator.failingTogether { try TextEncoding(folder: policy.source.tokenizerPath) }
        let rule = EncodingRule(
            maxLength: maxLength ?? policy.architecture.positions, truncation: truncation, appendEOS: appendEOS, judges: nil,
            vocabularySize: policy.architecture.vocabulary)
        let encoder = RowEncoder(encoding, mapping: mapping, rule: rule, file: data)
        let set = try PreferenceSet.load(
            data, encoder: encoder, over: communicator, threads: pool.count, console: console)
        for line in PreferenceSummary(file: data, set: set).lines { console.line(line) }
        let first = try communicator.failingTogether {
            try set.requireRows(file: data)
            return try encoder.preview(of: data)
        }
        for line in first?.lines ?? [] { console.line("  " + line) }

        let scoring = ResponseScoring(set: set, communicator: communicator, console: console)
        let (tokens, sums) = try tokenLogps(of: policy, title: "policy logps", scoring, pool)
        var referenceSums: [Double]?
        if let reference {
            let loaded = try communicator.failingTogether {
                try LoadedModel(reading: ModelSource(reference), sharing: policy, positions: 1, on: pool)
                    .requireVocabulary(of: policy)
            }
            referenceSums = try tokenLogps(of: loaded, title: "reference logps", scoring, pool).sums
        }
        try communicator.onRoot {
            let lines =
                policy.architecture.isRewardModel
                ? rewards(of: set, sums) : rows(of: set, tokens: tokens, sums: sums, reference: referenceSums)
            try AtomicFile.write(lines, to: output)
        }
        console.line("\(output): \(set.rows) rows")
    }

    /// Token logps of every response, on every rank, and their sums; of a reward model its one number for each.
    private func tokenLogps(
        of model: LoadedModel, title: String, _ scoring: ResponseScoring, _ pool: ThreadPool
    ) throws -> (tokens: [[Float]], sums: [Double]) {
        let set = scoring.set
        let transformer = try scoring.communicator.failingTogether {
            try model.seeing(positions: set.longest, on: pool)
        }
        var words: [Int32] = []
        try scoring.eachScore(of: Array(set.comparisons.indices), with: transformer, title: title) {
            words.append(Int32($0))
            words += $1.map { Int32(bitPattern: $0.bitPattern) }
        }
        var tokens = [[Float]](repeating: [], count: set.responses.count)
        for share in scoring.communicator.gather(words) {
            var place = 0
            while place < share.count {
                let response = Int(share[place])
                let end = place + 1 + (model.architecture.isRewardModel ? 1 : set.responses[response].length)
                tokens[response] = share[place + 1..<end].map { Float(bitPattern: UInt32(bitPattern: $0)) }
                place = end
            }
        }
        let sums = tokens.map { $0.reduce(0.0) { $0 + Double($1) } }
        if let wrong = sums.firstIndex(where: { !$0.isFinite }) {
            let line = set.comparisons[set.responses[wrong].comparison].line
            throw TrainingError.nonFiniteScore(model: model.directory.path, line: line)
        }
        return (tokens, sums)
    }

    // MARK: - Output rows

    /// A reward model's rewards: each of a pair's two rewards, or those of all of a row's responses.
    private func rewards(of set: PreferenceSet, _ rewards: [Double]) -> String {
        lines(of: set) { comparison, judgements, row in
            if judgements.count == 1, case .pair(let pair)? = judgements.first {
                row["chosen_reward"] = .number(rewards[pair.chosen])
                row["rejected_reward"] = .number(rewards[pair.rejected])
            } else {
                row["rewards"] = .array(comparison.responses.map { .number(rewards[$0]) })
            }
        }
    }

    private func rows(of set: PreferenceSet, tokens: [[Float]], sums: [Double], reference: [Double]?) -> String {
        lines(of: set) { comparison, judgements, row in
            if judgements.count == 1, case .pair(let pair)? = judgements.first {
                let sides = [("chosen", pair.chosen), ("rejected", pair.rejected)]
                for (side, response) in sides { row["policy_\(side)_logps"] = .number(sums[response]) }
                for (side, response) in sides {
                    row["reference_\(side)_logps"] = reference.map { .number($0[response]) }
                }
                for (side, response) in sides { row["\(side)_length"] = .integer(set.responses[response].length) }
                if perToken {
                    for (side, response) in sides { row["\(side)_token_logps"] = list(tokens[response]) }
                }
            } else {
                // A number for each of the row's responses, and what the row says of them.
                let responses = comparison.responses
                row["policy_logps"] = .array(responses.map { .number(sums[$0]) })
                row["reference_logps"] = reference.map { column in .array(responses.map { .number(column[$0]) }) }
                row["lengths"] = .array(responses.map { .integer(set.responses[$0].length) })
                let pairs: [JSON] = judgements.compactMap {
                    guard case .pair(let pair) = $0 else { return nil }
                    return .array([pair.chosen, pair.rejected].map { .integer($0 - responses.lowerBound) })
                }
                let labels: [JSON] = judgements.compactMap {
                    if case .labelled(_, let isDesirable) = $0 { .bool(isDesirable) } else { nil }
                }
                if !pairs.isEmpty { row["pairs"] = .array(pairs) }
                if !labels.isEmpty { row["labels"] = .array(labels) }
                if perToken { row["token_logps"] = .array(responses.map { list(tokens[$0]) }) }
            }
        }
    }

    /// A line for each row of the data: of one that was dropped its reason, of others what `fill` says of its judgements.
    private func lines(
        of set: PreferenceSet,
        fill: (PreferenceSet.Comparison, _ judgements: ArraySlice<Judgement>, _ row: inout JSONObject) -> Void
    ) -> String {
        var rows: [Int: JSONObject] = [:]
        for drop in set.drops {
            rows[drop.row] = ["index": .integer(drop.row), "dropped": .string(drop.reason.description)]
        }
        for comparison in set.comparisons {
            var row: JSONObject = ["index": .integer(comparison.row)]
            fill(comparison, set.judgements[comparison.judgements], &row)
            rows[comparison.row] = row
        }
        return (0..<set.rows).compactMap { rows[$0].map { JSON.object($0).text + "\n" } }.joined()
    }

    private func list(_ logps: [Float]) -> JSON { .array(logps.map { .number(Double($0)) }) }
}
