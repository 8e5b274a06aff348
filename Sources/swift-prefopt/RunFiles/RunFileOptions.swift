import ArgumentParser
import Collectives
import Commands
import RunFiles
import Storage

/// A run file and what is changed of it: what commands that look at a run are given.
struct RunFileOptions: ParsableArguments {
    @Argument(help: .init("The run file (YAML or JSON).", valueName: "run.yaml")) var path: String?
    @Option(name: .customLong("set"), help: "Override a key of the run file: --set key=value.")
    var overrides: [String] = []

    /// Refuses a command line without a run file, for commands that can't do without.
    func requireFile() throws {
        guard path != nil else { throw ValidationError("Missing expected argument '<run.yaml>'.") }
    }

    /// Refuses overrides of nothing.
    func requireFileForOverrides() throws {
        guard path != nil || overrides.isEmpty else { throw ValidationError("--set needs a run file.") }
    }

    /// The run file that was named; nil if none was. Collective.
    func readIfGiven(over communicator: Communicator) throws -> RunFile? {
        try communicator.failingTogether { try path.map { try read($0) } }
    }

    /// The run file that was named and checked for by `requireFile`. Collective.
    func read(over communicator: Communicator) throws -> RunFile {
        try communicator.failingTogether { try read(path ?? "") }
    }

    /// A run file with the overrides.
    func read(_ path: String) throws -> RunFile {
        try RunFile(bytes: FileSystem.read(path), file: path, overrides: overrides)
    }

    /// The run file that was named, else one of `usual` that is there, else the embedded example's, unpacked. Collective.
    func path(orElse usual: String? = nil, over communicator: Communicator) throws -> String {
        let chosen = try communicator.failingTogether { () throws -> String in
            if let path { return path }
            if let usual, FileSystem.exists(usual) { return usual }
            return try EmbeddedExample.unpack(to: EmbeddedExample.folder, communicator.isRoot)
        }
        communicator.barrier()
        return chosen
    }
}
