import COpenMPI
import CVector
import Glibc
import Synchronization

/// Sums and copies among the ranks of one node, through memory that they share.
///
/// A vector that lies in shared memory itself is read and written where it is: each owner goes over its shard once. Any other
/// one passes through a window of some hundred KiB for each rank, piece by piece; that is as fast where the ranks' cores have
/// a cache in common, and four times slower where they haven't.
package final class NodeExchange {
    /// This rank among those of the node.
    package let rank: Int
    package let size: Int
    private let node: MPI_Comm
    private let window: SharedWindow
    /// The shared memory in which each rank has its own part: as many bytes for each, one after the other.
    private var shared: [(window: SharedWindow, stride: Int)] = []
    /// The shared memory that the ranks have together.
    private var common: [SharedWindow] = []
    private let arrivals: UnsafeMutableRawPointer
    private let slots: UnsafeMutableRawPointer
    /// Counts on over all calls; every other round has the same slot.
    private var round = 0
    private var signals = 0
    /// Some 50 µs where each rank has a core of its own: with a core to share, the one that is waited for needs it now.
    private let spinsBeforeYield: Int

    /// The bytes that a rank puts into the window at once, for all owners together. Two such parts fit a core's share
    /// of the last cache.
    private static let bytesPerRank = 1 << 19
    /// Counters lie apart, so that ranks which wait don't slow down the one that arrives.
    private static let lineBytes = 128

    /// - Parameter isCrowded: whether ranks of the node may have to share cores.
    /// - Returns: nil, on all ranks of the node, where memory can't be shared. Collective.
    package init?(_ node: MPI_Comm, isCrowded: Bool) {
        var (rank, size): (Int32, Int32) = (0, 1)
        MPI_Comm_rank(node, &rank)
        MPI_Comm_size(node, &size)
        (self.rank, self.size, self.node) = (Int(rank), Int(size), node)
        let counterBytes = self.size * NodeExchange.lineBytes
        guard let window = SharedWindow(bytes: counterBytes + 2 * self.size * NodeExchange.bytesPerRank, over: node)
        else { return nil }
        self.window = window
        arrivals = window.base
        slots = window.base + counterBytes
        spinsBeforeYield = isCrowded ? 0 : 4000
        counter(of: self.rank).initialize(to: Atomic(0))
        MPI_Barrier(node)
    }

    /// Collective.
    func free() {
        window.free()
        for window in shared.map(\.window) + common { window.free() }
    }

    /// The uses of an exchange.
    package struct Purpose: OptionSet {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        /// Its owner gets the sum of what all ranks have there; the others' part is left as it was.
        package static let sum = Purpose(rawValue: 1)
        /// All ranks get what its owner has, after the sum if there is one.
        package static let gather = Purpose(rawValue: 2)
    }

    /// - Parameter owned: for each rank of the node the ranges of `x` that are its shard; all ranks give the same.
    /// Collective among the ranks of the node.
    package func exchange<Element: Summand>(
        _ x: UnsafeMutablePointer<Element>, owned: [[Range<Int>]], _ purpose: Purpose
    ) {
        if let peers = peers(of: x, count: owned.joined().map(\.upperBound).max() ?? 0) {
            exchange(peers, owned, purpose)
        } else {
            exchangeThroughWindow(x, owned, purpose)
        }
    }

    // MARK: - Vectors in shared memory

    /// Memory of this rank that the node's other ranks reach, zeroed.
    ///
    /// - Returns: nil, on all ranks of the node, if there isn't as much. Collective.
    package func allocate(bytes: Int) -> UnsafeMutableRawPointer? {
        let stride = (bytes + 4095) / 4096 * 4096
        guard let window = SharedWindow(bytes: stride * size, over: node) else { return nil }
        shared.append((window, stride))
        return window.base + stride * rank
    }

    /// Memory that is the same on all ranks of the node, zeroed.
    ///
    /// - Returns: nil, on all ranks of the node, if there isn't as much. Collective.
    package func allocateTogether(bytes: Int) -> UnsafeMutableRawPointer? {
        guard let window = SharedWindow(bytes: bytes, over: node) else { return nil }
        common.append(window)
        return window.base
    }

    /// The addresses at which the ranks of the node have the vector that is `x` on this one; nil if it is private.
    private func peers<Element>(
        of x: UnsafeMutablePointer<Element>, count: Int
    ) -> [UnsafeMutablePointer<Element>]? {
        let bytes = count * MemoryLayout<Element>.stride
        for (window, stride) in shared {
            let offset = UnsafeRawPointer(x) - UnsafeRawPointer(window.base + stride * rank)
            guard offset >= 0, offset + bytes <= stride else { continue }
            return (0..<size).map { (window.base + stride * $0 + offset).assumingMemoryBound(to: Element.self) }
        }
        return nil
    }

    private func exchange<Element: Summand>(
        _ peers: [UnsafeMutablePointer<Element>], _ owned: [[Range<Int>]], _ purpose: Purpose
    ) {
        let x = peers[rank]
        // Every rank's part is complete.
        barrier()
        if purpose.contains(.sum) {
            // Short enough for the sum to be still in the nearest cache when it is copied.
            for piece in Pieces.cut(owned[rank], length: 2048) {
                withUnsafeTemporaryAllocation(of: UnsafePointer<Element>.self, capacity: size) { sources in
                    for other in 0..<size { sources[other] = UnsafePointer(peers[other] + piece.lowerBound) }
                    Element.total(UnsafeBufferPointer(sources), into: x + piece.lowerBound, count: piece.count)
                }
                guard purpose.contains(.gather) else { continue }
                for other in 0..<size where other != rank {
                    (peers[other] + piece.lowerBound).update(from: x + piece.lowerBound, count: piece.count)
                }
            }
        } else {
            for other in 0..<size where other != rank {
                for range in owned[other] {
                    (x + range.lowerBound).update(from: peers[other] + range.lowerBound, count: range.count)
                }
            }
        }
        // Nobody reads or writes another's any more.
        barrier()
    }

    // MARK: - Other vectors

    private func exchangeThroughWindow<Element: Summand>(
        _ x: UnsafeMutablePointer<Element>, _ owned: [[Range<Int>]], _ purpose: Purpose
    ) {
        let owners = max(1, owned.count { !$0.isEmpty })
        let places = owners * size
        let length = NodeExchange.bytesPerRank / owners / 64 * 64 / MemoryLayout<Element>.stride
        let pieces = owned.map { Pieces.cut($0, length: length) }
        // Where an owner's places are, counted among those that own something.
        var order = 0
        let owner = pieces.map { pieces -> Int in
            defer { if !pieces.isEmpty { order += 1 } }
            return order
        }
        for turn in 0..<(pieces.map(\.count).max() ?? 0) {
            let slot = (slots + round % 2 * size * NodeExchange.bytesPerRank)
                .bindMemory(to: Element.self, capacity: places * length)
            round += 1
            func place(_ rank: Int, for shard: Int) -> UnsafeMutablePointer<Element> {
                slot + (owner[shard] * size + rank) * length
            }
            let mine = turn < pieces[rank].count ? pieces[rank][turn] : nil
            if purpose.contains(.sum) {
                for other in 0..<size where other != rank && turn < pieces[other].count {
                    let piece = pieces[other][turn]
                    place(rank, for: other).update(from: x + piece.lowerBound, count: piece.count)
                }
                barrier()
                if let mine {
                    withUnsafeTemporaryAllocation(of: UnsafePointer<Element>.self, capacity: size) { sources in
                        for other in 0..<size { sources[other] = UnsafePointer(place(other, for: rank)) }
                        sources[rank] = UnsafePointer(x + mine.lowerBound)
                        Element.total(UnsafeBufferPointer(sources), into: x + mine.lowerBound, count: mine.count)
                    }
                }
            }
            if purpose.contains(.gather) {
                if let mine { place(rank, for: rank).update(from: x + mine.lowerBound, count: mine.count) }
                barrier()
                for other in 0..<size where other != rank && turn < pieces[other].count {
                    let piece = pieces[other][turn]
                    (x + piece.lowerBound).update(from: place(other, for: other), count: piece.count)
                }
            }
        }
    }

    // MARK: - Waiting

    private func counter(of rank: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        (arrivals + rank * NodeExchange.lineBytes).assumingMemoryBound(to: Atomic<Int>.self)
    }

    /// Waits until every rank of the node has called this as often as this one.
    ///
    /// Two slots are enough for the window: between two rounds that write the same slot lies the barrier of the round between
    /// them, which no rank reaches before it has read what the first of the two wrote.
    private func barrier() {
        signals += 1
        counter(of: rank).pointee.store(signals, ordering: .releasing)
        RankCalls.sleep {
            letMessagesPass()
            return (0..<size).allSatisfy(hasArrived)
        }
        RankCalls.waiting {
            for other in 0..<size {
                var spins = 0
                while !hasArrived(other) { pause(&spins) }
            }
        }
    }

    private func hasArrived(_ other: Int) -> Bool { counter(of: other).pointee.load(ordering: .acquiring) >= signals }

    /// A moment's wait: first on the core, then giving it away, since the rank that is waited for may need it.
    private func pause(_ spins: inout Int) {
        spins += 1
        prefopt_pause()
        guard spins > spinsBeforeYield else { return }
        sched_yield()
        if spins % 256 == 0 { letMessagesPass() }
    }

    /// Gives MPI a chance: a message of this rank may be what lets another one come here.
    private func letMessagesPass() {
        var flag: Int32 = 0
        MPI_Iprobe(Int32(MPI_ANY_SOURCE), 0, node, &flag, prefopt_status_ignore())
    }
}
