/// Memory of this machine that is still to be had.
package enum FreeMemory {
    /// Bytes that the kernel calls available, or fewer where a control group sets a limit. They are the whole machine's, or the
    /// whole group's: ranks of a node share them.
    package static func bytes() -> Int {
        let machine = TextFile("/proc/meminfo").field("MemAvailable:").map { $0 << 10 } ?? .max
        return min(machine, ControlGroup().freeMemory ?? .max)
    }
}
