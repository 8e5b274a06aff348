import Checkpoints
import Storage

/// The model that a merge begins with, tensor by tensor: what is stored, and what it is to the architecture.
struct MergeBase {
    /// A tensor of the model as float32, a piece at a time, and how the result stores it.
    ///
    /// A tensor that isn't stored as it is used (the matrix behind a quantised one) gets its case here and its name and
    /// shape in `files`; the rest of a merge doesn't know.
    struct Source {
        let view: TensorView

        var name: String { view.name }
        var shape: [Int] { view.shape }
        /// What the result is stored as unless asked otherwise.
        var elementType: ElementType { view.elementType }

        func widen(from start: Int, into target: UnsafeMutablePointer<Float>, count: Int) {
            view.widen(from: start, into: target, count: count)
        }
    }

    let directory: ModelDirectory
    let architecture: Architecture
    /// The files to be written with their tensors, in order.
    let files: [(name: String, tensors: [Source])]
    private let naming: TensorNaming
    private let parameters: [String: ParameterTable.Parameter]
    private let sources: [String: Source]

    /// - Throws: `CheckpointError` or `ModelError`.
    init(_ path: String) throws {
        directory = try ModelDirectory(path: path)
        let file = FileSystem.join(path, "config.json")
        if let quantisation = directory.config["quantization_config"], !quantisation.isNull {
            throw ModelError.unsupported(
                file: file, field: "quantization_config",
                found: (quantisation["quant_method"] ?? quantisation).text,
                supported: "merges of checkpoints stored as F32, F16 or BF16")
        }
        architecture = try Architecture(config: directory.config, file: file)
        naming = TensorNaming(of: Set(directory.tensorNames), architecture)
        let table = ParameterTable(architecture, naming: naming)
        for parameter in table.parameters { try Weights.check(parameter, in: directory) }
        parameters = Dictionary(uniqueKeysWithValues: table.parameters.map { ($0.name, $0) })
        files = directory.weightFiles.map { ($0.name, $0.tensors.map(Source.init)) }
        sources = Dictionary(uniqueKeysWithValues: files.flatMap(\.tensors).map { ($0.name, $0) })
        head = TensorNames.of(architecture.family).heads[naming.head] + ".weight"
        embedding =
            naming.embeddingIsHead
            ? head
            : naming.stored(
                TensorNames.of(architecture.family).embedding + ".weight",
                architecture.family)
    }

    /// The head's name, whether or not it is stored apart from the embedding.
    let head: String
    /// The embedding's stored name.
    let embedding: String

    func source(_ name: String) -> Source? { sources[name] }

    /// The stored name of a tensor that `transformers` calls so: files saved from the decoder alone leave a prefix out, and
    /// the head goes by several names.
    func storedName(of name: String) -> String {
        let names = TensorNames.of(architecture.family)
        if names.heads.contains(where: { "\($0).weight" == name }) { return head }
        if name == "\(names.prefix)\(names.embedding).weight" { return embedding }
        return naming.hasPrefix || !name.hasPrefix(names.prefix) ? name : String(name.dropFirst(names.prefix.count))
    }

    /// Whether a tensor is a matrix that products are taken with: no embedding and no table of positions.
    func isLinear(_ name: String) -> Bool {
        guard let parameter = parameters[name], parameter.shape.count == 2 else { return false }
        let names = TensorNames.of(architecture.family)
        let tables = [names.embedding, names.positions].compactMap(\.self)
        return !tables.contains { name.hasSuffix("\($0).weight") }
    }

    /// Whether a matrix is stored [inputs, outputs].
    func isTransposed(_ name: String) -> Bool { parameters[name]?.layout == .transposed }
}

extension TensorNaming {
    /// A name within the decoder as the checkpoint stores it.
    fileprivate func stored(_ name: String, _ family: Architecture.Family) -> String {
        (hasPrefix ? TensorNames.of(family).prefix : "") + name
    }
}
