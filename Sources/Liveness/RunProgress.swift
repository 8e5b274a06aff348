import Collectives
import Glibc
import Storage
import Synchronization

/// What the main thread of this process is doing, as the thread that watches it sees it. Like the note that a signal
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

/// The main thread seen from another one: how long since it last got on, and how long it has waited for other ranks.
package struct MainThread {
    private var clock = clockid_t()
    private let hasClock: Bool
    private let threadsAreAwaited: @Sendable () -> Bool
    private var last = Look()
    private var movedAt: Double
    private var changedAt: Double

    private struct Look: Equatable {
        var processorTime = 0
        var calls = 0
        var diskMoves = 0
        var phase = Phase.start
        var step = 0
    }

    /// Watches the thread that calls.
    /// - Parameter threadsAreAwaited: whether it only turns on the spot until the threads beside it are done.
    package init(at now: Double, threadsAreAwaited: @escaping @Sendable () -> Bool) {
        self.threadsAreAwaited = threadsAreAwaited
        hasClock = pthread_getcpuclockid(pthread_self(), &clock) == 0
        (movedAt, changedAt) = (now, now)
    }

    /// Seconds without a move, and seconds inside one wait for others.
    ///
    /// A thread moves when it uses the processor: a long computation, a slow disk that still gives bytes, a large file being
    /// parsed all do; and while any thread of the process still moves bytes to or from a disk, since it may wait for that one.
    /// It doesn't inside a read that never returns. While it only waits for the threads beside it, or for
    /// other ranks, its turning on the spot is no move.
    package mutating func look(at now: Double) -> (still: Double, waiting: Double) {
        let look = Look(
            processorTime: processorTime(), calls: RankCalls.finished, diskMoves: DiskActivity.count,
            phase: RunProgress.phase, step: RunProgress.step)
        let isInside = RankCalls.isInside
        let isWaiting = isInside || look.phase == .wait || look.phase == .reduce
        var timeless = look
        timeless.processorTime = last.processorTime
        if timeless != last { (movedAt, changedAt) = (now, now) }
        if isWaiting || !hasClock { movedAt = now }
        if look.processorTime != last.processorTime, !threadsAreAwaited() { movedAt = now }
        if !isWaiting { changedAt = now }
        last = look
        return (now - movedAt, now - changedAt)
    }

    /// Time during which nobody looked counts for nothing.
    package mutating func forgive(_ seconds: Double) {
        movedAt += seconds
        changedAt += seconds
    }

    /// In nanoseconds.
    private func processorTime() -> Int {
        var time = timespec()
        guard hasClock, clock_gettime(clock, &time) == 0 else { return 0 }
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
