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

/// Tells the processor time that one thread has used, also to others.
package struct ThreadClock: Sendable {
    private let clock: clockid_t

    /// Of the thread that calls; nil where the system has no such clock.
    package init?() {
        var clock = clockid_t()
        guard pthread_getcpuclockid(pthread_self(), &clock) == 0 else { return nil }
        self.clock = clock
    }

    /// nil when the thread is gone.
    package func nanoseconds() -> Int? {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return nil }
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
