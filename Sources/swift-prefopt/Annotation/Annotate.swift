import ArgumentParser
import Commands
import Rewards
import Storage

struct Annotate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rewards of generated responses, into each row's scores.",
        discussion: """
            A SPEC is one of model:DIR (a reward model), implicit:DIR[,reference=DIR][,beta=B] (β (log π − log π_ref) of a \
            model that was trained on preferences), length:FACTOR, lexicon:FILE, command:"PROGRAM …" (reads {"prompt", "response"} and writes \
            {"reward": x}, a line each) and endpoint:URL,model=NAME[,prompt=FILE] (OpenAI-compatible; the key comes from \
            OPENAI_API_KEY). What models, commands and endpoints answered is kept: a run that broke off goes on.
            """)

    @Option(help: "What generate wrote, or rows of prompt and responses.") var data: String
    @Option(help: "The JSONL file to write.") var output: String
    @Option(help: .init("A reward and where it comes from; may be repeated.", valueName: "NAME=SPEC")) var reward:
        [String]
    @Option(help: "Threads of a rank; default: by the machine's cores.") var threadsPerRank: Int?

    func run() throws {
        runJob { communicator, console in
            let rewards = try communicator.failingTogether { try reward.map { try NamedReward($0) } }
            try AnnotateJob(
                data: data, output: output, rewards: rewards, cacheFolder: rewardCacheFolder(), threads: threadsPerRank
            ).run(over: communicator, console: console)
        }
    }
}
