import ArgumentParser
import Commands

struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Token ids of texts: {\"text\": …} per line in, ids and decodings out.")

    @Option(help: "A directory with tokenizer.json.") var model: String
    @Flag(help: "What the tokenizer adds to a text, too.") var addSpecialTokens = false

    func run() throws {
        runJob(isWatched: false) { communicator, _ in
            try communicator.onRoot {
                let job = try TokenizeJob(model: model, addSpecialTokens: addSpecialTokens)
                try StandardInput.eachLine { print(try job.run(line: $0, number: $1)) }
            }
        }
    }
}
