import ArgumentParser
import Commands
import Modeling

struct Chat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talk to a model in the terminal.",
        discussion: """
            Answers appear as they are made; ^C stops one, ^D ends the chat; /help tells the commands. A model without a chat \
            template goes on with what is typed as plain text.
            """)

    @Option(help: "A model directory in Hugging Face's layout, or an adapter's.") var model: String
    @Option(help: "An adapter in PEFT's layout.") var adapter: String?
    @Option(help: "What the model is told first.") var system: String?
    @Option(help: "Tokens of an answer at most.") var maxNewTokens = 1024
    @Option(help: "0 is greedy.") var temperature = 0.7
    @Option(help: "Nucleus sampling: the share of probability that can be drawn.") var topP = 0.95
    @Option(help: "How many of the most probable tokens can be drawn; default: all.") var topK: Int?
    @Option(help: "A text that ends an answer and is no part of it; may be given several times.") var stop: [String] = []
    @Option(help: "Seed of the sampling; default: another one each time.") var seed: UInt64?
    @Option(help: "Threads; default: by the machine's cores.") var threadsPerRank: Int?

    func validate() throws {
        guard maxNewTokens > 0 else { throw ValidationError("--max-new-tokens must be positive.") }
        try SamplingOptions.check(temperature: temperature, topP: topP, topK: topK)
    }

    func run() throws {
        runJob(isWatched: false) { communicator, console in
            var job = ChatJob(model: model, adapter: adapter)
            (job.system, job.maxNewTokens, job.stops) = (system, maxNewTokens, stop)
            job.sampling = Sampling(temperature: temperature, topK: topK, topP: topP)
            (job.seed, job.threads) = (seed, threadsPerRank)
            try job.run(over: communicator, console: console)
        }
    }
}
