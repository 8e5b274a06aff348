import ArgumentParser
import Commands

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "What this node or job really has: MPI, BLAS, cores and binding, memory, links, disk; and what is wrong.",
        discussion: "Start it as the run will be started: under the same mpirun or srun, with the same run file.")

    @OptionGroup var given: RunFileOptions
    @Option(help: "The folder to try; default: the run's output_dir, else the current one.") var output: String?
    @Flag(help: "One JSON object instead of tables.") var json = false

    func validate() throws { try given.requireFileForOverrides() }

    func run() throws {
        runJob(needsOneJob: false) { communicator, _ in
            let file = try given.readIfGiven(over: communicator)
            let report = try DoctorJob.run(
                threads: file?.machine.threadsPerRank, folder: output ?? file?.model.outputDirectory ?? ".",
                over: communicator)
            if communicator.isRoot { print(report.text(asJSON: json)) }
        }
    }
}
