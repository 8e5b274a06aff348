import ArgumentParser
import Commands
import RunFiles

struct FrontStudy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "front",
        abstract: "Fronts of two or three objectives: MODPO, rewarded soups, loss weighting, best of n.",
        discussion: """
            Trains the methods on the same model and as many steps for weights on a lattice, draws responses to held-out \
            prompts, and compares mean true rewards, KL, hypervolumes with intervals, and tokens. study.yaml: base: run.yaml, \
            output_dir: DIR, objectives: {NAME: {train_file: F, reward: SPEC}}, prompts: F, beta, max_steps, lattice: 4, \
            methods: [modpo, soups, loss_weighting, best_of_n], samples, best_of, response_length, seed. Without a file: the \
            embedded example. Writes points.jsonl, findings.md and figures.
            """)

    @Argument(help: .init("The study's file (YAML or JSON).", valueName: "study.yaml")) var path: String?
    @Flag(help: "The findings as one JSON object.") var json = false

    func run() throws {
        runJob { communicator, console in
            let study = try StudyFiles.front(path, over: communicator)
            let report = try FrontStudyJob(study, over: communicator, console: console).run()
            if communicator.isRoot { print(report.text(asJSON: json)) }
        }
    }
}
