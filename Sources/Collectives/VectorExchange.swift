import COpenMPI

/// Sums and copies of long vectors, whole or in shards. Over n nodes with one rank each, bringing the sums of b bytes to their
/// owners and the owners' elements to all cost (n − 1)/n · b bytes each on every link; a whole sum costs the same twice.
extension Communicator {
    /// The format of a vector of floats between nodes. Inside a node, and in sums, it is float32 always.
    package enum WireFormat: String, Sendable, CaseIterable {
        case float32, bfloat16
    }

    /// Ranks that share memory, node by node; nodes by their first rank.
    package var nodes: [[Int]] { hierarchy?.nodes ?? [[0]] }

    /// Memory of this rank for vectors that are summed or gathered: within a node they then need no copies. It is zeroed, in
    /// whole pages, and stays until `finalize`.
    ///
    /// - Returns: nil, on all ranks of a node, for a rank without neighbours or where the node's shared memory (/dev/shm) is too
    ///   small: vectors may lie anywhere. Collective.
    package func sharedMemory(bytes: Int) -> UnsafeMutableRawPointer? { hierarchy?.exchange?.allocate(bytes: bytes) }

    /// Memory that the ranks of a node have in common, zeroed, until `finalize`; one of them is to write it.
    ///
    /// - Returns: nil, on all ranks of a node, for a rank without neighbours or where /dev/shm is too small. Collective.
    package func nodeMemory(bytes: Int) -> (memory: UnsafeMutableRawPointer, isWriter: Bool)? {
        guard let exchange = hierarchy?.exchange, let memory = exchange.allocateTogether(bytes: bytes) else {
            return nil
        }
        return (memory, exchange.rank == 0)
    }

    /// x = Σ over ranks, in place. Bits repeat for given numbers of ranks and nodes and differ between them; all ranks have the
    /// same. Collective.
    package func sum(_ x: UnsafeMutableBufferPointer<Float>, wire: WireFormat = .float32) {
        switch wire {
        case .float32: sum(x, as: Verbatim<Float>.self)
        case .bfloat16: sum(x, as: BFloat16.self)
        }
    }

    /// x = Σ over ranks, exact in any order. Collective.
    package func sum(_ x: UnsafeMutableBufferPointer<Int64>) { sum(x, as: Verbatim<Int64>.self) }

    /// x = Σ over ranks in the rank's own shard; what is left in the other shards means nothing. Collective.
    package func sum(
        _ x: UnsafeMutableBufferPointer<Float>, toOwnersOf shards: Shards, wire: WireFormat = .float32
    ) {
        guard let x = x.baseAddress, let hierarchy else { return }
        switch wire {
        case .float32: hierarchy.sum(x, ranges(shards), as: Verbatim<Float>.self)
        case .bfloat16: hierarchy.sum(x, ranges(shards), as: BFloat16.self)
        }
    }

    /// The same, exact in any order. Collective.
    package func sum(_ x: UnsafeMutableBufferPointer<Int64>, toOwnersOf shards: Shards) {
        guard let x = x.baseAddress else { return }
        hierarchy?.sum(x, ranges(shards), as: Verbatim<Int64>.self)
    }

    /// Every shard as its owner has it, on all ranks, in place, bit for bit. Collective.
    package func gather(_ x: UnsafeMutableBufferPointer<Float>, fromOwnersOf shards: Shards) {
        guard let x = x.baseAddress else { return }
        hierarchy?.gather(x, ranges(shards), as: Verbatim<Float>.self)
    }

    private func ranges(_ shards: Shards) -> [Range<Int>] { (0..<size).map { shards[$0] } }

    private func sum<Encoding: WireEncoding>(
        _ x: UnsafeMutableBufferPointer<Encoding.Element>, as encoding: Encoding.Type
    ) {
        guard let base = x.baseAddress, let world, let hierarchy else { return }
        let bytes = x.count * MemoryLayout<Encoding.Element>.stride
        if bytes < Communicator.leastRingBytes * hierarchy.nodes.count {
            // Going around takes longer than sending it all.
            MPI_Allreduce(prefopt_in_place(), base, Int32(x.count), Encoding.Element.mpiType, prefopt_sum(), world)
            return
        }
        let shards = ranges(Shards(count: x.count, ranks: size, grain: 16))
        if hierarchy.nodes.count == 1 {
            hierarchy.exchange?.exchange(base, owned: shards.map { [$0] }, [.sum, .gather])
        } else {
            hierarchy.sum(base, shards, as: encoding)
            Encoding.round(base + shards[rank].lowerBound, count: shards[rank].count)
            hierarchy.gather(base, shards, as: encoding)
        }
    }

    /// Of a vector, for each node.
    static let leastRingBytes = 1 << 14
}
