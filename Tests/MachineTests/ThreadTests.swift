import Glibc
import Machine
import Testing

@Suite("Threads and what they share") struct ThreadTests {
    @Test("waiting ends when another thread has changed the value to what is waited for") func monitor() {
        let counter = Monitor(0)
        let threads = (0..<4).compactMap { _ in WorkerThread { for _ in 0..<250 { counter.change { $0 += 1 } } } }
        #expect(threads.count == 4)
        #expect(counter.wait { $0 == 1000 ? $0 : nil } == 1000)
        for thread in threads { thread.join() }
        #expect(counter.change { $0 } == 1000)
    }

    @Test("a thread handles no signal, and has the niceness it was given") func thread() throws {
        let seen = Monitor<(blocked: Bool, niceness: Int32)?>(nil)
        let thread = try #require(
            WorkerThread(niceness: 7) {
                var mask = sigset_t()
                pthread_sigmask(SIG_BLOCK, nil, &mask)
                let blocked = sigismember(&mask, SIGUSR1) == 1
                seen.change { $0 = (blocked, getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)) }
            })
        let found = seen.wait { $0 }
        thread.join()
        #expect(found.blocked && found.niceness == 7)
    }
}
