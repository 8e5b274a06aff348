import Glibc

/// A thread of this process. It handles no signal: those are the main thread's.
package final class WorkerThread: @unchecked Sendable {
    private var thread: pthread_t?

    private final class Work {
        let niceness: Int32
        let body: () -> Void

        init(niceness: Int32, _ body: @escaping () -> Void) { (self.niceness, self.body) = (niceness, body) }
    }

    /// Starts a thread. What is given to it must be fit for it: the compiler doesn't look.
    ///
    /// - Parameters:
    ///   - niceness: as `nice` counts it; 0 is as the process.
    ///   - body: is kept until it has returned.
    /// - Returns: nil where the system has no thread to give; nothing has been done then.
    package init?(niceness: Int32 = 0, _ body: @escaping () -> Void) {
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(niceness: niceness, body))
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                // Linux counts niceness by thread.
                if work.niceness != 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, work.niceness) }
                work.body()
                return nil
            }, work.toOpaque())
        guard status == 0 else {
            work.release()
            return nil
        }
        self.thread = thread
    }

    /// Waits until it has ended.
    package func join() {
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }

    /// A thread that nobody has joined goes on by itself.
    deinit {
        if let thread { pthread_detach(thread) }
    }
}
