import Checkpoints
import Collectives
import RunFiles
import Storage

/// Digests of the models that a run's logps are computed with. Known on rank 0; empty on the others.
package struct ModelDigests: Sendable {
    /// The policy's model, or what its adapters are on.
    package private(set) var base: Digest.Value?
    /// The adapter that training goes on from.
    private(set) var adapter: Digest.Value?
    /// Of both together.
    private(set) var initial: Digest.Value?
    /// The reference and the margin models that the run names, by their folders as it names them.
    private(set) var named: [String: Digest.Value] = [:]

    /// Unknown.
    package init() {}

    /// Reads all weights.
    /// - Throws: `CheckpointError` or `TrainingError`.
    package init(_ file: RunFile, policy: LoadedModel) throws {
        var content = try policy.directory.contentDigest()
        // A base that is quantised when it is read computes something else than its files.
        if file.adapters.quantization != .none {
            content = Digest.of(Array("\(content.hex) \(file.adapters.quantization.rawValue)".utf8))
        }
        base = content
        adapter = try policy.source.adapter.map { try AdapterDirectory(path: $0).contentDigest() }
        initial = adapter.map { ModelSource.digest(of: content, with: $0) } ?? content
        for path in file.namedModels where named[path] == nil {
            let source = try ModelSource(path)
            named[path] = try source.contentDigest(ofBase: source.hasBase(of: policy.source) ? content : nil)
        }
    }

    /// Rank 0's on every rank. Collective.
    func shared(over communicator: Communicator) -> ModelDigests {
        let fixed = [base, adapter, initial].map { $0?.hex ?? "" }
        let lines = fixed + named.sorted { $0.key < $1.key }.map { "\($0.value.hex) \($0.key)" }
        let all = communicator.broadcast(lines.joined(separator: "\n"))
            .split(separator: "\n", omittingEmptySubsequences: false)
        var digests = ModelDigests()
        let first = all.prefix(3).map { Digest.Value(hex: String($0)) }
        (digests.base, digests.adapter, digests.initial) = (first[0], first[1], first[2])
        for line in all.dropFirst(3) {
            let parts = line.split(separator: " ", maxSplits: 1)
            digests.named[String(parts[1])] = Digest.Value(hex: String(parts[0]))
        }
        return digests
    }

    /// Of a model that the run names, or of the initial policy.
    subscript(path: String?) -> Digest.Value? {
        if let path { named[path] } else { initial }
    }
}
