import Glibc

/// The phases that a run's time is told apart by; of those before the first step only a rank that hangs tells.
public enum Phase: String, Sendable, CaseIterable {
    case start, data, load, score, plan, compute, wait, reduce, update, evaluate, save, log
}

/// Seconds spent in each phase, for a step and for the whole run.
struct PhaseClock {
    private(set) var step: [Phase: Double] = [:]
    private(set) var total: [Phase: Double] = [:]

    /// Seconds on a clock that only goes forward.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    mutating func measure<Value>(_ phase: Phase, _ body: () throws -> Value) rethrows -> Value {
        let start = PhaseClock.now()
        defer { add(PhaseClock.now() - start, to: phase) }
        return try Pulse.during(phase, body)
    }

    mutating func add(_ seconds: Double, to phase: Phase) {
        step[phase, default: 0] += seconds
        total[phase, default: 0] += seconds
    }

    mutating func beginStep() { step = [:] }

    /// The table that ends a run: phase, seconds, share.
    func table(steps: Int) -> [String] {
        let all = total.values.reduce(0, +)
        guard all > 0 else { return [] }
        return ["time per phase      seconds   share   per step"]
            + Phase.allCases.compactMap { phase in
                guard let seconds = total[phase], seconds > 0 else { return nil }
                return "  \(pad(phase.rawValue, 14)) \(pad(fixed(seconds, 2), -11)) "
                    + "\(pad(fixed(100 * seconds / all, 1), -6)) % \(pad(fixed(1000 * seconds / Double(max(1, steps)), 2), -9)) ms"
            }
    }
}
