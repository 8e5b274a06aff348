import ArgumentParser
import Commands
import RunFiles
import Storage
import Training

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "What this node or job really has: MPI, BLAS, cores and binding, memory, links, disk; and what is wrong.",
        discussion: "Start it as the run will be started: under the same mpirun or srun, with the same run file.")

    @Argument(help: .init("The run file: its threads_per_rank and output_dir.", valueName: "run.yaml")) var runFile:
        String?
    @Option(help: "The folder to try; default: the run's output_dir, else the current one.") package var output: String?
    @Flag(help: "One JSON object instead of tables.") var json = false
    @Option(name: .customLong("set"), help: "Override a key of the run file: --set key=value.") var overrides:
        [String] = []

    func validate() throws {
        guard runFile != nil || overrides.isEmpty else { throw ValidationError("--set needs a run file.") }
    }

    func run() throws {
        runJob(needsOneJob: false) { communicator, _ in
            let file = try communicator.failingTogether {
                try runFile.map { try RunFile(bytes: FileSystem.read($0), file: $0, overrides: overrides) }
            }
            let report = try DoctorJob.run(
                threads: file?.machine.threadsPerRank, folder: output ?? file?.model.outputDirectory ?? ".",
                over: communicator)
            guard communicator.isRoot else { return }
            print(json ? JSON.object(report.json).text : report.lines.joined(separator: "\n"))
        }
    }
}
