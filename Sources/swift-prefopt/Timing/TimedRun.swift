import ArgumentParser
import Collectives
import Commands

/// A run some steps of which are timed: what `bench` and `scaling` are given.
struct TimedRun: ParsableArguments {
    @OptionGroup var given: RunFileOptions
    @Option(help: "Steps to time, after one that isn't.") var steps = 5

    func validate() throws {
        guard steps > 0 else { throw ValidationError("--steps must be positive.") }
    }

    /// The run of a file, what it leaves out made up. Collective.
    func made(from path: String, over communicator: Communicator) throws -> SyntheticRun {
        try communicator.failingTogether {
            try SyntheticRun(path, overrides: given.overrides + ["max_steps=\(steps + 1)"], steps: steps + 1)
        }
    }
}
