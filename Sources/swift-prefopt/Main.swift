import ArgumentParser
import Collectives
import Glibc
import Kernels
import Liveness
import Machine
import Training

/// The command line: parse, call, print.
@main struct Main {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        Faults.endProcess(of: Launcher())
        requireProcessor()
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let complaint = CommandName.complaint(
            about: arguments, known: Prefopt.configuration.subcommands.map { $0._commandName })
        {
            refuse("swift-prefopt: \(complaint)")
        }
        do {
            var command = try Prefopt.parseAsRoot()
            try command.run()
        } catch {
            // The argument parser's own endings: help and version are results, anything else is the user's input.
            guard Prefopt.exitCode(for: error) == .success else {
                let text = Prefopt.fullMessage(for: error)
                refuse(CommandName.keyAsOption(in: text).map { "swift-prefopt: \($0)" } ?? text)
            }
            if isRoot { print(Prefopt.fullMessage(for: error)) }
            exit(0)
        }
    }

    /// Ends the job with what is wrong with its command line, told by one rank.
    private static func refuse(_ text: String) -> Never {
        Console(speaks: isRoot).line(text)
        // The launcher ends all ranks when the first is gone: not before that one has spoken.
        if !isRoot { sleep(3) }
        exit(2)
    }

    /// Ends the program on a CPU that lacks the level that it was asked for: at the first kernel the system would.
    private static func requireProcessor() {
        // One of several ranks says so in the preflight, with its host.
        guard let problem = processorProblem, !Preflight.isLaunched else { return }
        refuse("swift-prefopt: \(problem)")
    }

    /// Whether this process speaks for the job, before MPI can say so.
    private static var isRoot: Bool { Launcher().isFirst }
}

/// Why this process can't compute at the CPU level that `PREFOPT_CPU_LEVEL` asks for, if it can't.
var processorProblem: CPULevelError? {
    do throws(CPULevelError) {
        _ = try CPULevel(environment: CPULevel.requestedWord)
        return nil
    } catch {
        return error
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
        version: "swift-prefopt \(programVersion) (commit \(programCommit)), kernels of \(CPULevel.inUse.description), "
            + Communicator.libraryVersion,
        subcommands: [
            Train.self, Iterate.self, Sweep.self, Study.self,
            Score.self, Evaluate.self,
            Generate.self, Chat.self, Annotate.self, Pairs.self, Judge.self,
            ReportRuns.self, Inspect.self, Tokenize.self, Render.self, Keys.self, ImportConfig.self,
            Bench.self, Scaling.self, Doctor.self,
            Init.self, Merge.self, Export.self, Example.self,
        ],
        defaultSubcommand: Train.self)
}
