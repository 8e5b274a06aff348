import Collectives
import Kernels
import Machine
import Rewards
import Statistics
import Storage
import Training

/// `annotate`: rewards of generated responses, by any number of sources at once. What is written doesn't depend on the number
/// of ranks.
package struct AnnotateJob: Sendable {
    package let data: String
    package let output: String
    package let rewards: [NamedReward]
    /// The folder of what is kept.
    package let cacheFolder: String
    package let threads: Int?

    package init(data: String, output: String, rewards: [NamedReward], cacheFolder: String, threads: Int? = nil) {
        (self.data, self.output, self.rewards, self.cacheFolder) = (data, output, rewards, cacheFolder)
        self.threads = threads
    }

    /// - Throws: on every rank alike. Collective.
    package func run(over communicator: Communicator, console: Console) throws {
        var rows = try communicator.failingTogether { () throws -> [AnsweredPrompt] in
            if communicator.isRoot { try OutputFile.check(output) }
            let names = rewards.map(\.name)
            if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
                throw TrainingError.input("--reward: two rewards are called \(names[twice]); give each its own name")
            }
            let rows = try AnsweredPrompt.read(data)
            for row in rows {
                if let name = names.first(where: { name in row.scores.contains { $0.name == name } }) {
                    throw TrainingError.input(
                        "\(data):\(row.line): there is a reward \"\(name)\" already; give the new one another name")
                }
            }
            return rows
        }
        let scoring = try RewardScoring(
            rewards, cacheFolder: cacheFolder,
            on: ThreadPool(count: threads ?? communicator.neighbourhood.cores), over: communicator, console: console)
        let found = try scoring.rewards(of: rows.flatMap(\.texts), from: data)
        for (name, values) in found {
            var rest = values[...]
            for index in rows.indices {
                let count = rows[index].responses.count
                rows[index].scores.append((name, Array(rest.prefix(count))))
                rest = rest.dropFirst(count)
            }
        }
        try communicator.failingTogether {
            guard communicator.isRoot else { return }
            try AtomicFile.write(rows.map { $0.json.text + "\n" }.joined(), to: output)
        }
        console.line("\(output): \(rows.count) prompts, \(rows.reduce(0) { $0 + $1.responses.count }) responses")
        for (name, values) in found { console.line("  \(name): \(Self.summary(of: Sample(values)))") }
    }

    private static func summary(of rewards: Sample) -> String {
        "mean \(fixed(rewards.mean, 4)) ± \(fixed(rewards.standardError, 4)), deviation \(fixed(rewards.deviation, 4)), "
            + "from \(fixed(rewards.least, 4)) to \(fixed(rewards.greatest, 4))"
    }
}
