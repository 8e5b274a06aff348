import COpenMPI

/// Exchanges that give others what one rank has.
extension Communicator {
    // MARK: - From one to all

    /// Root's numbers on every rank; the other ranks' argument is ignored, its length too. Collective.
    package func broadcast(_ x: [Double], from root: Int = 0) -> [Double] { copies(of: x, zero: 0, from: root) }

    /// Root's bytes on every rank; the other ranks' argument is ignored, its length too. Collective.
    package func broadcast(_ x: [UInt8], from root: Int = 0) -> [UInt8] { copies(of: x, zero: 0, from: root) }

    /// Root's text on every rank; the other ranks' argument is ignored. Collective.
    package func broadcast(_ text: String, from root: Int = 0) -> String {
        guard size > 1 else { return text }
        return String(decoding: broadcast(Array(text.utf8), from: root), as: UTF8.self)
    }

    /// Root's number on every rank; the other ranks' argument is ignored. Collective.
    package func broadcast(_ x: Int, from root: Int = 0) -> Int { copy(of: x, from: root) }

    /// Root's number on every rank; the other ranks' argument is ignored. Collective.
    package func broadcast(_ x: Double, from root: Int = 0) -> Double { copy(of: x, from: root) }

    /// Root's answer on every rank; the other ranks' argument is ignored. Collective.
    package func broadcast(_ x: Bool, from root: Int = 0) -> Bool { copy(of: x ? 1 : 0, from: root) != 0 }

    /// Root's numbers on every rank, in place. Collective.
    package func broadcast(_ x: UnsafeMutableBufferPointer<Float>, from root: Int = 0) {
        broadcast(UnsafeMutableRawBufferPointer(x), from: root)
    }

    /// Root's bytes on every rank, in place. Collective.
    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int = 0) {
        guard let world, size > 1 else { return }
        for piece in Communicator.pieces(of: bytes) {
            MPI_Bcast(piece.baseAddress, Int32(piece.count), prefopt_byte(), Int32(root), world)
        }
    }

    private func copies<Element: BitwiseCopyable>(of x: [Element], zero: Element, from root: Int) -> [Element] {
        guard size > 1 else { return x }
        let count = broadcast(x.count, from: root)
        var result = rank == root ? x : [Element](repeating: zero, count: count)
        result.withUnsafeMutableBytes { broadcast($0, from: root) }
        return result
    }

    private func copy<Value: BitwiseCopyable>(of x: Value, from root: Int) -> Value {
        var x = x
        withUnsafeMutableBytes(of: &x) { broadcast($0, from: root) }
        return x
    }

    // MARK: - From all to all

    /// Every rank's words on every rank, in rank order. Collective.
    package func gather(_ words: [Int32]) -> [[Int32]] {
        guard let world else { return [words] }
        var count = Int64(words.count)
        var counts = [Int64](repeating: 0, count: size)
        MPI_Allgather(&count, 1, prefopt_int64(), &counts, 1, prefopt_int64(), world)
        return counts.indices.map { source in
            var part = source == rank ? words : [Int32](repeating: 0, count: Int(counts[source]))
            part.withUnsafeMutableBytes { broadcast($0, from: source) }
            return part
        }
    }

    /// Every rank's numbers on every rank, in rank order. Collective.
    package func gather(_ x: [Double]) -> [[Double]] {
        gather(x.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }).map { words in
            words.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
        }
    }

    /// Every rank's text on every rank, in rank order. Collective.
    package func gather(_ text: String) -> [String] {
        // A byte in each word: texts are short, and one kind of exchange is enough.
        gather(text.utf8.map(Int32.init)).map { words in
            String(decoding: words.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        }
    }

    /// Every rank's number on every rank, in rank order. Collective.
    package func gather(_ x: Double) -> [Double] {
        var (x, all) = (x, [Double](repeating: x, count: size))
        if let world { MPI_Allgather(&x, 1, prefopt_double(), &all, 1, prefopt_double(), world) }
        return all
    }

    // MARK: - From one to another

    /// One rank's bytes on another. Both give buffers of the same size; the other ranks may call it too, and nothing happens.
    package func transfer(_ bytes: UnsafeMutableRawBufferPointer, from source: Int, to target: Int) {
        guard let world, source != target, rank == source || rank == target else { return }
        for piece in Communicator.pieces(of: bytes) {
            let count = Int32(piece.count)
            if rank == source {
                MPI_Send(piece.baseAddress, count, prefopt_byte(), Int32(target), 0, world)
            } else {
                MPI_Recv(
                    piece.baseAddress, count, prefopt_byte(), Int32(source), 0, world, prefopt_status_ignore())
            }
        }
    }

    private static func pieces(of bytes: UnsafeMutableRawBufferPointer) -> [UnsafeMutableRawBufferPointer] {
        stride(from: 0, to: bytes.count, by: bucketBytes).map {
            UnsafeMutableRawBufferPointer(rebasing: bytes[$0..<Swift.min(bytes.count, $0 + bucketBytes)])
        }
    }
}
