import ArgumentParser
import Collectives
import Commands
import Training

/// A run some steps of which are timed: what `bench` and `scaling` are given.
struct TimedRun: ParsableArguments {
    @Argument(help: .init("The run file.", valueName: "run.yaml")) var runFile: String?
    @Option(help: "Steps to time, after one that isn't.") var steps = 5
    @Option(name: .customLong("set"), help: "Override a key of the run file: --set key=value.") var overrides:
        [String] = []

    func validate() throws {
        guard steps > 0 else { throw ValidationError("--steps must be positive.") }
    }

    /// The run file as it was given, or the embedded example's, unpacked. Collective.
    func path(over communicator: Communicator) throws -> String {
        let path = try communicator.failingTogether {
            try runFile ?? EmbeddedExample.unpack(to: EmbeddedExample.folder, communicator.isRoot)
        }
        communicator.barrier()
        return path
    }

    /// The run of a file, what it leaves out made up. Collective.
    func made(from path: String, over communicator: Communicator) throws -> SyntheticRun {
        try communicator.failingTogether {
            try SyntheticRun(path, overrides: overrides + ["max_steps=\(steps + 1)"], steps: steps + 1)
        }
    }
}
