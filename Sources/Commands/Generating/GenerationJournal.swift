import Collectives
import Machine
import Storage
import Training

/// The rows that a generation finishes before its output is written: in a folder beside that, `OUTPUT.partial`, from
/// which the same command goes on after whatever ended it.
///
/// `command.json` says whose folder it is. Each rank appends its continuations, a line each, to a file of its own; a line that
/// was cut short is passed over.
final class GenerationJournal {
    /// The rows that were finished before, the same on every rank.
    let known: [RowContinuation]
    /// When the command was first started, in seconds since 1970.
    let started: Double
    private let folder: String
    private let file: Appended
    /// Of rank 0, which keeps another run out.
    private let claim: Claim?

    /// - Parameters:
    ///   - output: the file to be written in the end.
    ///   - identity: of the command; read on rank 0 only.
    /// - Throws: on every rank alike, also where the folder is another command's. Collective.
    init(for output: String, _ identity: JSONObject, over communicator: Communicator) throws {
        let folder = output + ".partial"
        let claim = try communicator.onRoot { try Claim(folder, identity, output: output) }
        started = communicator.broadcast(claim?.started ?? 0)
        let words = (claim?.known ?? []).flatMap(\.words)
        let all = communicator.broadcast(words.withUnsafeBytes { Array($0) })
        known = RowContinuation.list(of: all.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) })
        file = try communicator.failingTogether {
            try Appended(FileSystem.join(folder, "\(communicator.rank).jsonl"))
        }
        (self.folder, self.claim) = (folder, claim)
    }

    /// Appends a continuation.
    /// - Throws: `StorageError`.
    func keep(_ continuation: RowContinuation) throws(StorageError) { try file.add(continuation.json.text) }

    /// Removes the folder: the output is there.
    /// - Throws: `StorageError`.
    func remove() throws(StorageError) { try FileSystem.removeTree(folder) }

    /// A file that lines are added to.
    private final class Appended {
        private let file: OpenFile

        init(_ path: String) throws(StorageError) {
            file = try OpenFile(appendingTo: path)
            // A line that was cut short would swallow the next one.
            try add("")
        }

        func add(_ line: String) throws(StorageError) {
            let bytes = Array((line + "\n").utf8)
            try bytes.withUnsafeBufferPointer { buffer throws(StorageError) in
                try file.write(UnsafeRawBufferPointer(buffer))
            }
        }
    }

    /// The folder, claimed for this command.
    private final class Claim {
        var known: [RowContinuation] = []
        let started: Double
        private let lock: DirectoryLock

        private static let commandFile = "command.json"

        init(_ folder: String, _ identity: JSONObject, output: String) throws {
            let isNew = !FileSystem.exists(folder)
            try FileSystem.makeDirectories(folder)
            lock = try DirectoryLock(folder)
            let path = FileSystem.join(folder, Claim.commandFile)
            guard FileSystem.exists(path) else {
                let others = try FileSystem.list(folder).filter { !$0.hasPrefix(".") }
                guard isNew || others.isEmpty else {
                    throw TrainingError.input(
                        "\(folder): holds \(others[0]) and no \(Claim.commandFile), so it isn't what a generation left; it is "
                            + "where this one would keep what is finished: move it, or choose another --output")
                }
                started = WallClock.now()
                let content: JSONObject = ["command": .object(identity), "started": .number(started)]
                try AtomicFile.write(JSON.object(content).prettyText, to: path)
                return
            }
            let left = try? JSON.parse(FileSystem.read(path))
            guard let before = left?["command"]?.object, let started = left?["started"]?.double else {
                throw TrainingError.input(
                    "\(path): can't be read as what a generation left; remove \(folder) to begin anew")
            }
            self.started = started
            if let difference = Claim.difference(before, identity) {
                throw TrainingError.input(
                    "\(folder): another command has begun to write \(output): \(difference); run that command again to "
                        + "finish it, remove the folder, or choose another --output")
            }
            for name in try FileSystem.list(folder) where name.hasSuffix(".jsonl") {
                var lines = try LineReader(path: FileSystem.join(folder, name))
                while let line = try lines.next() {
                    if let continuation = RowContinuation(line: line) { known.append(continuation) }
                }
            }
        }

        /// The difference of two commands in words; nil: none.
        private static func difference(_ before: JSONObject, _ now: JSONObject) -> String? {
            let names = before.names + now.names.filter { before[$0] == nil }
            let differing = names.filter { before[$0] != now[$0] }
            guard !differing.isEmpty else { return nil }
            func said(_ value: JSON?) -> String { value.map { String($0.text.prefix(20)) } ?? "none" }
            return differing.map { "its \($0) is \(said(before[$0])), here \(said(now[$0]))" }.joined(separator: ", ")
        }
    }
}
