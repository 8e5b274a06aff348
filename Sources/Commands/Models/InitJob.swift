import Kernels
import Modeling
import Statistics
import Storage
import Training

/// `init`: a model directory with random weights of a shape.
package enum InitJob {
    /// Takes the shape from a `config.json` and the tokenizer, if there is one, from the folder it lies in.
    /// - Throws: `StorageError`, `ModelError`, `CheckpointError` or `MemoryError`.
    package static func run(config path: String, output: String, seed: UInt64, as type: SaveType) throws {
        let json: JSON
        do {
            json = try JSON.parse(FileSystem.read(path))
        } catch let error as JSONError {
            throw TrainingError.input("\(path): \(error)")
        }
        let architecture = try Architecture(config: json, file: path)
        guard !FileSystem.exists(FileSystem.join(output, "model.safetensors")) else {
            throw TrainingError.input("\(output): there is a model already; name a new folder")
        }
        var random = SplitMix64(state: seed)
        let weights = try Weights(random: architecture, using: &random)
        try FileSystem.makeDirectories(output)
        try AtomicFile.write(
            JSON.object(type.said(in: json)).prettyText, to: FileSystem.join(output, "config.json"))
        let source = FileSystem.parent(of: path)
        for name in try FileSystem.list(source) where name.hasPrefix("tokenizer") || name == "generation_config.json" {
            try FileSystem.copy(FileSystem.join(source, name), to: FileSystem.join(output, name))
        }
        try weights.save(to: output, as: type)
    }
}
