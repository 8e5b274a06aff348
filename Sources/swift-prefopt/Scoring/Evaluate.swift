import ArgumentParser
import Commands
import Storage
import Training

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Held-out metrics of models, one JSON object for each.",
        discussion: """
            The run file says the eval_file, the objective and the reference. Several models are compared judgement by \
            judgement with the first one: a table with 95 % intervals on standard error, or with --json one more object.
            """)

    @OptionGroup var given: RunFileOptions
    @Option(
        name: .customLong("model"), parsing: .upToNextOption,
        help: "The model directories to evaluate; a run's folder means its final/.") var models: [String]
    @Option(help: "Also write what each model makes of each row: JSON lines.") var perRow: String?
    @Flag(help: "Results for programs only: with several models their comparison as a last JSON object.") var json = false

    mutating func validate() throws {
        // `evaluate --model DIR run.yaml`: what follows the models is no folder.
        if given.path == nil, models.count > 1, let last = models.last, FileSystem.isFile(last) {
            given.path = models.removeLast()
        }
        try given.requireFile()
        guard !models.isEmpty else { throw ValidationError("Missing expected argument '--model <model>'.") }
    }

    func run() throws {
        runJob { communicator, console in
            let file = try given.read(over: communicator)
            if let perRow { try communicator.failingTogether { try EvaluationJob.checkOutput(perRow) } }
            var found: [EvaluationJob.Found] = []
            for model in models {
                if models.count > 1 { console.line("model: \(model)") }
                found.append(try EvaluationJob.run(file, model: model, over: communicator, console: console))
            }
            let comparison = models.count > 1 ? ModelComparison(found, by: file.objective) : nil
            try communicator.failingTogether {
                guard communicator.isRoot else { return }
                for model in found { print(JSON.object(model.json).text) }
                if let comparison, json { print(JSON.object(comparison.json).text) }
                if let perRow { try EvaluationJob.writeRows(found, by: file.objective, to: perRow) }
            }
            if let comparison, !json { for line in comparison.lines { console.line(line) } }
        }
    }
}
