import Glibc
import Storage

/// The operating system's count of this process's peak memory.
package enum PeakMemory {
    /// The most memory that was resident at once.
    package static func bytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}

/// The kernel's count of this process's memory at the moment.
package enum ResidentMemory {
    /// All of it; 0 where the system doesn't tell.
    package static func bytes() -> Int {
        let fields = TextFile("/proc/self/statm").lines.first?.split(separator: " ") ?? []
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
    }

    /// That of mapped files below these folders.
    package static func bytes(ofFilesBelow folders: [String]) -> Int {
        let prefixes = folders.map { FileSystem.resolved($0) + "/" }
        var (sum, isCounted) = (0, false)
        for line in TextFile("/proc/self/smaps").lines {
            let words = line.split(separator: " ", maxSplits: 2)
            // "7f00-7f10 r--p 00000000 fe:00 1234   /path" begins a mapping; "Rss:   12 kB" is one of the lines that follow.
            if words[0].contains("-") {
                let path = line.drop { $0 != "/" }
                isCounted = prefixes.contains { path.hasPrefix($0) }
            } else if isCounted, words[0] == "Rss:" {
                sum += (Int(words[1]) ?? 0) << 10
            }
        }
        return sum
    }
}
