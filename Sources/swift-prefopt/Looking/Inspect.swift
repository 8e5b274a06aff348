import ArgumentParser
import Commands
import Glibc

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What training would see of a run's data: mapping, scored tokens, lengths, drops, duplicates, memory."
    )

    enum Colour: String, ExpressibleByArgument, CaseIterable {
        case auto, always, never
    }

    @OptionGroup var given: RunFileOptions
    @Flag(help: "One JSON object instead of text.") var json = false
    @Option(help: "Pairs to show token by token.") var pairs = 3
    @Option(help: "auto: colours on a terminal, brackets elsewhere and under mpirun; always; never.") var color = Colour
        .auto

    func validate() throws {
        try given.requireFile()
        guard pairs >= 0 else { throw ValidationError("--pairs must be 0 or more.") }
    }

    func run() throws {
        runJob { communicator, _ in
            let file = try given.read(over: communicator)
            // mpirun gives the ranks a terminal of its own, whatever its own output is.
            let isTerminal = isatty(STDOUT_FILENO) == 1 && getenv("OMPI_COMM_WORLD_RANK") == nil
            let isColoured = color == .always || (color == .auto && isTerminal)
            let report = try InspectJob.run(
                file, pairs: pairs, marks: isColoured ? .colour : .brackets, over: communicator)
            if communicator.isRoot { print(report.text(asJSON: json)) }
        }
    }
}
