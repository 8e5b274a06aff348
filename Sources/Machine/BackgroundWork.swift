import Synchronization

/// One piece of work at a time on a thread of its own, behind those that compute, or with `isUrgent` among them.
package final class BackgroundWork: @unchecked Sendable {
    private var thread: WorkerThread?
    private var body: () throws -> Void = {}
    private var failure: (any Error)?
    private let over = Atomic<Bool>(true)

    private let isUrgent: Bool

    package init(isUrgent: Bool = false) { self.isUrgent = isUrgent }

    /// With this niceness a thread gets a thirtieth of a core that another one wants too, and all of a core that is free.
    private static let niceness: Int32 = 15

    /// Whether what was started has ended, well or not.
    package var isOver: Bool { over.load(ordering: .acquiring) }

    /// Whether it ended in an error that nobody has waited for. Only once it is over.
    package var hasFailed: Bool { failure != nil }

    /// Starts a piece of work; the one before must have been waited for. Where the system has no thread to give it is done
    /// at once.
    package func start(_ body: @escaping () throws -> Void) {
        self.body = body
        over.store(false, ordering: .releasing)
        thread = WorkerThread(niceness: isUrgent ? 0 : BackgroundWork.niceness) { [unowned self] in perform() }
        if thread == nil { perform() }
    }

    /// Returns when the work is done.
    /// - Throws: what it threw, once.
    package func wait() throws {
        thread?.join()
        thread = nil
        defer { failure = nil }
        if let failure { throw failure }
    }

    deinit { thread?.join() }

    private func perform() {
        do { try body() } catch {
            failure = error
            // The run shall not go on for hours without anything being saved: at its next step it ends and tells why.
            StopSignal.request()
        }
        body = {}
        over.store(true, ordering: .releasing)
    }
}
