import Checkpoints
import Collectives
import Kernels
import Modeling
import RunFiles
import Storage

extension RunFile {
    /// Makes the quantised form of a base if the run asks for one: rank 0 first, the others find it made.
    ///
    /// - Returns: the digest of what it was made from; nil for a base that stays as it is. Collective.
    package func quantize(
        _ base: String, over communicator: Communicator, on pool: ThreadPool
    ) throws -> Digest.Value? {
        guard self.adapters.quantization != .none else { return nil }
        let digest = try communicator.onRoot {
            let directory = try ModelDirectory(path: base)
            let digest = try directory.contentDigest()
            _ = try FrozenWeights(
                directory, architecture: Architecture(directory), quantization: self.adapters.quantization,
                folder: cacheFolder, digest: digest, on: pool)
            return digest
        }
        return Digest.Value(bytes: communicator.broadcast(digest?.bytes ?? [])[...])
    }
}
