import Glibc
import Storage

/// Keeps rewards by content: a line `{"key", "reward"}` for each prompt with response, in a file for each source.
///
/// Lines are appended as rewards come, so what a run that ended early has paid for is there when it goes on. A last line that
/// was cut short is passed over.
package final class RewardCache {
    private var known: [String: Double] = [:]
    private let descriptor: Int32
    package let path: String

    /// - Parameters:
    ///   - folder: of the caches; made if it isn't there.
    ///   - source: whatever decides rewards beside the two texts: the SPEC with the content of the files that it names.
    ///   - writer: ranks that write at once have files of their own; all are read.
    /// - Throws: `RewardError.storage`.
    package init(folder: String, source: String, writer: Int) throws(RewardError) {
        let name = Digest.of(Array(source.utf8)).hex.prefix(24)
        do throws(StorageError) {
            try FileSystem.makeDirectories(folder)
            for file in try FileSystem.list(folder) where file.hasPrefix("\(name)-") {
                var lines = try LineReader(path: FileSystem.join(folder, file))
                while let line = try lines.next() {
                    guard let entry = try? JSON.parse(line), let key = entry["key"]?.string,
                        let reward = entry["reward"]?.double
                    else { continue }
                    known[key] = reward
                }
            }
        } catch {
            throw .storage(error)
        }
        path = FileSystem.join(folder, "\(name)-\(writer).jsonl")
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .storage(.system(action: "open", path: path, code: errno)) }
        // A line that was cut short would swallow the next one.
        _ = Glibc.write(descriptor, "\n", 1)
    }

    deinit { close(descriptor) }

    package static func key(of text: RatedText) -> String { Digest.of(Array(text.json.text.utf8)).hex }

    package subscript(text: RatedText) -> Double? { known[Self.key(of: text)] }

    /// - Throws: `RewardError.storage`.
    package func keep(_ reward: Double, of text: RatedText) throws(RewardError) {
        let key = Self.key(of: text)
        known[key] = reward
        let line = JSON.object(["key": .string(key), "reward": .number(reward)]).text + "\n"
        let bytes = Array(line.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw .storage(.system(action: "append", path: path, code: errno))
        }
    }
}
