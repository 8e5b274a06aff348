import Glibc
import Machine
import Synchronization

/// The phases that a run's time is told apart by.
package enum Phase: String, Sendable, CaseIterable {
    case start, data, load, score, plan, compute, wait, reduce, update, evaluate, save, log
}

/// Seconds spent in each phase, for a step and for the whole run.
package struct PhaseClock: Sendable {
    package private(set) var step: [Phase: Double] = [:]
    package private(set) var total: [Phase: Double] = [:]
    /// On the steady clock.
    private var beginning = SteadyClock.now()

    package init() {}

    private static let hasStarted = Atomic<Bool>(false)

    /// A clock that has been running since the process began: the time until now was `start`'s. For a later run of the same
    /// process it begins now.
    package static func sinceProcessBegan() -> PhaseClock {
        var clock = PhaseClock()
        guard !hasStarted.exchange(true, ordering: .relaxed) else { return clock }
        let age = SteadyClock.processAge()
        clock.beginning -= age
        clock.total[.start] = age
        return clock
    }

    /// Seconds since the clock began.
    package var elapsed: Double { SteadyClock.now() - beginning }

    /// Seconds by phase, and as "other" those in between; their sum is `elapsed`.
    package var parts: [(name: String, seconds: Double)] {
        var parts: [(name: String, seconds: Double)] = []
        for phase in Phase.allCases {
            if let seconds = total[phase], seconds > 0 { parts.append((phase.rawValue, seconds)) }
        }
        parts.append(("other", max(0, elapsed - total.values.reduce(0, +))))
        return parts
    }

    package mutating func measure<Value>(_ phase: Phase, _ body: () throws -> Value) rethrows -> Value {
        let start = SteadyClock.now()
        defer { add(SteadyClock.now() - start, to: phase) }
        return try RunProgress.during(phase, body)
    }

    package mutating func add(_ seconds: Double, to phase: Phase) {
        step[phase, default: 0] += seconds
        total[phase, default: 0] += seconds
    }

    package mutating func beginStep() { step = [:] }

    /// The table that ends a run: phase, seconds, share, and of what belongs to the steps how much a step takes.
    package func table(steps: Int) -> [String] {
        let ofSteps: Set<Phase> = [.plan, .compute, .wait, .reduce, .update, .evaluate, .save, .log]
        let all = elapsed
        var lines = ["time per phase      seconds   share   per step"]
        for (name, seconds) in parts {
            var line = "  \(pad(name, 14)) \(pad(fixed(seconds, 2), -11)) "
            line += "\(pad(fixed(100 * seconds / max(all, 1e-9), 1), -6)) %"
            if let phase = Phase(rawValue: name), ofSteps.contains(phase) {
                line += " \(pad(fixed(1000 * seconds / Double(max(1, steps)), 2), -9)) ms"
            }
            lines.append(line)
        }
        return lines + ["  \(pad("all", 14)) \(pad(fixed(all, 2), -11))"]
    }
}
