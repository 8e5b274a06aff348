import ArgumentParser
import Commands
import Storage

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Held-out metrics of a model, as one JSON object.",
        discussion: "The run file says the eval_file, the objective and the reference.")

    @OptionGroup var given: RunFileOptions
    @Option(help: "The model directory to evaluate.") var model: String

    func validate() throws { try given.requireFile() }

    func run() throws {
        runJob { communicator, console in
            let file = try given.read(over: communicator)
            let result = try EvaluationJob.run(file, model: model, over: communicator, console: console)
            if communicator.isRoot { print(JSON.object(result).text) }
        }
    }
}
