import ArgumentParser
import Commands
import Modeling

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continue prompts, greedily or by sampling.",
        discussion: """
            A line of JSON for each continuation, in the order of the prompts. A prompt's continuations depend on it and on \
            the seed alone, whatever is generated beside it and on however many ranks.
            """)

    @Option(help: "A model directory in Hugging Face's layout.") var model: String
    @Option(help: "An adapter in PEFT's layout.") var adapter: String?
    @Option(help: "A file of prompts: any rows that training reads, or {\"prompt_ids\": […]}; - is standard input.")
    var prompts: String?
    @Option(help: "The same: a data file, of whose rows the prompts are taken.") var data: String?
    @Option(help: "One prompt.") var prompt: String?
    @Option(help: "The JSONL file to write; - is standard output.") var output = "-"
    @Option(help: "Tokens to generate at most.") var maxNewTokens = 128
    @Option(help: "Tokens before which no text ends.") var minNewTokens = 0
    @Option(help: "0 is greedy.") var temperature = 0.0
    @Option(help: "Nucleus sampling: the share of probability that can be drawn.") var topP = 1.0
    @Option(help: "How many of the most probable tokens can be drawn; default: all.") var topK: Int?
    @Option(help: "A text that ends a response and is no part of it; may be given several times.") var stop: [String] =
        []
    @Option(help: "Continuations of each prompt; they share its keys and values.") var samples = 1
    @Option(help: "Seed of the sampling.") var seed: UInt64 = 42
    @Option(help: "Tokens whose keys and values a rank holds at a time; default: as many as gain anything and fit.")
    var batchTokens: Int?
    @Option(help: "Threads of a rank; default: by the machine's cores.") var threadsPerRank: Int?

    func validate() throws {
        guard [prompts, data, prompt].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("Give one of --prompts FILE, --data FILE and --prompt TEXT.")
        }
        guard maxNewTokens > 0 else { throw ValidationError("--max-new-tokens must be positive.") }
        guard 0...maxNewTokens ~= minNewTokens else {
            throw ValidationError("--min-new-tokens must be between 0 and --max-new-tokens.")
        }
        guard temperature >= 0, temperature.isFinite else { throw ValidationError("--temperature must be 0 or more.") }
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p must be above 0 and at most 1.") }
        guard topK ?? 1 > 0 else { throw ValidationError("--top-k must be positive.") }
        guard batchTokens ?? 1 > 0 else { throw ValidationError("--batch-tokens must be positive.") }
        guard samples > 0 else { throw ValidationError("--samples must be positive.") }
        if temperature == 0, samples > 1 {
            throw ValidationError("--samples \(samples) of greedy decoding would all be alike; set --temperature.")
        }
    }

    func run() throws {
        runJob { communicator, console in
            var job = GenerationJob(
                model: model, adapter: adapter,
                prompts: prompt.map { .text($0) } ?? .file(prompts ?? data ?? "-"), output: output)
            (job.maxNewTokens, job.minNewTokens, job.stops) = (maxNewTokens, minNewTokens, stop)
            job.sampling = Sampling(temperature: temperature, topK: topK, topP: topP)
            (job.samples, job.seed, job.batchTokens, job.threads) = (samples, seed, batchTokens, threadsPerRank)
            try job.run(over: communicator, console: console)
        }
    }
}
