import ArgumentParser
import Commands

struct Render: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Texts of conversations by the model's chat template: {\"messages\": […], …} per line in, texts out.",
        discussion:
            "A conversation that the template refuses gives {\"error\": …}; what else a line holds are variables.")

    @Option(help: "A directory with a chat template.") var model: String

    func run() throws {
        runJob(isWatched: false) { communicator, _ in
            try communicator.onRoot {
                let job = try RenderJob(model: model)
                try StandardInput.eachLine { print(try job.run(line: $0, number: $1)) }
            }
        }
    }
}
