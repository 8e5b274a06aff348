import COpenMPI

/// What a vector that is owned in shares needs: its sums brought to their owners, and the owners' elements brought to all.
extension Communicator {
    private static let pieceBytes = 16 << 20

    /// x = Σ over ranks in the rank's own share; what is left in the other shares means nothing. Collective.
    public func sum(_ x: UnsafeMutableBufferPointer<Float>, toOwnersOf shares: Shares) {
        reduce(x, toOwnersOf: shares, prefopt_float())
    }

    /// The same, exact in any order. Collective.
    public func sum(_ x: UnsafeMutableBufferPointer<Int64>, toOwnersOf shares: Shares) {
        reduce(x, toOwnersOf: shares, prefopt_int64())
    }

    /// Every share as its owner has it, on all ranks, in place. Collective.
    public func gather(_ x: UnsafeMutableBufferPointer<Float>, fromOwnersOf shares: Shares) {
        guard size > 1 else { return }
        for owner in 0..<size where !shares[owner].isEmpty {
            broadcast(
                UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: x[shares[owner]])), from: owner)
        }
    }

    /// Root's bytes on every rank, in place. Collective.
    public func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int = 0) {
        guard size > 1 else { return }
        for piece in Communicator.pieces(of: bytes) {
            MPI_Bcast(piece.baseAddress, Int32(piece.count), prefopt_byte(), Int32(root), prefopt_comm_world())
        }
    }

    /// One rank's bytes on another. Both give buffers of the same size; the other ranks may call it too, and nothing happens.
    public func transfer(_ bytes: UnsafeMutableRawBufferPointer, from source: Int, to target: Int) {
        guard source != target, rank == source || rank == target else { return }
        for piece in Communicator.pieces(of: bytes) {
            let count = Int32(piece.count)
            if rank == source {
                MPI_Send(piece.baseAddress, count, prefopt_byte(), Int32(target), 0, prefopt_comm_world())
            } else {
                MPI_Recv(
                    piece.baseAddress, count, prefopt_byte(), Int32(source), 0, prefopt_comm_world(),
                    prefopt_status_ignore())
            }
        }
    }

    private func reduce<Element>(
        _ x: UnsafeMutableBufferPointer<Element>, toOwnersOf shares: Shares, _ type: MPI_Datatype
    ) {
        guard size > 1 else { return }
        let length = Communicator.pieceBytes / MemoryLayout<Element>.stride
        for owner in 0..<size {
            let share = shares[owner]
            for start in stride(from: share.lowerBound, to: share.upperBound, by: length) {
                let piece = x.baseAddress! + start
                let count = Int32(min(length, share.upperBound - start))
                if rank == owner {
                    MPI_Reduce(
                        prefopt_in_place(), piece, count, type, prefopt_sum(), Int32(owner), prefopt_comm_world())
                } else {
                    MPI_Reduce(piece, nil, count, type, prefopt_sum(), Int32(owner), prefopt_comm_world())
                }
            }
        }
    }

    private static func pieces(of bytes: UnsafeMutableRawBufferPointer) -> [UnsafeMutableRawBufferPointer] {
        stride(from: 0, to: bytes.count, by: pieceBytes).map {
            UnsafeMutableRawBufferPointer(rebasing: bytes[$0..<min(bytes.count, $0 + pieceBytes)])
        }
    }
}
