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

    @Argument(help: .init("The run file (YAML or JSON).", valueName: "run.yaml"))
    var runFile: String?

    @Option(name: .customLong("set"), help: "Override a key of the run file: --set key=value.")
    var overrides: [String] = []

    @Option(help: "auto: from the newest complete checkpoint in output_dir; never: anew; or a checkpoint folder.")
    var resume = "auto"

    /// `hang_timeout`, as far as the run file can be read: what is wrong with it is said when all ranks are there.
    private var patience: Double {
        guard let path = runFile ?? (FileSystem.exists("prefopt.yaml") ? "prefopt.yaml" : nil),
            let bytes = try? FileSystem.read(path),
            let file = try? RunFile(bytes: bytes, file: path, overrides: overrides)
        else { return Preflight.defaultPatience }
        return Preflight.patience(hangTimeout: file.machine.hangTimeout)
    }

    func run() throws {
        runJob(patience: patience) { communicator, console in
            let path = try communicator.failingTogether { () throws -> String in
                if let runFile { return runFile }
                if FileSystem.exists("prefopt.yaml") { return "prefopt.yaml" }
                return try EmbeddedExample.unpack(to: EmbeddedExample.folder, communicator.isRoot)
            }
            communicator.barrier()
            let file = try communicator.failingTogether {
                try RunFile(bytes: FileSystem.read(path), file: path, overrides: overrides)
            }
            try Preflight.run(resolved: file.resolved(), inputs: file.inputs, over: communicator)
            try Trainer.run(file, resume: Resume(argument: resume), over: communicator, console: console)
        }
    }
}
