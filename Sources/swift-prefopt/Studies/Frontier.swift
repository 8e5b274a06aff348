import ArgumentParser
import Commands
import RunFiles
import Storage

struct Frontier: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "True reward against divergence from the reference, of DPO, PPO and others (arXiv 2305.18290, figures 2 and 3).",
        discussion: """
            Without a file: the embedded example, in the folder study-frontier. The file names model_name_or_path, train_file and \
            eval_file (rows with prompts), truth (a reward SPEC) and output_dir; for each method the numbers to try: dpo, ppo, \
            ppo_gt, unlikelihood, preferred_ft, best_of_n, temperatures; the size: prompts, completions, eval_prompts, \
            response_length, max_steps, ppo_steps, points, seed; and run file keys of its runs: settings, ppo_settings. Run again \
            to go on where it was broken off.
            """)

    @Argument(help: .init("The study's file (YAML or JSON).", valueName: "study.yaml")) var path: String?

    func run() throws {
        runJob { communicator, console in
            let study = try communicator.failingTogether {
                try path.map { try FrontierFile(bytes: FileSystem.read($0), file: $0) }
            }
            try FrontierJob(study, over: communicator, console: console).run()
        }
    }
}
