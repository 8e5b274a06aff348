import Checkpoints
import Kernels
import Modeling
import Storage

/// One golden file: its model, its rows and what torch computed of them.
struct Golden {
    static let directory = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/Goldens"

    let values: JSON
    let sequences: [PackedSequence]
    private let path: String

    init(_ name: String) throws {
        values = try JSON.parse(FileSystem.read("\(Golden.directory)/\(name).json"))
        path = "\(Golden.directory)/\(values["model"]?.string ?? "")"
        var rows = try LineReader(path: "\(Golden.directory)/\(values["rows"]?.string ?? "")")
        var sequences: [PackedSequence] = []
        while let line = try rows.next() {
            let row = try JSON.parse(line)
            func ids(_ name: String) -> ArraySlice<Int32> {
                ArraySlice((row[name]?.array ?? []).compactMap { $0.integer.map { Int32($0) } })
            }
            sequences.append(
                PackedSequence(
                    prompt: ids("prompt_ids"),
                    responses: [.init(tokens: ids("chosen_ids")), .init(tokens: ids("rejected_ids"))]))
        }
        self.sequences = sequences
    }

    var objectives: [JSON] { values["objectives"]?.array ?? [] }

    /// Per-token logps of the chosen and of the rejected response.
    func tokenLogps(row: Int) -> [[Double]] {
        ["chosen", "rejected"].map { side in
            (values["logps"]?["policy"]?[side]?.array?[row].array ?? []).compactMap(\.double)
        }
    }

    func load(threads: Int = 2) throws -> GoldenModel { try GoldenModel(path: path, threads: threads) }
}

struct GoldenModel {
    let architecture: Architecture
    let weights: Weights
    let transformer: Transformer
    let pool: ThreadPool

    /// - Parameters:
    ///   - padding: of the reward model that is made of the checkpoint; nil: it stays what it is.
    ///   - readsValues: whether a value head is put beside its own.
    init(path: String, threads: Int, rewarding padding: Int32?? = nil, readsValues: Bool = false) throws {
        let directory = try ModelDirectory(path: path)
        let pool = ThreadPool(count: threads)
        let own = try Architecture(config: directory.config, file: path + "/config.json")
        var architecture = padding.map { own.rewarding(padding: $0) } ?? own
        if readsValues { architecture.output = .logitsAndValues }
        self.architecture = architecture
        var random = SystemRandomNumberGenerator()
        weights = try Weights(directory, architecture: architecture, headFrom: &random, on: pool)
        transformer = try Transformer(
            architecture, weights: weights, positions: architecture.hardLimit ?? 256, pool: pool)
        self.pool = pool
    }

    func score(_ sequences: [PackedSequence]) throws -> [[[Float]]] {
        let space = try Workspace(
            architecture, extent: BatchExtent(sequences, for: architecture), purpose: .scoring, on: pool)
        return transformer.score(PackedBatch(sequences, for: architecture), in: space)
    }

    /// The gradient vector of Σ derivative(sequence, response) · logps.
    func gradients(
        _ sequences: [PackedSequence], recompute: Bool, derivative: (_ sequence: Int, _ response: Int) -> Double
    ) throws -> [Float] {
        let space = try Workspace(
            architecture, extent: BatchExtent(sequences, for: architecture), purpose: .training(recompute: recompute),
            on: pool)
        var gradients = [Float](repeating: 0, count: weights.count)
        gradients.withUnsafeMutableBufferPointer { buffer in
            transformer.step(PackedBatch(sequences, for: architecture), in: space, gradients: buffer.baseAddress!) {
                sequence, logps, output in
                for response in logps.indices { output[response] = derivative(sequence, response) }
            }
        }
        return gradients
    }
}
