import Collectives
import Glibc
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

    package init(a: String, b: String, judge: RewardSource, output: String, cacheFolder: String) {
        files = (a, b)
        (self.judge, self.output, self.cacheFolder) = (judge, output, cacheFolder)
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
        let size = communicator.size
        var scores = [Double](repeating: 0, count: matches.count)
        let round = 8 * size
        let asked = try communicator.failingTogether {
            try Asked(judge, cacheFolder: cacheFolder, rank: communicator.rank)
        }
        var lines: [String] = []
        console.beginActivity()
        let start = SteadyClock.now()
        for first in stride(from: 0, to: matches.count, by: round) {
            let indices = first..<min(matches.count, first + round)
            let own = indices.filter { $0 % size == communicator.rank }
            let verdicts = try communicator.failingTogether {
                try asked.verdicts(of: own.map { (matches[$0].a, matches[$0].b) })
            }
            var texts: [Int: String] = [:]
            let told = zip(own, verdicts).map { index, verdict in
                JSON.object(["match": .integer(index), "score": .number(verdict.score), "why": .object(verdict.why)])
                    .text
            }
            for share in communicator.gather(told.joined(separator: "\n")) {
                for line in share.split(separator: "\n") {
                    guard let entry = try? JSON.parse(String(line)), let index = entry["match"]?.integer else {
                        continue
                    }
                    scores[index] = entry["score"]?.double ?? 0.5
                    texts[index] = transcript(matches[index], scores[index], entry["why"]?.object ?? [:])
                }
            }
            lines += indices.compactMap { texts[$0] }
            let seconds = SteadyClock.now() - start
            let rest = seconds / Double(indices.upperBound) * Double(matches.count - indices.upperBound)
            console.progress("judge: \(indices.upperBound) of \(matches.count) prompts, \(readableDuration(rest)) left")
        }
        console.endProgress()
        try communicator.failingTogether {
            guard communicator.isRoot else { return }
            try AtomicFile.write(lines.map { $0 + "\n" }.joined(), to: output)
        }
        let lengths = matches.map {
            Double($0.a.response.unicodeScalars.count - $0.b.response.unicodeScalars.count)
        }
        return result(WinRate(scores: scores, lengthDifferences: lengths))
    }

    private func transcript(_ match: Match, _ score: Double, _ why: JSONObject) -> String {
        var row: JSONObject = [
            "prompt": match.a.prompt, "a": .string(match.a.response), "b": .string(match.b.response),
            "score": .number(score),
        ]
        for (name, value) in why.members { row[name] = value }
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

/// A judge that is ready to be asked.
private struct Asked {
    private enum Kind {
        case reward(TextRewards, RewardCache?)
        case comparison(RewardComparison, RewardCache)
    }

    private let kind: Kind

    init(_ source: RewardSource, cacheFolder: String, rank: Int) throws {
        if case .endpoint(let url, let model, let promptFile) = source {
            let comparison = try RewardComparison(url: url, model: model, promptFile: promptFile)
            let cache = try RewardCache(folder: cacheFolder, source: comparison.identity, writer: rank)
            kind = .comparison(comparison, cache)
        } else {
            let rewards = try TextRewards(source)
            let cache =
                rewards.isKept
                ? try RewardCache(folder: cacheFolder, source: rewards.identity, writer: rank) : nil
            kind = .reward(rewards, cache)
        }
    }

    func verdicts(of pairs: [(RatedText, RatedText)]) throws -> [(score: Double, why: JSONObject)] {
        switch kind {
        case .comparison(let comparison, let cache):
            return try pairs.map { a, b in
                let (first, second) = (try score(a, b, comparison, cache), 1 - (try score(b, a, comparison, cache)))
                return ((first + second) / 2, ["a_first": .number(first), "b_first": .number(second)])
            }
        case .reward(let rewards, let cache):
            let texts = pairs.flatMap { [$0, $1] }
            var found = texts.map { cache?[$0] }
            let missing = texts.indices.filter { found[$0] == nil }
            try rewards.rewards(of: missing.map { texts[$0] }) { index, reward throws(RewardError) in
                found[missing[index]] = reward
                try cache?.keep(reward, of: texts[missing[index]])
            }
            let numbers = found.compactMap { $0 }
            return pairs.indices.map { index in
                let (a, b) = (numbers[2 * index], numbers[2 * index + 1])
                let why: JSONObject = ["reward_a": .number(a), "reward_b": .number(b)]
                return (a > b ? 1 : a < b ? 0 : 0.5, why)
            }
        }
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
}
