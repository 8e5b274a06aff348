import Glibc
import Machine

/// The phases that a run's time is told apart by; of those before the first step only a rank that hangs tells.
package enum Phase: String, Sendable, CaseIterable {
    case start, data, load, score, plan, compute, wait, reduce, update, evaluate, save, log
}

/// Seconds spent in each phase, for a step and for the whole run.
package struct PhaseClock {
    package private(set) var step: [Phase: Double] = [:]
    package private(set) var total: [Phase: Double] = [:]

    package init() {}

    package mutating func measure<Value>(_ phase: Phase, _ body: () throws -> Value) rethrows -> Value {
        let start = SteadyClock.now()
        defer { add(SteadyClock.now() - start, to: phase) }
        return try Pulse.during(phase, body)
    }

    package mutating func add(_ seconds: Double, to phase: Phase) {
        step[phase, default: 0] += seconds
        total[phase, default: 0] += seconds
    }

    package mutating func beginStep() { step = [:] }

    /// The table that ends a run: phase, seconds, share.
    package func table(steps: Int) -> [String] {
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
