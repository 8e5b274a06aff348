import Glibc
import Storage

/// The system call that the main thread of this process stands in, for the message that says what it waits for.
package enum BlockedCall {
    /// By number, on x86-64; those that name a file by its descriptor.
    private static let calls = [
        0: "read", 1: "write", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev", 73: "flock", 74: "fsync",
        75: "fdatasync", 77: "ftruncate", 217: "getdents64",
    ]
    private static let opening = [2: "open", 257: "openat", 4: "stat", 262: "newfstatat"]

    /// "in read of /data/train.jsonl", or nothing where the kernel doesn't say.
    package static func description() -> String {
        guard let bytes = try? FileSystem.read("/proc/self/task/\(getpid())/syscall") else { return "" }
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard let first = words.first, let number = Int(first) else { return "" }
        // A page of a mapped file that isn't there yet: no call, and asleep all the same.
        if number < 0 { return "in a page of a mapped file" }
        if let name = opening[number] { return "in \(name) of a file" }
        guard let name = calls[number], words.count > 1 else { return "in system call \(number)" }
        let descriptor = Int(words[1].dropFirst(2), radix: 16) ?? 0
        var target = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
        guard length > 0 else { return "in \(name)" }
        return "in \(name) of " + target.withUnsafeBytes { String(decoding: $0.prefix(length), as: UTF8.self) }
    }
}
