import Collectives
import Machine
import Rewards
import Storage
import Training

/// `annotate`: rewards of generated responses, by any number of sources at once.
///
/// Rewards of commands and endpoints are kept by content as they come, so a run that was broken off goes on where it was.
/// Prompts are dealt to the ranks in rounds; what is written doesn't depend on their number.
package struct AnnotateJob: Sendable {
    package let data: String
    package let output: String
    package let rewards: [(name: String, source: RewardSource)]
    /// The folder of what is kept.
    package let cacheFolder: String

    /// Prompts a rank takes in a round: between rounds errors of one rank reach all.
    private static let round = 16

    package init(data: String, output: String, rewards: [(name: String, source: RewardSource)], cacheFolder: String) {
        (self.data, self.output, self.rewards, self.cacheFolder) = (data, output, rewards, cacheFolder)
    }

    /// - Throws: on every rank alike. Collective.
    package func run(over communicator: Communicator, console: Console) throws {
        var rows = try communicator.failingTogether { () throws -> [AnsweredPrompt] in
            if communicator.isRoot { try OutputFile.check(output) }
            let rows = try AnsweredPrompt.read(data)
            for row in rows {
                if let name = rewards.map(\.name).first(where: { name in row.scores.contains { $0.name == name } }) {
                    throw TrainingError.input(
                        "\(data):\(row.line): there is a reward \"\(name)\" already; give the new one another name")
                }
            }
            return rows
        }
        for (name, source) in rewards {
            let values = try values(of: rows, name: name, source, over: communicator, console: console)
            for index in rows.indices { rows[index].scores.append((name, values[index])) }
        }
        try communicator.failingTogether {
            guard communicator.isRoot else { return }
            try AtomicFile.write(rows.map { $0.json.text + "\n" }.joined(), to: output)
        }
        console.line("\(output): \(rows.count) prompts, \(rows.reduce(0) { $0 + $1.responses.count }) responses")
        for (name, _) in rewards {
            let all = rows.flatMap { row in row.scores.first { $0.name == name }?.values ?? [] }
            console.line("  \(name): \(Statistics(all).text)")
        }
    }

    /// One reward of all rows. Collective.
    private func values(
        of rows: [AnsweredPrompt], name: String, _ source: RewardSource, over communicator: Communicator,
        console: Console
    ) throws -> [[Double]] {
        let (asked, cache) = try communicator.failingTogether { () throws -> (TextRewards, RewardCache?) in
            let asked = try TextRewards(source)
            let cache =
                asked.isKept
                ? try RewardCache(folder: cacheFolder, source: asked.identity, writer: communicator.rank) : nil
            return (asked, cache)
        }
        var values = [[Double]](repeating: [], count: rows.count)
        let perRound = AnnotateJob.round * communicator.size
        let start = SteadyClock.now()
        console.beginActivity()
        for first in stride(from: 0, to: rows.count, by: perRound) {
            let round = first..<min(rows.count, first + perRound)
            let own = round.filter { ($0 - first) % communicator.size == communicator.rank }
            let found = try communicator.failingTogether { try rewards(of: own.map { rows[$0] }, asked, cache) }
            // Numbers travel as their bits.
            let words = zip(own, found).flatMap { index, rewards in
                [Int32(index), Int32(rewards.count)]
                    + rewards.flatMap { reward in
                        [
                            Int32(truncatingIfNeeded: reward.bitPattern >> 32),
                            Int32(truncatingIfNeeded: reward.bitPattern),
                        ]
                    }
            }
            for share in communicator.gather(words) {
                var place = 0
                while place < share.count {
                    let (index, count) = (Int(share[place]), Int(share[place + 1]))
                    values[index] = (0..<count).map { k in
                        let high = UInt64(UInt32(bitPattern: share[place + 2 + 2 * k])) << 32
                        return Double(bitPattern: high | UInt64(UInt32(bitPattern: share[place + 3 + 2 * k])))
                    }
                    place += 2 + 2 * count
                }
            }
            let seconds = SteadyClock.now() - start
            let left = seconds / Double(round.upperBound) * Double(rows.count - round.upperBound)
            console.progress(
                "annotate \(name): \(round.upperBound) of \(rows.count) prompts, \(readableDuration(left)) left")
        }
        console.endProgress()
        return values
    }

    /// Rewards of this rank's rows of a round, those that are kept as they are.
    private func rewards(
        of rows: [AnsweredPrompt], _ asked: TextRewards, _ cache: RewardCache?
    ) throws(RewardError) -> [[Double]] {
        let texts = rows.flatMap(\.texts)
        var found = texts.map { cache?[$0] }
        let missing = texts.indices.filter { found[$0] == nil }
        try asked.rewards(of: missing.map { texts[$0] }) { index, reward throws(RewardError) in
            found[missing[index]] = reward
            try cache?.keep(reward, of: texts[missing[index]])
        }
        var rest = found.compactMap { $0 }[...]
        return rows.map { row in
            defer { rest = rest.dropFirst(row.responses.count) }
            return Array(rest.prefix(row.responses.count))
        }
    }
}
