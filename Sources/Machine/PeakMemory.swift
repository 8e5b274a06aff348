import Glibc

/// What the operating system counted of this process.
package enum PeakMemory {
    /// The most memory that was resident at once.
    package static func bytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}
