import ArgumentParser
import Commands
import RunFiles

struct Pairs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Preference rows out of annotated responses, with their origin.")

    @Option(help: "What annotate wrote.") var data: String
    @Option(help: "The JSONL file to write.") var output: String
    @Option(help: .init("The reward that decides.", valueName: "NAME")) var by: String
    @Option(help: "best-worst, all or random.") var choose = "best-worst"
    @Option(help: "Rewards nearer to each other than this make no pair.") var minGap = 0.0
    @Option(help: "Seed of random pairs.") var seed: UInt64 = 42

    func validate() throws {
        guard PairChoice(rawValue: choose) != nil else {
            throw ValidationError("--choose \(choose): expected best-worst, all or random.")
        }
        guard minGap >= 0, minGap.isFinite else { throw ValidationError("--min-gap must be 0 or more.") }
    }

    func run() throws {
        runJob { communicator, console in
            guard let choice = PairChoice(rawValue: choose) else { return }
            try communicator.failingTogether {
                guard communicator.isRoot else { return }
                _ = try PairsJob(
                    data: data, output: output, name: by, choice: choice, leastGap: minGap, seed: seed
                ).run(console: console)
            }
        }
    }
}
