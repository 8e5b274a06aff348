import ArgumentParser
import Commands
import RunFiles

struct FrontStudy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "front",
        abstract: "Fronts of two or three objectives: MODPO, rewarded soups, loss weighting, MORLHF, best of n.",
        discussion: """
            Trains the methods on the same model for weights on a lattice, and MODPO once more for all weights at once by one \
            adapter; draws responses to held-out prompts, and compares mean true rewards, KL, hypervolumes with intervals, and \
            tokens. study.yaml: base: run.yaml, output_dir: DIR, objectives: {NAME: {train_file: F, reward: SPEC}}, prompts: F, \
            beta, max_steps, lattice: 4, methods: [modpo, modpo_sampled, soups, loss_weighting, morlhf, best_of_n], samples, \
            best_of, response_length, seed; for MORLHF ppo_steps and ppo_settings: {KEY: VALUE}, for the one adapter \
            sampled_steps and sampled_settings. Without a file: the embedded example. Writes points.jsonl, findings.md and \
            figures.
            """)

    @OptionGroup var options: StudyOptions

    func run() throws {
        options.run { path, communicator, console in
            try FrontStudyJob(StudyFiles.front(path, over: communicator), over: communicator, console: console).run()
        }
    }
}
