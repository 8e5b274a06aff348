import CFaults
import Machine

/// The end of a process that a fault, or a signal like one, ends.
package enum Faults {
    /// Seconds that the search for where the fault was may take: a job's other ranks wait for its end.
    private static let limit: UInt32 = 10

    /// From now on a fault ends this process with status 4 and a line that names the rank, host and signal, followed by where
    /// the threads stood. The launcher ends the other ranks on seeing the status.
    package static func endProcess(of launcher: Launcher) {
        let rank = launcher.rank.map { "rank \($0) on \(hostName()): " } ?? ""
        prefopt_end_on_faults(
            "swift-prefopt: \(rank)ended by ",
            "; run the same command again to go on from the newest checkpoint. Where it stood:", 4, limit)
    }
}
