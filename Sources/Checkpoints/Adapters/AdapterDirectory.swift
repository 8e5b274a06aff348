import Storage

/// A LoRA adapter as PEFT saves it: `adapter_config.json` and `adapter_model.safetensors`. The tensors stay in the
/// mapped file, which this value keeps alive.
package struct AdapterDirectory: Sendable {
    /// The adapter's matrices for one of the model's modules, N rows of K inputs.
    package struct Module: Sendable {
        /// The module, as `transformers` names it: "model.layers.3.self_attn.q_proj".
        package let name: String
        /// A [r, K]
        package let a: TensorView
        /// B [N, r]
        package let b: TensorView
        /// DoRA's m [N].
        package internal(set) var magnitude: TensorView?
        /// The frozen matrix itself, which PEFT saves along when the head is adapted.
        package internal(set) var frozen: TensorView?
    }

    package static let weightsName = "adapter_model.safetensors"

    package let path: String
    package let config: AdapterConfig
    /// In the order of their names.
    package let modules: [Module]
    /// `modules_to_save`: whole tensors by the names they have in the model ("lm_head.weight"), in the order of names.
    package let savedTensors: [(name: String, tensor: TensorView)]
    private let file: SafetensorsFile
    /// Tensors by PEFT's names, without the name of the adapter.
    private let places: [String: String]

    /// Opens a directory and checks that its tensors are those its config speaks of.
    ///
    /// - Throws: `CheckpointError.adapter`, with what to do; `.safetensors`, `.json` or `.storage` for files that are
    ///   wrong.
    package init(path: String) throws(CheckpointError) {
        config = try AdapterConfig(directory: path)
        let weights = FileSystem.join(path, AdapterDirectory.weightsName)
        guard FileSystem.exists(weights) else { throw AdapterDirectory.noWeights(path) }
        file = try SafetensorsFile(path: weights)
        let content = try AdapterContent(of: file, config)
        self.path = path
        modules = content.modules
        savedTensors = content.saved
        places = content.places
    }

    /// A tensor by its name in PEFT's files (see `AdapterNames`); the file may have the adapter's name within.
    package func tensor(_ name: String) -> TensorView? { places[name].flatMap { file[$0] } }

    /// Lets go of the memory that reading the tensors took; they can be read again.
    package func releasePages() { file.releasePages() }

    /// Stands for what the adapter computes: its scaling, its variant and its tensors.
    package func contentDigest() -> Digest.Value {
        var digest = Digest()
        digest.update(field: "\(config.scaling) \(config.usesDoRA)")
        for objective in config.objectives { digest.update(field: objective) }
        for name in places.keys.sorted() {
            guard let tensor = tensor(name) else { continue }
            digest.update(field: name)
            digest.update(field: "\(tensor.elementType.rawValue) \(tensor.shape)")
            digest.update(tensor.bytes)
        }
        releasePages()
        return digest.finish()
    }

    /// Writes an adapter into a folder, which must be there. Durable when inside `CheckpointFolder.write`.
    ///
    /// - Parameters:
    ///   - layout: the tensors by PEFT's names, wider elements first.
    ///   - fill: writes them, whole or in pieces, in the order of the layout.
    /// - Returns: the checksum of the file of tensors.
    /// - Throws: what `fill` throws, or `CheckpointError`.
    @discardableResult
    package static func write(
        config: AdapterConfig, layout: [SafetensorsWriter.Entry], to directory: String,
        fill: (_ writer: inout SafetensorsWriter) throws(CheckpointError) -> Void
    ) throws(CheckpointError) -> Checksums {
        try config.write(to: directory)
        var writer = try SafetensorsWriter(path: FileSystem.join(directory, weightsName), layout: layout)
        try fill(&writer)
        return try writer.finish()
    }

    private static func noWeights(_ path: String) -> CheckpointError {
        guard FileSystem.exists(FileSystem.join(path, "adapter_model.bin")) else {
            return .adapter(path: path, reason: "has no \(weightsName); fetch all files of the adapter")
        }
        return .adapter(
            path: path,
            reason: "has its weights as adapter_model.bin only, a format that can run code when read; convert it: "
                + "python -c \"import torch, safetensors.torch as s; s.save_file(torch.load('\(path)/adapter_model.bin', "
                + "weights_only=True), '\(path)/\(weightsName)')\"")
    }
}
