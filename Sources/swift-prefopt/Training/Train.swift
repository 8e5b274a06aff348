import ArgumentParser
import Commands
import Liveness
import RunFiles
import Storage
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a policy on preference pairs (the main job).",
        discussion: "Without a run file: prefopt.yaml in the current folder if there is one, else the embedded example."
    )

    @OptionGroup var given: RunFileOptions
    @Option(help: "auto: from the newest complete checkpoint in output_dir; never: anew; or a checkpoint folder.")
    var resume = "auto"

    private static let usualFile = "prefopt.yaml"

    /// `hang_timeout`, as far as the run file can be read: what is wrong with it is said when all ranks are there.
    private var patience: Double {
        guard let path = given.path ?? (FileSystem.exists(Self.usualFile) ? Self.usualFile : nil),
            let file = try? given.read(path)
        else { return Preflight.defaultPatience }
        return Preflight.patience(hangTimeout: file.machine.hangTimeout)
    }

    func run() throws {
        runJob(patience: patience) { communicator, console in
            let path = try given.path(orElse: Self.usualFile, over: communicator)
            let file = try communicator.failingTogether { () throws -> RunFile in
                let file = try given.read(path)
                try file.refuseRounds()
                return file
            }
            try Preflight.run(resolved: file.resolved(), inputs: file.inputs, over: communicator)
            try Trainer.run(file, resume: Resume(argument: resume), over: communicator, console: console)
        }
    }
}
