import Checkpoints
import Glibc
import Kernels
import Modeling
import Storage

/// A model directory as a GGUF file for llama.cpp, tensor by tensor: memory is a few pieces, whatever the model's size.
package struct GGUFExport {
    private let directory: ModelDirectory
    private let architecture: Architecture
    private let family: GGUFFamily
    private let tensors: [GGUFTensor]
    private let file: GGUFFile
    /// Notes on what llama.cpp will compute otherwise than the model does.
    package let notes: [String]

    /// The formats of matrices; norms, biases and position tables are always float32.
    package enum Format: String, Sendable, CaseIterable {
        case f32, f16, bf16
        case q8 = "q8_0"

        var type: GGUFFile.TensorType {
            switch self {
            case .f32: .float32
            case .f16: .float16
            case .bf16: .bfloat16
            case .q8: .q8
            }
        }

        /// llama.cpp's number for a file of mostly such tensors.
        var fileType: Int {
            switch self {
            case .f32: 0
            case .f16: 1
            case .q8: 7
            case .bf16: 32
            }
        }
    }

    /// - Parameter format: nil: what most of the weights are stored in.
    /// - Throws: `CheckpointError`, or `ModelError`, for quantised weights too.
    package init(_ path: String, format: Format? = nil) throws {
        directory = try ModelDirectory(path: path)
        guard try GroupedFormat.of(directory) == nil else { throw ModelError.quantizedExport(directory: path) }
        let a = try Architecture(config: directory.config, file: FileSystem.join(path, "config.json"))
        try a.requireLanguageModel(path)
        architecture = a
        family = GGUFFamily(a)
        let names = Set(directory.tensorNames)
        let table = ParameterTable(a, naming: TensorNaming(of: names, a))
        tensors = try family.tensors(table, directory: path, naming: TensorNaming(of: names, a))

        let chosen = format ?? GGUFExport.storedFormat(directory, table)
        let vocabulary = try GGUFVocabulary(directory: path, config: directory.config, size: a.vocabulary)
        notes = vocabulary.notes + family.notes
        var values = family.values(name: FileSystem.name(of: path), fileType: chosen.fileType)
        values += vocabulary.values
        file = GGUFFile(
            values: values,
            tensors: tensors.map { .init(name: $0.name, type: $0.type(chosen.type), shape: $0.shape) })
    }

    private static func storedFormat(_ directory: ModelDirectory, _ table: ParameterTable) -> Format {
        switch table.parameters.first.flatMap({ directory.tensor($0.name) })?.elementType {
        case .float16: .f16
        case .bfloat16: .bf16
        default: .f32
        }
    }

    /// Writes the file beside its name and renames it into place.
    ///
    /// - Throws: `CheckpointError`, or `ModelError` for a tensor that is missing or of the wrong shape or type.
    package func write(to path: String) throws {
        for tensor in tensors {
            guard case .stored(let parameter, _) = tensor.content else { continue }
            try Weights.check(parameter, in: directory)
        }
        try file.write(to: path) { number, write throws(StorageError) in
            let (tensor, type) = (tensors[number], file.tensors[number].type)
            switch tensor.content {
            case .values(let values):
                try values.withUnsafeBufferPointer { buffer throws(StorageError) in
                    try write(UnsafeRawBufferPointer(buffer))
                }
            case .stored(let parameter, let order):
                guard let view = directory.tensor(parameter.name) else { return }
                // Norms counted from one are stored whole here.
                let offset: Float = architecture.norm == .rmsAroundOne && parameter.fresh == .zeros ? 1 : 0
                try tensor.pieces(of: view, parameter, order, offset: offset) {
                    piece, count throws(StorageError) in
                    try GGUFExport.write(piece, count, as: type, write)
                }
                directory.releasePages()
            }
        }
    }

    private static func write(
        _ piece: UnsafeMutablePointer<Float>, _ count: Int, as type: GGUFFile.TensorType,
        _ write: (UnsafeRawBufferPointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        if type == .float32 { return try write(UnsafeRawBufferPointer(start: piece, count: 4 * count)) }
        let bytes = type.bytes(of: count)
        let narrow = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
        defer { narrow.deallocate() }
        switch type {
        case .float16:
            Conversion.toFloat16(piece, into: narrow.assumingMemoryBound(to: UInt16.self), count: count)
        case .q8: BlockQuantization.toQ8(piece, into: narrow, count: count)
        default: Conversion.toBFloat16(piece, into: narrow.assumingMemoryBound(to: UInt16.self), count: count)
        }
        try write(UnsafeRawBufferPointer(start: narrow, count: bytes))
    }
}
