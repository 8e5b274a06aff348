import Collectives
import Machine
import Storage

/// The main thread seen from another one: how long since it last got on, and how long it has waited for other ranks.
package struct MainThread {
    private let clock = ThreadClock()
    private let threadsAreAwaited: @Sendable () -> Bool
    private var last = Look()
    private var movedAt: Double
    private var changedAt: Double

    private struct Look: Equatable {
        /// In nanoseconds.
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
            processorTime: clock?.nanoseconds() ?? 0, calls: RankCalls.finished, diskMoves: DiskActivity.count,
            phase: RunProgress.phase, step: RunProgress.step)
        let isInside = RankCalls.isInside
        let isWaiting = isInside || look.phase == .wait || look.phase == .reduce
        var timeless = look
        timeless.processorTime = last.processorTime
        if timeless != last { (movedAt, changedAt) = (now, now) }
        if isWaiting || clock == nil { movedAt = now }
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
}
