import Glibc
import Storage

/// How many threads a rank should compute with.
package enum RankThreads {
    /// The cores that this process may use, shared among the ranks of its node unless the launcher already shared them out.
    package static func standard() -> Int {
        let allowed = allowedCores()
        let online = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        guard allowed >= online, let ranks = ranksOnNode(), ranks > 1 else { return max(1, allowed) }
        return max(1, allowed / ranks)
    }

    /// The cores in this process's affinity mask, as the kernel tells it.
    private static func allowedCores() -> Int {
        guard let status = try? FileSystem.read("/proc/self/status") else { return 1 }
        let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
        guard let mask = lines.first(where: { $0.hasPrefix("Cpus_allowed:") }) else { return 1 }
        return max(
            1, mask.dropFirst("Cpus_allowed:".count).compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount })
    }

    /// The ranks that share this node, as far as the launcher says.
    package static func ranksOnNode() -> Int? {
        for name in ["OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE"] {
            if let text = getenv(name), let count = Int(String(cString: text)) { return count }
        }
        return nil
    }
}
