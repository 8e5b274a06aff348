import ArgumentParser
import Commands
import Liveness
import RunFiles
import Storage
import Training

struct Iterate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rounds of generating responses, rewarding them, making pairs and training on these.",
        discussion: """
            The run file has rounds, prompts_file and rewards beside the keys of a training; sample_prompts measure each round on \
            held-out prompts. Everything is kept in output_dir/round-N; whatever ended a job, the same command goes on.
            """)

    @OptionGroup var given: RunFileOptions
    @Flag(help: "One JSON object on standard output.") var json = false

    func validate() throws { try given.requireFile() }

    func run() throws {
        runJob { communicator, console in
            let file = try given.read(over: communicator)
            try Preflight.run(resolved: file.resolved(), inputs: file.inputs, over: communicator)
            let report = try IterateJob(file).run(over: communicator, console: console)
            if communicator.isRoot { print(report.text(asJSON: json)) }
        }
    }
}
