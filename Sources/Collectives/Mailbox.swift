import COpenMPI
import Glibc

/// Short texts between any two ranks, read when the receiver looks for them: a sender doesn't wait for it.
package final class Mailbox {
    private let world: MPI_Comm?
    private var sending: [(request: MPI_Request?, text: UnsafeMutableBufferPointer<UInt8>)] = []

    private static let tag: Int32 = 73

    package init(over communicator: Communicator) { world = communicator.world }

    /// Sends a text to another rank. Texts of one sender come in their order.
    package func send(_ text: String, to rank: Int) {
        guard let world else { return }
        discardSent()
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        _ = buffer.initialize(from: text.utf8)
        var request: MPI_Request?
        MPI_Isend(
            buffer.baseAddress, Int32(buffer.count), prefopt_byte(), Int32(rank), Mailbox.tag, world, &request)
        sending.append((request, buffer))
    }

    /// The oldest text that has come, with the rank that sent it; nil if none has.
    package func receive() -> (text: String, sender: Int)? {
        guard let world else { return nil }
        var (isThere, count) = (Int32(0), Int32(0))
        var status = MPI_Status()
        MPI_Iprobe(Int32(MPI_ANY_SOURCE), Mailbox.tag, world, &isThere, &status)
        guard isThere != 0 else { return nil }
        MPI_Get_count(&status, prefopt_byte(), &count)
        var bytes = [UInt8](repeating: 0, count: Int(count))
        MPI_Recv(
            &bytes, count, prefopt_byte(), status.MPI_SOURCE, Mailbox.tag, world, prefopt_status_ignore())
        return (String(decoding: bytes, as: UTF8.self), Int(status.MPI_SOURCE))
    }

    /// Waits asleep for the next text.
    package func wait() -> (text: String, sender: Int) {
        RankCalls.waiting {
            while true {
                if let message = receive() { return message }
                discardSent()
                usleep(2000)
            }
        }
    }

    /// Returns when everything sent has been taken.
    package func settle() {
        RankCalls.waiting {
            while !discardSent() { usleep(2000) }
        }
    }

    /// - Returns: whether nothing is on its way any more.
    @discardableResult
    private func discardSent() -> Bool {
        sending.removeAll { message in
            var (request, isDone) = (message.request, Int32(0))
            MPI_Test(&request, &isDone, prefopt_status_ignore())
            if isDone != 0 { message.text.deallocate() }
            return isDone != 0
        }
        return sending.isEmpty
    }
}
