import ArgumentParser
import Commands
import Rewards
import Storage

struct Judge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Win rate of one set of responses over another on the same prompts.",
        discussion: """
            --data is given twice: A, then B. The judge is a reward (see annotate: the higher one wins) or an endpoint, which \
            is asked to compare in both orders; its prompt file has {prompt}, {a} and {b}. Ties count a half.
            """)

    @Option(help: "What generate wrote; twice, A and then B.") var data: [String]
    @Option(help: .init("Who judges.", valueName: "SPEC")) var judge: String
    @Option(help: "The JSONL file of verdicts to write.") var output: String
    @Flag(help: "One JSON object on standard output.") var json = false
    @Option(help: "Threads of a rank; default: by the machine's cores.") var threadsPerRank: Int?

    func validate() throws {
        guard data.count == 2 else { throw ValidationError("--data is to be given twice: A, then B.") }
    }

    func run() throws {
        runJob { communicator, console in
            let source = try communicator.failingTogether { try RewardSource(judge) }
            let result = try JudgeJob(
                a: data[0], b: data[1], judge: source, output: output, cacheFolder: rewardCacheFolder(),
                threads: threadsPerRank
            ).run(over: communicator, console: console)
            guard communicator.isRoot else { return }
            print(json ? JSON.object(result.json).text : result.lines.joined(separator: "\n"))
        }
    }
}
