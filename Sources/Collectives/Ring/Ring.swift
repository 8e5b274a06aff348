import COpenMPI

/// Ranks of different nodes in a circle: each sends to the next and receives from the one before. A vector of b bytes costs
/// each link 2 (n − 1)/n · b bytes, the least there is, and all links are busy at once.
///
/// A block goes around in pieces, several under way at a time: the next rank has the first of them while the last is still
/// being sent.
package final class Ring {
    /// This rank's place in the circle.
    package let position: Int
    package let size: Int
    private let lane: MPI_Comm
    /// Room for the pieces under way: of those that arrive, then of those that leave encoded.
    private let room: UnsafeMutableRawPointer

    /// Of the pieces under way in one direction, of a long piece and of a short one.
    private static let roomBytes = 4 << 20
    private static let mostPieceBytes = 1 << 20
    /// Shorter than what Open MPI's TCP sends at once: a longer message waits until its receiver has looked and answered.
    private static let leastPieceBytes = 1 << 15
    /// In a block, if it is long enough: while the first are already sent on, the last are still on their way.
    private static let piecesPerBlock = 16
    private static let mostDepth = 32

    package init(_ lane: MPI_Comm) {
        var (rank, size): (Int32, Int32) = (0, 1)
        MPI_Comm_rank(lane, &rank)
        MPI_Comm_size(lane, &size)
        (position, self.size, self.lane) = (Int(rank), Int(size), lane)
        room = UnsafeMutableRawPointer.allocate(byteCount: 2 * Ring.roomBytes, alignment: 4096)
    }

    deinit { room.deallocate() }

    /// Block p, on the rank at position p, becomes the sum of what all ranks have there; the rest of `x` is left worthless.
    /// Collective among the ranks of the ring.
    package func sum<Encoding: WireEncoding>(
        _ x: UnsafeMutablePointer<Encoding.Element>, _ blocks: [[Range<Int>]], as encoding: Encoding.Type
    ) {
        let pieces = pieces(of: blocks, encoding)
        let ahead = (1..<size).map { pieces[back($0)] }
        let behind = (1..<size).map { pieces[back($0 + 1)] }
        circulate(x, outgoing: Array(ahead.joined()), incoming: Array(behind.joined()), ready: ahead[0].count, encoding)
        {
            Encoding.add($0, to: $1, count: $2)
        }
    }

    /// Block p as the rank at position p has it, on all ranks. Collective among the ranks of the ring.
    package func gather<Encoding: WireEncoding>(
        _ x: UnsafeMutablePointer<Encoding.Element>, _ blocks: [[Range<Int>]], as encoding: Encoding.Type
    ) {
        let pieces = pieces(of: blocks, encoding)
        let ahead = (0..<size - 1).map { pieces[back($0)] }
        let behind = (0..<size - 1).map { pieces[back($0 + 1)] }
        circulate(x, outgoing: Array(ahead.joined()), incoming: Array(behind.joined()), ready: ahead[0].count, encoding)
        {
            Encoding.decode($0, into: $1, count: $2)
        }
    }

    /// The position so many places before this one.
    private func back(_ places: Int) -> Int { (position - places + 2 * size) % size }

    /// The blocks in pieces, cut alike by all ranks of the ring.
    private func pieces<Encoding: WireEncoding>(of blocks: [[Range<Int>]], _ encoding: Encoding.Type) -> [[Range<Int>]]
    {
        let stride = MemoryLayout<Encoding.Element>.stride
        let bytes = stride * blocks.joined().reduce(0) { $0 + $1.count } / (size * Ring.piecesPerBlock)
        let length = min(Ring.mostPieceBytes, max(Ring.leastPieceBytes, bytes)) / stride
        return blocks.map { Pieces.cut($0, length: length) }
    }

    /// Sends and receives pieces in order. The first `ready` outgoing ones can go at once; each one after them is what came
    /// in `ready` places before it.
    private func circulate<Encoding: WireEncoding>(
        _ x: UnsafeMutablePointer<Encoding.Element>, outgoing: [Range<Int>], incoming: [Range<Int>], ready: Int,
        _ encoding: Encoding.Type,
        _ take: (UnsafePointer<Encoding.Encoded>, UnsafeMutablePointer<Encoding.Element>, Int) -> Void
    ) {
        let longest = max(1, (outgoing + incoming).map(\.count).max() ?? 0)
        let capacity = Ring.roomBytes / MemoryLayout<Encoding.Encoded>.stride
        // Neighbours may differ in it: a message that comes too early is kept.
        let depth = min(Ring.mostDepth, capacity / longest)
        let next = Int32((position + 1) % size)
        let last = Int32((position + size - 1) % size)
        var receives = [MPI_Request?](repeating: prefopt_request_null(), count: depth)
        var sends = receives
        func buffer(_ number: Int) -> UnsafeMutablePointer<Encoding.Encoded> {
            room.bindMemory(to: Encoding.Encoded.self, capacity: 2 * capacity) + number * longest
        }
        func bytes(_ piece: Range<Int>) -> Int32 { Int32(piece.count * MemoryLayout<Encoding.Encoded>.stride) }
        func receive(_ number: Int) {
            guard number < incoming.count else { return }
            MPI_Irecv(
                buffer(number % depth), bytes(incoming[number]), prefopt_byte(), last, 0, lane,
                &receives[number % depth])
        }
        var sent = 0
        func send(upTo available: Int) {
            while sent < min(available, outgoing.count) {
                let (place, piece) = (sent % depth, outgoing[sent])
                wait(&sends[place])
                var source = UnsafeRawPointer(x + piece.lowerBound)
                if !Encoding.isVerbatim {
                    let encoded = buffer(depth + place)
                    Encoding.encode(x + piece.lowerBound, into: encoded, count: piece.count)
                    source = UnsafeRawPointer(encoded)
                }
                MPI_Isend(source, bytes(piece), prefopt_byte(), next, 0, lane, &sends[place])
                sent += 1
            }
        }

        for number in 0..<depth { receive(number) }
        for (number, piece) in incoming.enumerated() {
            // Never more than `depth` ahead of what has come in: waiting for a send would keep this rank from receiving.
            send(upTo: min(ready + number, number + depth))
            wait(&receives[number % depth])
            take(buffer(number % depth), x + piece.lowerBound, piece.count)
            receive(number + depth)
        }
        send(upTo: outgoing.count)
        for place in 0..<depth { wait(&sends[place]) }
    }

    private func wait(_ request: inout MPI_Request?) {
        RankCalls.sleep {
            var isDone: Int32 = 0
            MPI_Test(&request, &isDone, prefopt_status_ignore())
            return isDone != 0
        }
        MPI_Wait(&request, prefopt_status_ignore())
    }
}
