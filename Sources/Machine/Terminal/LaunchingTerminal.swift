import Glibc

/// The terminal that an MPI launcher was started in. A rank's standard error is a pipe to its launcher, which passes on
/// every byte; so a line that rewrites itself works there too.
enum LaunchingTerminal {
    private static let launchers: Set<String> = ["mpirun", "mpiexec", "orterun", "prterun", "prte"]

    /// Whether a process is a launcher on this node whose standard error is a terminal. It must pass on what it gets as it
    /// is: with tags or times before each line a live line would be torn.
    static func shows(launcher process: pid_t) -> Bool {
        let name = TextFile("/proc/\(process)/comm").lines.first ?? ""
        guard launchers.contains(String(name)) else { return false }
        let changes = [
            "OMPI_MCA_orte_tag_output", "OMPI_MCA_orte_timestamp_output", "OMPI_MCA_orte_output_filename",
            "OMPI_MCA_orte_xml_output",
        ]
        guard !changes.contains(where: { environment($0) != nil }) else { return false }
        var target = [CChar](repeating: 0, count: 256)
        let count = readlink("/proc/\(process)/fd/2", &target, target.count - 1)
        guard count > 0 else { return false }
        let path = String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.hasPrefix("/dev/pts/") || path.hasPrefix("/dev/tty")
    }
}
