import Synchronization

/// The main thread's progress, as the thread that watches it sees it. Like the note that a signal
/// leaves it belongs to the process, not to a value.
package enum RunProgress {
    private static let phaseIndex = Atomic<Int>(0)
    private static let stepsDone = Atomic<Int>(0)
    private static let givenLimit = Atomic<UInt64>(0)
    private static let usualStep = Atomic<UInt64>(0)

    package static var phase: Phase { Phase.allCases[phaseIndex.load(ordering: .relaxed)] }

    /// Steps that this run has taken.
    package static var step: Int { stepsDone.load(ordering: .relaxed) }

    /// - Returns: the phase that was left.
    @discardableResult
    package static func enter(_ phase: Phase) -> Phase {
        let index = Phase.allCases.firstIndex(of: phase) ?? 0
        return Phase.allCases[phaseIndex.exchange(index, ordering: .relaxed)]
    }

    /// Runs something as a phase, and goes back to the one before.
    package static func during<Value>(_ phase: Phase, _ body: () throws -> Value) rethrows -> Value {
        let before = enter(phase)
        defer { enter(before) }
        return try body()
    }

    // MARK: - Patience

    /// `hang_timeout` in seconds, or 0 for the default.
    package static var hangTimeout: Double {
        get { Double(bitPattern: givenLimit.load(ordering: .relaxed)) }
        set { givenLimit.store(newValue.bitPattern, ordering: .relaxed) }
    }

    /// A step is done.
    /// - Parameter usual: seconds of the median of those before.
    package static func finishStep(usual: Double) {
        stepsDone.add(1, ordering: .relaxed)
        usualStep.store(usual.bitPattern, ordering: .relaxed)
    }

    /// Seconds for which nothing need be heard of a rank. Its watching thread speaks also while its main thread computes or
    /// waits, so this has nothing to do with how long anything takes.
    package static var silenceLimit: Double { hangTimeout > 0 ? hangTimeout : 60 }

    /// Seconds that a main thread may stand still, and that all ranks may wait for each other at once.
    package static func stillnessLimit(in phase: Phase) -> Double {
        let isOnDisk = [.start, .data, .load, .save].contains(phase)
        guard hangTimeout > 0 else {
            return isOnDisk ? 600 : max(60, 20 * Double(bitPattern: usualStep.load(ordering: .relaxed)))
        }
        // One call that brings gigabytes to a slow disk stands still and lives.
        return phase == .save ? 6 * hangTimeout : hangTimeout
    }
}
