import Checkpoints
import Kernels
import Storage

/// Writes an adapter in PEFT's layout, with the tokenizer's files of its base.
///
/// - Parameter values: of the table's vector.
/// - Returns: the checksum of the file of tensors.
/// - Throws: `CheckpointError`.
package func saveAdapter(
    _ table: ParameterTable, values: UnsafePointer<Float>, on base: ModelDirectory, to directory: String,
    as type: SaveType
) throws(CheckpointError) -> Checksums {
    guard case .adapters(let adaptation) = table.trainable else { return Checksums() }
    let parameters = table.parameters
    let sums = try AdapterDirectory.write(
        config: adaptation.config, layout: parameters.map { ($0.name, type.elementType, $0.shape) }, to: directory
    ) { writer throws(CheckpointError) in
        for parameter in parameters { try writer.write(parameter, of: values, as: type) }
    }
    try base.copyCompanionFiles(to: directory, but: ["generation_config.json"])
    return sums
}

extension Weights {
    /// Reads all that is trained from a folder that was written of the same table: a model, or an adapter.
    ///
    /// - Throws: `CheckpointError`, or `ModelError` for a tensor that is missing, misshapen or not finite.
    package func load(_ path: String, on pool: ThreadPool) throws {
        let tensor: (String) -> TensorView?
        if case .adapters = table.trainable {
            tensor = try AdapterDirectory(path: path).tensor
        } else {
            tensor = try ModelDirectory(path: path).tensor
        }
        for parameter in table.parameters {
            try Weights.read(
                Weights.check(parameter, tensor(parameter.name), in: path), into: parameter, of: values, from: path,
                on: pool)
        }
    }
}
