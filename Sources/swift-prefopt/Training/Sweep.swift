import ArgumentParser
import Commands
import Liveness
import RunFiles
import Storage

struct Sweep: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train many runs that differ in some keys, in one job, and compare them.",
        discussion: """
            sweep.yaml: base: run.yaml, output_dir: DIR, and in what the runs differ: grid: {beta: [0.05, 0.1]} (every \
            combination), zip: {…} (the first of each, the second of each, …), runs: [{…}] (one by one), seeds: [1, 2, 3]; \
            metric: NAME is what the table is sorted by. Under mpirun the ranks are parted into groups, each of which trains \
            the next open run; rows are read and references scored once for all. The same command goes on with the runs that \
            aren't over. Writes DIR/sweep.jsonl and a folder for each run.
            """)

    @Argument(help: .init("The sweep's file (YAML or JSON).", valueName: "sweep.yaml")) var path: String
    @Option(help: "Groups of ranks, at most as many as ranks; default: as many as let all runs end first.")
    var groups: Int?
    @Flag(help: "The table as one JSON object.") var json = false

    func validate() throws {
        if let groups, groups < 1 { throw ValidationError("--groups is \(groups); expected a number from 1.") }
    }

    func run() throws {
        runJob { communicator, console in
            let sweep = try communicator.failingTogether {
                try SweepFile(bytes: FileSystem.read(path), file: path)
            }
            let files = sweep.runs.map(\.file)
            let inputs = files.flatMap(\.inputs).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            try Preflight.run(
                resolved: files.map { $0.resolved() }.joined(), inputs: inputs, over: communicator)
            let report = try SweepJob.run(sweep, groups: groups, over: communicator, console: console)
            if communicator.isRoot { print(report.text(asJSON: json)) }
        }
    }
}
