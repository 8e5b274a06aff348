import Collectives
import Kernels
import Machine
import Rewards
import Storage
import Training

/// `judge`: the win rate of A's responses over B's on the same prompts.
///
/// A reward judges by the higher number. An endpoint is asked which of two responses is better, in both orders, so that a
/// liking for the first place cancels out. Every verdict is written with its two texts.
package struct JudgeJob: Sendable {
    package let files: (a: String, b: String)
    package let judge: RewardSource
    package let output: String
    package let cacheFolder: String
    package let threads: Int?

    package init(
        a: String, b: String, judge: RewardSource, output: String, cacheFolder: String, threads: Int? = nil
    ) {
        files = (a, b)
        (self.judge, self.output, self.cacheFolder) = (judge, output, cacheFolder)
        self.threads = threads
    }

    private struct Match {
        let a: RatedText
        let b: RatedText
    }

    /// - Returns: the result as JSON and as lines, on every rank.
    /// - Throws: on every rank alike. Collective.
    package func run(over communicator: Communicator, console: Console) throws -> (json: JSONObject, lines: [String]) {
        let (matches, left) = try communicator.failingTogether { () throws -> ([Match], [String]) in
            if communicator.isRoot { try OutputFile.check(output) }
            return try self.matches()
        }
        for line in left { console.line(line) }
        let verdicts =
            if case .endpoint(let url, let model, let promptFile) = judge {
                try compared(
                    matches,
                    by: communicator.failingTogether {
                        try RewardComparison(url: url, model: model, promptFile: promptFile)
                    }, over: communicator, console: console)
            } else {
                try rewarded(matches, over: communicator, console: console)
            }
        try communicator.failingTogether {
            guard communicator.isRoot else { return }
            let lines = zip(matches, verdicts).map { transcript($0, $1) + "\n" }
            try AtomicFile.write(lines.joined(), to: output)
        }
        return result(
            WinRate(
                scores: verdicts.map(\.score),
                lengthDifferences: matches.map {
                    Double($0.a.response.unicodeScalars.count - $0.b.response.unicodeScalars.count)
                }))
    }

    // MARK: - Verdicts

    /// The first response's score, and the numbers that it comes from.
    private struct Verdict {
        let score: Double
        let why: JSONObject
    }

    /// The higher reward wins. Collective.
    private func rewarded(_ matches: [Match], over communicator: Communicator, console: Console) throws -> [Verdict] {
        let scoring = try RewardScoring(
            [NamedReward(name: "of the judge", source: judge)], cacheFolder: cacheFolder,
            on: ThreadPool(count: threads ?? communicator.neighbourhood.cores), over: communicator, console: console)
        let found = try scoring.rewards(of: matches.flatMap { [$0.a, $0.b] }, from: files.a)
        let rewards = found.first?.values ?? []
        return matches.indices.map { index in
            let (a, b) = (rewards[2 * index], rewards[2 * index + 1])
            return Verdict(
                score: a > b ? 1 : a < b ? 0 : 0.5, why: ["reward_a": .number(a), "reward_b": .number(b)])
        }
    }

    /// Matches that a rank takes in a round: between rounds an error of one rank reaches all.
    private static let round = 8

    /// The endpoint's preferences, asked in both orders. Collective.
    private func compared(
        _ matches: [Match], by comparison: RewardComparison, over communicator: Communicator, console: Console
    ) throws -> [Verdict] {
        let size = communicator.size
        let cache = try communicator.failingTogether {
            try RewardCache(folder: cacheFolder, source: comparison.identity, writer: communicator.rank)
        }
        var verdicts: [Verdict] = []
        console.beginActivity()
        let start = SteadyClock.now()
        for first in stride(from: 0, to: matches.count, by: Self.round * size) {
            let indices = first..<min(matches.count, first + Self.round * size)
            let own = try communicator.failingTogether {
                try indices.filter { $0 % size == communicator.rank }.flatMap { index in
                    let (a, b) = (matches[index].a, matches[index].b)
                    return [try score(a, b, comparison, cache), 1 - (try score(b, a, comparison, cache))]
                }
            }
            let shares = communicator.gather(own)
            for index in indices {
                let place = 2 * ((index - first) / size)
                let (aFirst, bFirst) = (shares[index % size][place], shares[index % size][place + 1])
                verdicts.append(
                    Verdict(
                        score: (aFirst + bFirst) / 2, why: ["a_first": .number(aFirst), "b_first": .number(bFirst)]))
            }
            let seconds = SteadyClock.now() - start
            let rest = seconds / Double(indices.upperBound) * Double(matches.count - indices.upperBound)
            console.progress("judge: \(indices.upperBound) of \(matches.count) prompts, \(readableDuration(rest)) left")
        }
        console.endProgress()
        return verdicts
    }

    /// The first response's score, kept under both texts in their order.
    private func score(
        _ a: RatedText, _ b: RatedText, _ comparison: RewardComparison, _ cache: RewardCache
    ) throws(RewardError) -> Double {
        let both = RatedText(
            prompt: a.prompt, response: JSON.array([.string(a.response), .string(b.response)]).text, row: a.row)
        if let known = cache[both] { return known }
        let score = try comparison.score(of: a, against: b)
        try cache.keep(score, of: both)
        return score
    }

    // MARK: - Result

    private func transcript(_ match: Match, _ verdict: Verdict) -> String {
        var row: JSONObject = [
            "prompt": match.a.prompt, "a": .string(match.a.response), "b": .string(match.b.response),
            "score": .number(verdict.score),
        ]
        for (name, value) in verdict.why.members { row[name] = value }
        return JSON.object(row).text
    }

    private func result(_ rate: WinRate) -> (json: JSONObject, lines: [String]) {
        let interval = rate.interval
        var json: JSONObject = [
            "prompts": .integer(rate.scores.count), "wins": .integer(rate.wins), "ties": .integer(rate.ties),
            "losses": .integer(rate.losses), "win_rate": .number(rate.rate),
            "win_rate_interval": .array([.number(interval.low), .number(interval.high)]),
        ]
        json["length_controlled_win_rate"] = rate.lengthControlledRate.map { .number($0) }
        let percent = { (x: Double) in fixed(100 * x, 1) }
        var lines = [
            "win rate of \(files.a) over \(files.b): \(percent(rate.rate)) % "
                + "(95 %: \(percent(interval.low)) to \(percent(interval.high))); \(rate.wins) won, \(rate.ties) tied, "
                + "\(rate.losses) lost of \(rate.scores.count) prompts"
        ]
        if let controlled = rate.lengthControlledRate {
            lines.append(
                "at equal lengths: \(percent(controlled)) % (logistic regression on the difference of lengths)")
        }
        return (json, lines)
    }

    // MARK: - Reading

    /// A's and B's responses to the same prompts, in A's order; the first response of a prompt with several.
    private func matches() throws -> ([Match], [String]) {
        let (a, b) = (try AnsweredPrompt.read(files.a), try AnsweredPrompt.read(files.b))
        var others: [String: [AnsweredPrompt]] = [:]
        for row in b.reversed() { others[row.prompt.text, default: []].append(row) }
        var matches: [Match] = []
        for row in a {
            guard let other = others[row.prompt.text]?.popLast() else { continue }
            matches.append(Match(a: row.texts[0], b: other.texts[0]))
        }
        guard !matches.isEmpty else {
            throw TrainingError.input("\(files.a) and \(files.b) have no prompt in common; generate both from one file")
        }
        var lines: [String] = []
        let (onlyA, onlyB) = (a.count - matches.count, b.count - matches.count)
        if onlyA + onlyB > 0 {
            lines.append(
                "note: \(onlyA) prompts of \(files.a) and \(onlyB) of \(files.b) have no counterpart: left out")
        }
        if (a + b).contains(where: { $0.responses.count > 1 }) {
            lines.append("note: of several responses to a prompt the first is judged")
        }
        return (matches, lines)
    }
}
