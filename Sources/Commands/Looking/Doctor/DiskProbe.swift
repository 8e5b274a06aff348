import Collectives
import Glibc
import Machine
import Storage

/// The folder that checkpoints go to: its file system, free space and speed.
package struct DiskProbe: Equatable {
    let path: String
    /// Of /proc/mounts.
    let fileSystem: String
    let freeBytes: Int
    /// Of a file brought to the disk; 0 if it couldn't be written.
    let bytesPerSecond: Double
    /// Why, if it couldn't.
    let failure: String?
    /// Hosts that don't see what rank 0 wrote.
    let blindHosts: [String]

    private static let size = 64 << 20

    /// Writes a file and removes it. Collective.
    init(_ path: String, hosts: [String], over communicator: Communicator) {
        self.path = path
        let mark = FileSystem.join(
            path, ".doctor-" + String(decoding: communicator.broadcast(Array("\(getpid())".utf8)), as: UTF8.self))
        var speed = 0.0
        var failure: String?
        if communicator.isRoot {
            do {
                try FileSystem.makeDirectories(path)
                let bytes = [UInt8](repeating: 0x5A, count: DiskProbe.size)
                let start = SteadyClock.now()
                try AtomicFile.write(bytes, to: mark)
                speed = Double(bytes.count) / (SteadyClock.now() - start)
            } catch {
                failure = "\(error)"
            }
        }
        communicator.barrier()
        let seen = communicator.gather(FileSystem.exists(mark) ? "yes" : "no")
        if communicator.isRoot { try? FileSystem.remove(mark) }
        var blind: [String] = []
        for (host, answer) in zip(hosts, seen) where answer == "no" && !blind.contains(host) { blind.append(host) }
        bytesPerSecond = speed
        self.failure = failure
        blindHosts = failure == nil ? blind : []
        var space = statvfs()
        freeBytes = statvfs(path, &space) == 0 ? Int(space.f_bavail) * Int(space.f_frsize) : 0
        fileSystem = DiskProbe.fileSystem(of: path)
    }

    /// The type of the mount that a path lies on.
    private static func fileSystem(of path: String) -> String {
        guard let mounts = try? FileSystem.read("/proc/mounts") else { return "unknown" }
        let full = FileSystem.resolved(path)
        var best = (length: -1, type: "unknown")
        for line in String(decoding: mounts, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 2 else { continue }
            let point = words[1] == "/" ? "" : String(words[1])
            // The last of equal mount points is the one that is seen.
            if full == point || full.hasPrefix(point + "/"), point.count >= best.length {
                best = (point.count, String(words[2]))
            }
        }
        return best.type
    }

    var json: JSONObject {
        [
            "path": .string(path), "file_system": .string(fileSystem), "free_bytes": .integer(freeBytes),
            "write_bytes_per_second": failure == nil ? .number(bytesPerSecond) : .null,
            "failure": failure.map { .string($0) } ?? .null,
            "unseen_on": .array(blindHosts.map { .string($0) }),
        ]
    }
}
