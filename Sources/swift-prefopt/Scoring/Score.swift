import ArgumentParser
import Commands

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Logps of every pair of a file, one JSON line per input row.")

    @Option(help: "A model directory in Hugging Face's layout.") var model: String
    @Option(help: "Another one: its logps go along as reference_….") var reference: String?
    @Option(help: "An adapter in PEFT's layout.") var adapter: String?
    @Option(help: "The file of pairs.") var data: String
    @Option(help: "The JSONL file to write.") var output: String
    @Flag(help: "The logps of every token too.") var perToken = false
    @Option(help: "Longest prompt with response; default: what the model was made for.") var maxLength: Int?
    @Option(help: "Threads of a rank; default: by the machine's cores.") var threadsPerRank: Int?

    func run() throws {
        runJob { communicator, console in
            try ScoreJob(
                model: model, adapter: adapter, reference: reference, data: data, output: output, perToken: perToken,
                maxLength: maxLength,
                threads: threadsPerRank
            ).run(over: communicator, console: console)
        }
    }
}
