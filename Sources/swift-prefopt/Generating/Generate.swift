import ArgumentParser
import Commands
import Modeling

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continue prompts, greedily or by sampling.",
        discussion: """
            A line of JSON for each continuation, in the order of the prompts, with what it depends on. A prompt's \
            continuations depend on it and on the seed alone, whatever is generated beside it and on however many ranks. \
            What is finished is kept in OUTPUT.partial until the output is written: the same command goes on from there.

            --format writes the file of answers of a benchmark, whose questions are given by --prompts: alpaca-eval \
            (AlpacaEval 2), arena-hard (Arena-Hard v2), arena-hard-v0.1 (its older form) or mt-bench (FastChat; two turns, the \
            second asked after the first is answered; without --temperature each category has FastChat's).
            """)

    @Option(help: "A model directory in Hugging Face's layout.") var model: String
    @Option(help: "An adapter in PEFT's layout.") var adapter: String?
    @Option(help: "A file of prompts: any rows that training reads, or {\"prompt_ids\": […]}; - is standard input.")
    var prompts: String?
    @Option(help: "The same: a data file, of whose rows the prompts are taken.") var data: String?
    @Option(help: "One prompt.") var prompt: String?
    @Option(help: "The JSONL file to write; - is standard output.") var output = "-"
    @Option(help: "jsonl, alpaca-eval, arena-hard, arena-hard-v0.1 or mt-bench.") var format = "jsonl"
    @Option(help: .init("How a benchmark's file calls the model; default: by its folder.", valueName: "name"))
    var modelName: String?
    @Option(help: "Tokens to generate at most.") var maxNewTokens = 128
    @Option(help: "Tokens before which no text ends.") var minNewTokens = 0
    @Option(help: "0, the default, is greedy; mt-bench has a default for each category.") var temperature: Double?
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
        guard let format = ResponseFormat(rawValue: format) else {
            let known = ResponseFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--format \(format): expected one of \(known).")
        }
        guard format != .jsonl || modelName == nil else {
            throw ValidationError("--model-name is of benchmarks' files; rows of --format jsonl hold the model's digest.")
        }
        guard samples == 1 || format.takesSamples else {
            throw ValidationError("--samples \(samples): --format \(format.rawValue) has one answer to a question.")
        }
        try SamplingOptions.check(temperature: temperature ?? 0, topP: topP, topK: topK)
        guard batchTokens ?? 1 > 0 else { throw ValidationError("--batch-tokens must be positive.") }
        guard samples > 0 else { throw ValidationError("--samples must be positive.") }
        if temperature ?? 0 == 0, temperature != nil || format != .mtBench, samples > 1 {
            throw ValidationError("--samples \(samples) of greedy decoding would all be alike; set --temperature.")
        }
    }

    func run() throws {
        runJob { communicator, console in
            var job = GenerationJob(
                model: model, adapter: adapter,
                prompts: prompt.map { .text($0) } ?? .file(prompts ?? data ?? "-"), output: output)
            (job.maxNewTokens, job.minNewTokens, job.stops) = (maxNewTokens, minNewTokens, stop)
            job.format = ResponseFormat(rawValue: format) ?? .jsonl
            job.name = modelName
            job.sampling = Sampling(temperature: temperature ?? 0, topK: topK, topP: topP)
            job.usesCategoryTemperatures = job.format == .mtBench && temperature == nil
            (job.samples, job.seed, job.batchTokens, job.threads) = (samples, seed, batchTokens, threadsPerRank)
            try job.run(over: communicator, console: console)
        }
    }
}
