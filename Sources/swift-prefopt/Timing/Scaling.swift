import ArgumentParser
import Collectives
import Commands

struct Scaling: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The same steps on 1, 2, 4, … ranks with fewer and more micro-batches: time, efficiency, losses.",
        discussion: """
            Start it with all ranks that are to be tried: mpirun -n 8 swift-prefopt scaling run.yaml tries 1, 2, 4 and 8 of \
            them, each with micro-batches as large as fit and smaller ones, on the same global batch from the same weights. \
            With reproducible: true the losses don't differ at all. Without a run file: the embedded example. What a run \
            file leaves out is made up as for bench. Writes scaling.json and scaling.svg.
            """)

    @OptionGroup var timed: TimedRun
    @Option(help: "The folder for scaling.json and scaling.svg; default: the run's output_dir.") var output: String?

    func run() throws {
        runJob { communicator, console in
            let path = try timed.given.path(over: communicator)
            let folder = try communicator.failingTogether {
                try output ?? timed.given.read(path).requiredOutputDirectory()
            }
            let report = try timed.made(from: path, over: communicator).with {
                try ScalingJob.run($0, steps: timed.steps, over: communicator, console: console)
            }
            try communicator.onRoot {
                print(report.lines.joined(separator: "\n"))
                try report.write(to: folder)
            }
            console.line("\(folder): scaling.json, scaling.svg")
        }
    }
}
