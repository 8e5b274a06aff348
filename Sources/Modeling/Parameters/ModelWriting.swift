import Checkpoints
import Kernels
import Storage

/// The format that weights are saved in.
package enum SaveType: String, Sendable, CaseIterable {
    case float32, float16, bfloat16

    package var elementType: ElementType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        }
    }

    /// A model's `config.json` that says so of its weights, by the name it has for it: transformers' `dtype` or the older
    /// `torch_dtype`.
    package func said(in config: JSON) -> JSONObject {
        var config = config.object ?? [:]
        for name in ["dtype", "torch_dtype"] where config[name] != nil { config[name] = .string(rawValue) }
        return config
    }
}

extension SafetensorsWriter {
    /// Writes a parameter's tensor from a vector of values or of gradients, piece by piece.
    package mutating func write(
        _ parameter: ParameterTable.Parameter, of vector: UnsafePointer<Float>, as type: SaveType
    ) throws(CheckpointError) {
        if type == .float32, parameter.layout == .same {
            return try write(
                UnsafeRawBufferPointer(start: vector + parameter.range.lowerBound, count: 4 * parameter.range.count))
        }
        let pieces = parameter.pieces()
        let capacity = (pieces.first?.count ?? 0) * parameter.storedColumns
        let wide = UnsafeMutablePointer<Float>.allocate(capacity: capacity)
        let narrow = UnsafeMutablePointer<UInt16>.allocate(capacity: capacity)
        defer {
            wide.deallocate()
            narrow.deallocate()
        }
        for rows in pieces {
            let count = rows.count * parameter.storedColumns
            parameter.copy(storedRows: rows, from: vector, into: wide)
            switch type {
            case .float32:
                try write(UnsafeRawBufferPointer(start: wide, count: 4 * count))
                continue
            case .float16: Conversion.toFloat16(wide, into: narrow, count: count)
            case .bfloat16: Conversion.toBFloat16(wide, into: narrow, count: count)
            }
            try write(UnsafeRawBufferPointer(start: narrow, count: 2 * count))
        }
    }
}

extension Weights {
    /// Writes the weights in Hugging Face's layout: `model.safetensors`, or numbered shards of at most `shardBytes` and their
    /// index.
    ///
    /// - Returns: the checksums of the files of tensors.
    /// - Throws: `CheckpointError`.
    @discardableResult
    package func save(
        to directory: String, as type: SaveType, shardBytes: Int = 5_000_000_000
    ) throws(CheckpointError) -> Checksums {
        let size = type.elementType.size
        var shards: [[ParameterTable.Parameter]] = [[]]
        var filled = 0
        for parameter in table.parameters {
            let bytes = parameter.range.count * size
            if filled > 0, filled + bytes > shardBytes {
                shards.append([])
                filled = 0
            }
            shards[shards.count - 1].append(parameter)
            filled += bytes
        }
        let files = shards.enumerated().map { number, shard in
            let name =
                shards.count == 1
                ? "model.safetensors"
                : "model-\(Weights.fiveDigits(number + 1))-of-\(Weights.fiveDigits(shards.count)).safetensors"
            return SavedFile(name: name, tensors: shard.map { SavedTensor(name: $0.name, content: .parameter($0)) })
        }
        return try save(files, values, indexed: shards.count > 1, to: directory, as: type)
    }

    /// Writes the weights into files named and filled as the source's: same tensors, same names, same order.
    ///
    /// - Returns: the checksums of the files of tensors.
    /// - Throws: `CheckpointError`.
    func save(
        _ values: UnsafePointer<Float>, to directory: String, as type: SaveType, like source: ModelDirectory
    ) throws(CheckpointError) -> Checksums {
        var parameters: [String: ParameterTable.Parameter] = [:]
        for parameter in table.parameters { parameters[parameter.name] = parameter }
        // A head stored beside the embedding it is tied to.
        if let name = table.tiedHeadName {
            parameters[name] = table.parameters.first
        }
        var left = table.parameters.filter { source.tensor($0.name) == nil }
        let files = source.weightFiles.enumerated().map { number, file in
            var tensors = file.tensors.compactMap { view -> SavedTensor? in
                if let parameter = parameters[view.name] {
                    return SavedTensor(name: view.name, content: .parameter(parameter))
                }
                // A reward model that was a language model has the other head in place of its own.
                return table.leavesOut(view.name) ? nil : SavedTensor(name: view.name, content: .asItCame(view))
            }
            if number == source.weightFiles.count - 1 {
                tensors += left.map { SavedTensor(name: $0.name, content: .parameter($0)) }
                left = []
            }
            return SavedFile(name: file.name, tensors: tensors)
        }
        return try save(files, values, indexed: source.hasIndex, to: directory, as: type)
    }

    /// A file to be written.
    private struct SavedFile {
        let name: String
        let tensors: [SavedTensor]
    }

    private struct SavedTensor {
        let name: String
        let content: Content

        enum Content {
            case parameter(ParameterTable.Parameter)
            /// A tensor that isn't trained (see `isBuffer`).
            case asItCame(TensorView)
        }

        func entry(_ type: SaveType) -> SafetensorsWriter.Entry {
            switch content {
            case .parameter(let parameter): (name, type.elementType, parameter.shape)
            case .asItCame(let view): (name, view.elementType, view.shape)
            }
        }
    }

    private func save(
        _ files: [SavedFile], _ values: UnsafePointer<Float>, indexed: Bool, to directory: String, as type: SaveType
    ) throws(CheckpointError) -> Checksums {
        var sums = Checksums()
        var map = JSONObject()
        var bytes = 0
        for file in files {
            // Wider elements go first, so that all are aligned.
            let tensors = file.tensors.enumerated().sorted {
                let (a, b) = ($0.element.entry(type).elementType.size, $1.element.entry(type).elementType.size)
                return (-a, $0.offset) < (-b, $1.offset)
            }.map(\.element)
            let layout = tensors.map { $0.entry(type) }
            var writer = try SafetensorsWriter(
                path: FileSystem.join(directory, file.name), layout: layout, metadata: ["format": "pt"])
            for tensor in tensors {
                switch tensor.content {
                case .parameter(let parameter): try writer.write(parameter, of: values, as: type)
                case .asItCame(let view): try writer.write(view.bytes)
                }
            }
            sums = try sums + writer.finish()
            for entry in layout {
                map[entry.name] = .string(file.name)
                bytes += entry.shape.reduce(entry.elementType.size, *)
            }
        }
        guard indexed else { return sums }
        let index: JSON = ["metadata": ["total_size": .integer(bytes)], "weight_map": .object(map)]
        do throws(StorageError) {
            try AtomicFile.write(index.prettyText, to: FileSystem.join(directory, "model.safetensors.index.json"))
        } catch {
            throw .storage(error)
        }
        return sums
    }

    private static func fiveDigits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}

/// Writes a complete model directory: `config.json` as it came (with the saved type), weights, and the companion files of
/// the model it came from.
///
/// - Parameter values: a copy of the weights' values to be saved in their place.
/// - Returns: the checksums of the files of tensors.
/// - Throws: `CheckpointError`.
@discardableResult
package func saveModel(
    _ weights: Weights, values: UnsafePointer<Float>? = nil, like source: ModelDirectory, to directory: String,
    as type: SaveType
) throws(CheckpointError) -> Checksums {
    var config = type.said(in: source.config)
    if case .reward(let padding) = weights.table.output {
        config["architectures"] = [.string(weights.table.className + Family.rewardModelSuffix)]
        config["id2label"] = ["0": "LABEL_0"]
        config["label2id"] = ["LABEL_0": 0]
        config["pad_token_id"] = padding.map { .integer(Int($0)) } ?? .null
    }
    do throws(StorageError) {
        try AtomicFile.write(JSON.object(config).prettyText, to: FileSystem.join(directory, "config.json"))
    } catch {
        throw .storage(error)
    }
    try source.copyCompanionFiles(to: directory)
    return try weights.save(values ?? UnsafePointer(weights.values), to: directory, as: type, like: source)
}
