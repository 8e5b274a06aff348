import ArgumentParser
import CVector
import Collectives
import Glibc
import Training

/// The command line: parse, call, print.
@main struct Main {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        requireProcessor()
        do {
            var command = try Prefopt.parseAsRoot()
            try command.run()
        } catch {
            // The argument parser's own endings: help and version are results, anything else is the user's input.
            let isWrong = Prefopt.exitCode(for: error) != .success
            guard isRoot else { exit(isWrong ? 2 : 0) }
            let text = Prefopt.fullMessage(for: error)
            if isWrong { Console(speaks: true).line(text) } else { print(text) }
            exit(isWrong ? 2 : 0)
        }
    }

    /// Ends the program on a CPU that doesn't have the instructions it was built for: at the first kernel the system would.
    private static func requireProcessor() {
        #if PREFOPT_AVX512
            let (level, instructions): (Int32, String) = (4, "AVX-512")
        #else
            let (level, instructions): (Int32, String) = (3, "AVX2 and FMA")
        #endif
        guard prefopt_cpu_has_level(level) == 0 else { return }
        Console(speaks: isRoot).line(
            "swift-prefopt: this CPU is too old for the program, which was built for x86-64-v\(level) (\(instructions)); "
                + (level > 3 ? "build it with PREFOPT_CPU_LEVEL=x86-64-v3 launch/setup.sh" : "run it on a newer node"))
        exit(2)
    }

    /// Whether this process speaks for the job, before MPI can say so.
    private static var isRoot: Bool {
        ["OMPI_COMM_WORLD_RANK", "PMIX_RANK"].allSatisfy { (name: String) in
            getenv(name).map { String(cString: $0) == "0" } ?? true
        }
    }
}

struct Prefopt: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swift-prefopt",
        abstract: "Preference optimization of language models on CPU clusters: DPO, SimPO, MODPO.",
        discussion: """
            Every command runs alone or under mpirun / srun, with the same results.
            Exit status: 0 done; 2 wrong input; 3 numbers went non-finite; 4 a rank or node failed; 75 stopped by a signal \
            after saving a checkpoint (run the same command again to go on).
            """,
        version: programVersion,
        subcommands: [
            Train.self, Score.self, Evaluate.self, Generate.self, Tokenize.self, Render.self, Inspect.self, Bench.self,
            Scaling.self, Init.self, Export.self, Merge.self, Example.self,
        ],
        defaultSubcommand: Train.self)
}

/// Runs a command's work on every rank and ends the process with the documented status.
///
/// An error that all ranks share is told by rank 0, and every rank leaves in good order; an error of one rank alone is told
/// by it, and it ends the whole job, whatever the others wait for.
func runJob(_ body: (Communicator, Console) throws -> Void) -> Never {
    let communicator: Communicator
    do {
        communicator = try Communicator()
    } catch {
        Console(speaks: true).line("swift-prefopt: \(error)")
        exit(4)
    }
    let console = Console(speaks: communicator.isRoot)
    do {
        try body(communicator, console)
        communicator.finalize()
        exit(0)
    } catch let failure as SharedFailure {
        leave(communicator, console, failure.status, failure.message)
    } catch let error as TrainingError {
        leave(communicator, console, error.status, error.description)
    } catch {
        console.endProgress()
        Console(speaks: true).line("swift-prefopt: rank \(communicator.rank): \(error)")
        communicator.abort(status: 2)
    }
}

private func leave(_ communicator: Communicator, _ console: Console, _ status: Int32, _ message: String) -> Never {
    console.line("swift-prefopt: \(message)")
    communicator.finalize()
    exit(status)
}
