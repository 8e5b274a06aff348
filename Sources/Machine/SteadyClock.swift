import Glibc
import Storage

/// Tells seconds on a clock that only goes forward.
package enum SteadyClock {
    package static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Seconds since this process began, to a hundredth; 0 where the system doesn't tell.
    package static func processAge() -> Double {
        // Field 22, counted from 1: when the process began, in ticks since the machine did. Names stand in parentheses.
        let text = (try? FileSystem.read("/proc/self/stat")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let fields = (text.split(separator: ")").last ?? "").split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return 0 }
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        let now = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        return max(0, now - ticks / Double(sysconf(Int32(_SC_CLK_TCK))))
    }
}
