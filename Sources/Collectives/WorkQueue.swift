import COpenMPI
import Glibc

/// Pieces of work, numbered from 0, for whichever rank asks next: a rank that is slow, or has the longer ones, gets fewer.
///
/// Rank 0 hands them out, a few at a time and fewer towards the end, in the moments in which it asks for one itself or
/// calls `serve`. The others ask for more when they begin with what they have, so that they seldom wait.
package final class WorkQueue {
    private let communicator: Communicator
    private let count: Int
    /// Of rank 0: the first piece that nobody has.
    private var first = 0
    /// Of rank 0: how many ranks have been told that nothing is left.
    private var dismissed = 0
    /// The pieces that this rank has and hasn't begun.
    private var own: Range<Int> = 0..<0
    private var isExhausted = false
    private var reply: UnsafeMutablePointer<Int64>
    private var request: MPI_Request?
    /// Of rank 0: what each of the others has counted.
    private var counts: [Int64]

    /// The work that this rank has got done, in any unit, for rank 0's account.
    package var done = 0

    private static let (asking, answering): (Int32, Int32) = (71, 72)

    /// Collective.
    package init(count: Int, over communicator: Communicator) {
        (self.communicator, self.count) = (communicator, count)
        reply = .allocate(capacity: 2)
        counts = Array(repeating: 0, count: communicator.size)
        if !communicator.isRoot { ask() }
    }

    deinit { reply.deallocate() }

    /// The next piece of this rank.
    ///
    /// - Parameter mayWait: if there is none yet, waits until rank 0 has answered.
    /// - Returns: nil if there is none now; after waiting, none at all.
    package func next(mayWait: Bool) -> Int? {
        if communicator.isRoot {
            serve()
            if own.isEmpty { own = share() }
        } else if own.isEmpty, !isExhausted, hasAnswer(wait: mayWait) {
            own = Int(reply[0])..<Int(reply[1])
            if own.isEmpty { isExhausted = true } else { ask() }
        }
        return own.popFirst()
    }

    /// Answers ranks that have asked. Of the others it does nothing.
    package func serve() {
        guard communicator.isRoot, let world = communicator.world else { return }
        while dismissed < communicator.size - 1 {
            var isThere: Int32 = 0
            MPI_Iprobe(Int32(MPI_ANY_SOURCE), WorkQueue.asking, world, &isThere, prefopt_status_ignore())
            guard isThere != 0 else { return }
            var question: [Int64] = [0, 0]
            MPI_Recv(
                &question, 2, prefopt_int64(), Int32(MPI_ANY_SOURCE), WorkQueue.asking, world, prefopt_status_ignore())
            let rank = Int(question[0])
            counts[rank] = question[1]
            let share = share()
            var answer = [Int64(share.lowerBound), Int64(share.upperBound)]
            MPI_Send(&answer, 2, prefopt_int64(), Int32(rank), WorkQueue.answering, world)
            if share.isEmpty { dismissed += 1 }
        }
    }

    /// The work that all ranks had got done when they last asked. Of rank 0 only.
    package var doneByAll: Int { counts.reduce(done) { $0 + Int($1) } }

    /// Returns when every rank knows that nothing is left. Collective.
    package func close() {
        while communicator.isRoot, dismissed < communicator.size - 1 {
            serve()
            usleep(500)
        }
    }

    /// Half of what is left for one round over all ranks.
    private func share() -> Range<Int> {
        let start = first
        first = Swift.min(count, first + Swift.max(1, (count - first) / (2 * communicator.size)))
        return start..<first
    }

    private func ask() {
        guard let world = communicator.world else { return }
        var question = [Int64(communicator.rank), Int64(done)]
        MPI_Irecv(reply, 2, prefopt_int64(), 0, WorkQueue.answering, world, &request)
        MPI_Send(&question, 2, prefopt_int64(), 0, WorkQueue.asking, world)
    }

    private func hasAnswer(wait: Bool) -> Bool {
        var isDone: Int32 = 0
        MPI_Test(&request, &isDone, prefopt_status_ignore())
        guard wait else { return isDone != 0 }
        RankCalls.waiting {
            while isDone == 0 {
                usleep(500)
                MPI_Test(&request, &isDone, prefopt_status_ignore())
            }
        }
        return true
    }
}
