import COpenMPI

/// A vector cut among the ranks: rank r owns `shares[r]`. Shares are disjoint, may be empty, and needn't cover the vector;
/// every rank gives the same ones.
extension Communicator {
    /// `count` elements in nearly equal shares, one for each rank, cut at multiples of `alignment`.
    public func evenShares(of count: Int, alignment: Int = 16) -> [Range<Int>] {
        let blocks = (count + alignment - 1) / alignment
        let edges = (0...size).map { min(count, blocks * $0 / size * alignment) }
        return zip(edges, edges.dropFirst()).map { $0..<$1 }
    }

    /// Sums over the ranks, each share on its owner only: what isn't a rank's own share is worthless there afterwards.
    /// Bits repeat for a given number of ranks and nodes. Collective.
    public func sumShares(_ x: UnsafeMutableBufferPointer<Float>, _ shares: [Range<Int>]) {
        sumShares(x, shares, prefopt_float())
    }

    /// The same, exact in any order. Collective.
    public func sumShares(_ x: UnsafeMutableBufferPointer<Int64>, _ shares: [Range<Int>]) {
        sumShares(x, shares, prefopt_int64())
    }

    /// Every share as its owner has it, on all ranks. Collective.
    public func gatherShares(_ x: UnsafeMutableBufferPointer<Float>, _ shares: [Range<Int>]) {
        for (owner, share) in shares.enumerated() {
            broadcast(UnsafeMutableBufferPointer(rebasing: x[share]), from: owner)
        }
    }

    private func sumShares<Element>(
        _ x: UnsafeMutableBufferPointer<Element>, _ shares: [Range<Int>], _ type: MPI_Datatype
    ) {
        guard let world, size > 1 else { return }
        let piece = Communicator.bucketBytes / MemoryLayout<Element>.stride
        for (owner, share) in shares.enumerated() {
            for start in stride(from: share.lowerBound, to: share.upperBound, by: piece) {
                let length = Int32(min(piece, share.upperBound - start))
                let part = x.baseAddress! + start
                if owner == rank {
                    MPI_Reduce(prefopt_in_place(), part, length, type, prefopt_sum(), Int32(owner), world)
                } else {
                    MPI_Reduce(part, nil, length, type, prefopt_sum(), Int32(owner), world)
                }
            }
        }
    }
}
