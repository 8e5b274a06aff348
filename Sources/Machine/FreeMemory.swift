import Storage

/// Memory that this process could still take.
package enum FreeMemory {
    /// What the kernel calls available, or less where a control group (Slurm's, a container's) sets a limit.
    package static func bytes() -> Int {
        var free = field("MemAvailable:", of: "/proc/meminfo").map { $0 << 10 } ?? Int.max
        let group = groupFolder()
        if let limit = number("\(group)/memory.max"), let used = number("\(group)/memory.current") {
            // Files that the group has read are counted as used, but make room when asked.
            let cached = field("inactive_file", of: "\(group)/memory.stat") ?? 0
            free = min(free, max(0, limit - used + cached))
        }
        return free
    }

    /// This process's folder in the control groups' second version.
    private static func groupFolder() -> String {
        let lines = text("/proc/self/cgroup")?.split(separator: "\n") ?? []
        let path = lines.first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) } ?? "/"
        return "/sys/fs/cgroup" + (path == "/" ? "" : path)
    }

    private static func number(_ path: String) -> Int? {
        text(path).flatMap { Int($0.prefix { !$0.isNewline }) }
    }

    private static func field(_ name: String, of path: String) -> Int? {
        text(path)?.split(separator: "\n").first { $0.hasPrefix(name) }
            .flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }
    }

    private static func text(_ path: String) -> String? {
        (try? FileSystem.read(path)).map { String(decoding: $0, as: UTF8.self) }
    }
}
