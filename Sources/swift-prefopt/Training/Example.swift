import ArgumentParser
import Commands
import Training

struct Example: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Unpack the embedded example: a small model, its tokenizer, pairs and a run file.")

    @Argument(help: "The folder to make.")
    var directory = EmbeddedExample.folder

    func run() throws {
        runJob { communicator, console in
            let path = try communicator.failingTogether {
                try EmbeddedExample.unpack(to: directory, communicator.isRoot)
            }
            console.line("unpacked; its run file is \(path)")
        }
    }
}
