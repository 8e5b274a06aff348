import ArgumentParser
import Commands

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Throughput of the training step, its share of the CPU's peak, time per phase, memory by part.",
        discussion: """
            Without a run file: the embedded example. What a run file leaves out is made up: without train_file, pairs of \
            random tokens as long as those of dialogues; a model_name_or_path with config.json alone gets random weights. \
            Nothing is saved.
            """)

    @OptionGroup var timed: TimedRun
    @Flag(help: "Decoding instead of training: tokens a second for one text and for many together.") var generate = false
    @Flag(help: "One JSON object instead of tables.") var json = false

    func run() throws {
        runJob { communicator, console in
            let path = try timed.given.path(over: communicator)
            let report = try timed.made(from: path, over: communicator).with {
                generate
                    ? try GenerationTiming.run($0, over: communicator, console: console)
                    : try BenchJob.run($0, steps: timed.steps, over: communicator, console: console)
            }
            if communicator.isRoot { print(report.text(asJSON: json)) }
        }
    }
}
