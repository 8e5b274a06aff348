import ArgumentParser
import Commands
import Rewards
import Storage

struct Annotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rewards of generated responses, into each row's scores.",
        discussion: """
            A SPEC is one of length:FACTOR, lexicon:FILE, command:"PROGRAM …" (reads {"prompt", "response"} and writes \
            {"reward": x}, a line each) and endpoint:URL,model=NAME[,prompt=FILE] (OpenAI-compatible; the key comes from \
            OPENAI_API_KEY). What commands and endpoints answered is kept: a run that broke off goes on.
            """)

    @Option(help: "What generate wrote, or rows of prompt and responses.") var data: String
    @Option(help: "The JSONL file to write.") var output: String
    @Option(help: .init("A reward and where it comes from; may be repeated.", valueName: "NAME=SPEC")) var reward:
        [String]

    func run() throws {
        runJob { communicator, console in
            let rewards = try communicator.failingTogether { try reward.map { try Annotate.named($0) } }
            try AnnotateJob(data: data, output: output, rewards: rewards, cacheFolder: rewardCacheFolder())
                .run(over: communicator, console: console)
        }
    }

    /// Reads `NAME=SPEC`.
    private static func named(_ text: String) throws(RewardError) -> (name: String, source: RewardSource) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains(":") else {
            throw .spec(text, problem: "it has no name; write --reward NAME=SPEC")
        }
        return (parts[0], try RewardSource(parts[1]))
    }
}
