import Collectives
import Kernels
import Liveness
import Machine
import Preferences
import Rewards
import Storage

/// Gives responses their rewards, by any number of named sources at once, the same numbers on every rank:
///
///     let scoring = try RewardScoring(rewards, cacheFolder: rewardCacheFolder(), on: pool, over: communicator, console: console)
///     let found = try scoring.rewards(of: texts, from: "prompts.jsonl")   // [(name, a number for each text)]
///
/// Prompts are dealt to the ranks; a reward model's responses are packed, each prompt's rows computed once. What costs more
/// than a look-up is kept by content as it comes, so a call that was broken off goes on where it was.
package struct RewardScoring {
    private enum Kind {
        case texts(TextRewards)
        case models(ModelReward)
    }

    private struct Source {
        let name: String
        let kind: Kind
        let cache: RewardCache?
    }

    private let sources: [Source]
    private let communicator: Communicator
    private let console: Console

    /// Loads the models and starts the commands that the rewards name.
    ///
    /// - Parameters:
    ///   - rewards: no two of one name.
    ///   - cacheFolder: where rewards are kept; nil: nowhere, for texts that never come again.
    ///   - model: a loaded model, whose base is shared by reward models that are adapters on it.
    /// - Throws: on every rank alike. Collective.
    package init(
        _ rewards: [NamedReward], cacheFolder: String?, sharing model: LoadedModel? = nil, on pool: ThreadPool,
        over communicator: Communicator, console: Console
    ) throws {
        (self.communicator, self.console) = (communicator, console)
        let kinds = try communicator.failingTogether {
            try rewards.map { reward -> Kind in
                guard !reward.source.isOfText else { return .texts(try TextRewards(reward.source)) }
                return .models(
                    try ModelReward(
                        reward.source, name: reward.name, sharing: model,
                        digesting: cacheFolder != nil && communicator.isRoot, on: pool))
            }
        }
        var identities: [String?] = []
        for kind in kinds {
            switch kind {
            case .texts(let rewards): identities.append(rewards.isKept ? rewards.identity : nil)
            case .models(let reward):
                for note in reward.notes { console.line(note) }
                identities.append(reward.identity(over: communicator))
            }
        }
        sources = try communicator.failingTogether {
            try zip(rewards, zip(kinds, identities)).map { reward, ready in
                let (kind, identity) = ready
                guard let identity, let cacheFolder else { return Source(name: reward.name, kind: kind, cache: nil) }
                return Source(
                    name: reward.name, kind: kind,
                    cache: try RewardCache(folder: cacheFolder, source: identity, writer: communicator.rank))
            }
        }
    }

    /// Rewards of texts by each source, in the order of the sources.
    ///
    /// - Parameters:
    ///   - texts: the same on every rank. Responses to one prompt stand next to each other.
    ///   - file: what messages call the texts' origin; their rows are its lines.
    /// - Throws: on every rank alike; what was found before is kept. Collective.
    package func rewards(
        of texts: [RatedText], from file: String
    ) throws -> [(name: String, values: [Double])] {
        let prompts = Self.prompts(of: texts)
        return try sources.map { source in
            let values =
                switch source.kind {
                case .texts(let rewards): try self.values(of: texts, prompts, rewards, source)
                case .models(let reward): try self.values(of: texts, prompts, reward, source, from: file)
                }
            return (source.name, values)
        }
    }

    /// Neighbours with the same prompt.
    private static func prompts(of texts: [RatedText]) -> [Range<Int>] {
        var prompts: [Range<Int>] = []
        for index in texts.indices {
            if let last = prompts.last, texts[last.lowerBound].prompt == texts[index].prompt {
                prompts[prompts.count - 1] = last.lowerBound..<index + 1
            } else {
                prompts.append(index..<index + 1)
            }
        }
        return prompts
    }

    private func isOwn(_ prompt: Int) -> Bool { prompt % communicator.size == communicator.rank }

    /// Every rank's numbers of its own prompts' texts, put to the texts. Collective.
    private func exchange(
        _ own: [Double], of numbers: Range<Int>, _ prompts: [Range<Int>], into values: inout [Double]
    ) {
        for (rank, share) in communicator.gather(own).enumerated() {
            var rest = share[...]
            for number in numbers where number % communicator.size == rank {
                for index in prompts[number] { values[index] = rest.popFirst() ?? .nan }
            }
        }
    }

    // MARK: - Rewards of texts alone

    /// Prompts that a rank takes in a round: between rounds an error of one rank reaches all.
    private static let round = 16

    private func values(
        of texts: [RatedText], _ prompts: [Range<Int>], _ rewards: TextRewards, _ source: Source
    ) throws -> [Double] {
        var values = [Double](repeating: 0, count: texts.count)
        var progress = RewardProgress(source.name, of: prompts.count, on: console)
        for first in stride(from: 0, to: prompts.count, by: Self.round * communicator.size) {
            let round = first..<min(prompts.count, first + Self.round * communicator.size)
            let own = try communicator.failingTogether {
                try asked(round.filter(isOwn).flatMap { texts[prompts[$0]] }, rewards, source.cache)
            }
            exchange(own, of: round, prompts, into: &values)
            progress.done(round.count)
        }
        progress.end()
        return values
    }

    /// Rewards of this rank's texts, those that are kept as they are.
    private func asked(
        _ texts: [RatedText], _ rewards: TextRewards, _ cache: RewardCache?
    ) throws(RewardError) -> [Double] {
        var found = texts.map { cache?[$0] }
        let missing = texts.indices.filter { found[$0] == nil }
        try rewards.rewards(of: missing.map { texts[$0] }) { index, reward throws(RewardError) in
            found[missing[index]] = reward
            try cache?.keep(reward, of: texts[missing[index]])
        }
        return found.compactMap { $0 }
    }

    // MARK: - Rewards of models

    /// Tokens of a rank before rewards are first kept: several micro-batches, so that ranks don't wait long for each other.
    private static let firstTokens = 1 << 14
    /// Seconds between two times that they are kept.
    private static let interval = 30.0

    private func values(
        of texts: [RatedText], _ prompts: [Range<Int>], _ reward: ModelReward, _ source: Source, from file: String
    ) throws -> [Double] {
        var values = [Double](repeating: 0, count: texts.count)
        // A prompt whose responses aren't all known is computed as a whole: its tokens depend on all of them.
        var known: [Int: [Double]] = [:]
        var missing: [Int] = []
        for prompt in prompts.indices where isOwn(prompt) {
            let found = prompts[prompt].compactMap { source.cache?[texts[$0]] }
            if found.count == prompts[prompt].count { known[prompt] = found } else { missing.append(prompt) }
        }
        let counts = communicator.gather(Double(missing.count)).map { Int($0) }
        let first = counts[..<communicator.rank].reduce(0, +)
        let own = try communicator.failingTogether {
            try reward.encode(missing.map { texts[prompts[$0]] }, first: first, from: file).words
        }
        if counts.contains(where: { $0 > 0 }) {
            let shares = communicator.gather(own).map { EncodedRows(words: $0) }
            let set = try communicator.failingTogether { try PreferenceSet(merging: shares) }
            var progress = RewardProgress(source.name, of: set.comparisons.count, on: console)
            var (tokens, end) = (Self.firstTokens * communicator.size, 0)
            while end < set.comparisons.count {
                let chunk = Self.chunk(of: set, from: end, tokens: tokens)
                end = chunk.upperBound
                let start = SteadyClock.now()
                let rewards = try RunProgress.during(.score) {
                    try reward.rewards(of: set, Array(chunk), over: communicator, console: console)
                }
                try communicator.failingTogether {
                    for comparison in set.comparisons[chunk] where missing.indices ~= comparison.row - first {
                        let prompt = missing[comparison.row - first]
                        // One judgement for each text of the prompt.
                        let found = set.judgements[comparison.judgements].map { rewards[$0.best] }
                        known[prompt] = found
                        for (text, reward) in zip(texts[prompts[prompt]], found) {
                            try source.cache?.keep(reward, of: text)
                        }
                    }
                }
                progress.done(chunk.count)
                // What fits into the interval, as rank 0's clock has it.
                let seconds = communicator.broadcast(SteadyClock.now() - start)
                tokens = max(tokens, Int(Double(tokens) * min(8, Self.interval / max(seconds, 1e-3))))
            }
            progress.end()
        }
        exchange(
            prompts.indices.filter(isOwn).flatMap { known[$0] ?? [] }, of: prompts.indices, prompts, into: &values)
        return values
    }

    /// Comparisons of a set that have so many tokens, or the last ones.
    private static func chunk(of set: PreferenceSet, from start: Int, tokens: Int) -> Range<Int> {
        var (end, left) = (start, tokens)
        while end < set.comparisons.count, left > 0 {
            let comparison = set.comparisons[end]
            left -= comparison.prompt.count + set.responses[comparison.responses].reduce(0) { $0 + $1.tokens.count }
            end += 1
        }
        return start..<end
    }
}

/// Tells how far a reward is, and how long it will take.
private struct RewardProgress {
    private let name: String
    private let count: Int
    private let console: Console
    private let start = SteadyClock.now()
    private var finished = 0

    init(_ name: String, of count: Int, on console: Console) {
        (self.name, self.count, self.console) = (name, count, console)
        console.beginActivity()
    }

    mutating func done(_ prompts: Int) {
        finished += prompts
        let left = (SteadyClock.now() - start) / Double(finished) * Double(count - finished)
        console.progress("reward \(name): \(finished) of \(count) prompts, \(readableDuration(left)) left")
    }

    func end() { console.endProgress() }
}
