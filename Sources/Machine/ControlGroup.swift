import Storage

/// The limits that control groups (a container's, Slurm's) set to this process: hwloc knows their CPU sets, not these. Both
/// versions of the kernel's interface are read, and of the groups above the process's own the tightest limit counts.
package struct ControlGroup: Sendable, Equatable {
    /// CPUs' worth of time that the group may use at once; nil: no limit.
    package let processors: Double?
    /// Bytes that the group may still take; nil: no limit.
    package let freeMemory: Int?

    /// Reads the limits as they are now.
    ///
    /// - Parameter root: the folder that /proc and /sys are in, for a test; empty: the machine's.
    package init(root: String = "") {
        let groups = ControlGroup.membership(TextFile("\(root)/proc/self/cgroup"))
        func folders(_ controller: String) -> [TextFolder] {
            groups.filter { $0.controllers.contains(controller) }.flatMap { group in
                ControlGroup.withParents(group.path).map {
                    TextFolder("\(root)/sys/fs/cgroup\(group.mount(controller))\($0)")
                }
            }
        }
        processors = folders("cpu").compactMap(ControlGroup.processors).min()
        freeMemory = folders("memory").compactMap(ControlGroup.freeMemory).min()
    }

    /// One line of /proc/self/cgroup.
    private struct Membership {
        /// "memory", "cpu" …; those of the second version hold all in one.
        let controllers: [String]
        let path: String
        let isUnified: Bool

        func mount(_ controller: String) -> String { isUnified ? "" : "/\(controller)" }
    }

    private static func membership(_ file: TextFile) -> [Membership] {
        file.lines.compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3 else { return nil }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            let controllers = isUnified ? ["cpu", "memory"] : parts[1].split(separator: ",").map(String.init)
            return Membership(controllers: controllers, path: parts[2], isUnified: isUnified)
        }
    }

    /// "/a/b" → "/a/b", "/a", "". In a container the outer ones may not be there, and the last is its own.
    private static func withParents(_ path: String) -> [String] {
        let names = path.split(separator: "/")
        return (0...names.count).reversed().map { names.prefix($0).map { "/\($0)" }.joined() }
    }

    private static func processors(_ folder: TextFolder) -> Double? {
        if let words = folder["cpu.max"].words, words.count == 2, let quota = Double(words[0]),
            let period = Double(words[1])
        {
            return quota / period
        }
        guard let quota = folder["cpu.cfs_quota_us"].number, let period = folder["cpu.cfs_period_us"].number,
            quota > 0, period > 0
        else { return nil }
        return Double(quota) / Double(period)
    }

    private static func freeMemory(_ folder: TextFolder) -> Int? {
        let limit = folder["memory.max"].number ?? folder["memory.limit_in_bytes"].number
        let used = folder["memory.current"].number ?? folder["memory.usage_in_bytes"].number
        // The first version writes no limit as the largest multiple of a page.
        guard let limit, let used, limit < 1 << 60 else { return nil }
        // Files that the group has read are counted as used, but make room when asked.
        let statistics = folder["memory.stat"]
        let cached = statistics.field("total_inactive_file") ?? statistics.field("inactive_file") ?? 0
        return max(0, limit - used + cached)
    }
}
