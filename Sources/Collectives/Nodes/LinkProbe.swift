import COpenMPI
import Machine

/// Latency and bandwidth from one rank to another.
package struct LinkSpeed: Sendable {
    package let from: Int
    package let to: Int
    /// Microseconds of a small message one way.
    package let latency: Double
    /// Bytes a second of large messages one way.
    package let bandwidth: Double
}

extension Communicator {
    /// Sends messages back and forth between two ranks while the others wait. The numbers are on every rank. Collective.
    package func probe(from: Int, to: Int) -> LinkSpeed {
        guard size > 1, from != to else { return LinkSpeed(from: from, to: to, latency: 0, bandwidth: 0) }
        barrier()
        var seconds = [0.0, 0.0]
        if let world, rank == from || rank == to {
            let peer = rank == from ? to : from
            let small = exchange(bytes: 8, with: peer, in: world, isFirst: rank == from, rounds: 200)
            let large = exchange(bytes: LinkProbe.largeBytes, with: peer, in: world, isFirst: rank == from, rounds: 4)
            if rank == from { seconds = [small, large] }
        }
        seconds = broadcast(seconds, from: from)
        return LinkSpeed(
            from: from, to: to, latency: seconds[0] * 1e6, bandwidth: Double(LinkProbe.largeBytes) / seconds[1])
    }

    /// Seconds of one message one way: half of a round trip, the fastest of three series.
    private func exchange(
        bytes: Int, with peer: Int, in world: MPI_Comm, isFirst: Bool, rounds: Int
    ) -> Double {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        buffer.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        defer { buffer.deallocate() }
        func send() { MPI_Send(buffer, Int32(bytes), prefopt_byte(), Int32(peer), 0, world) }
        func receive() { MPI_Recv(buffer, Int32(bytes), prefopt_byte(), Int32(peer), 0, world, nil) }
        var best = Double.infinity
        for _ in 0..<3 {
            let start = SteadyClock.now()
            for _ in 0..<rounds {
                if isFirst {
                    send()
                    receive()
                } else {
                    receive()
                    send()
                }
            }
            best = Swift.min(best, (SteadyClock.now() - start) / Double(2 * rounds))
        }
        return best
    }

    /// Bytes a second of a sum over all ranks, counted as one rank's vector. Collective.
    package func probeSum(bytes: Int = 4 * LinkProbe.largeBytes) -> Double {
        guard size > 1 else { return 0 }
        let vector = UnsafeMutableBufferPointer<Float>.allocate(capacity: bytes / 4)
        vector.initialize(repeating: 0)
        defer { vector.deallocate() }
        sum(vector)
        barrier()
        let start = SteadyClock.now()
        for _ in 0..<3 { sum(vector) }
        return Double(3 * bytes) / max(SteadyClock.now() - start)
    }
}

/// The message size of a probe.
package enum LinkProbe {
    package static let largeBytes = 4 << 20
}
