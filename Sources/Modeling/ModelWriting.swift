import Checkpoints
import Kernels
import Storage

/// The format that weights are saved in.
public enum SaveType: String, Sendable, CaseIterable {
    case float32, float16, bfloat16

    public var elementType: ElementType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        }
    }
}

extension Weights {
    /// Writes the weights in Hugging Face's layout: `model.safetensors`, or numbered shards of at most `shardBytes` and their
    /// index.
    ///
    /// - Throws: `CheckpointError`.
    public func save(to directory: String, as type: SaveType, shardBytes: Int = 5_000_000_000) throws(CheckpointError) {
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
        guard shards.count > 1 else {
            return try save(shards[0], to: FileSystem.join(directory, "model.safetensors"), as: type)
        }
        var map = JSONObject()
        for (number, shard) in shards.enumerated() {
            let name = "model-\(Weights.fiveDigits(number + 1))-of-\(Weights.fiveDigits(shards.count)).safetensors"
            try save(shard, to: FileSystem.join(directory, name), as: type)
            for parameter in shard { map[parameter.name] = .string(name) }
        }
        let index: JSON = ["metadata": ["total_size": .integer(count * size)], "weight_map": .object(map)]
        do throws(StorageError) {
            try AtomicFile.write(index.prettyText, to: FileSystem.join(directory, "model.safetensors.index.json"))
        } catch {
            throw .storage(error)
        }
    }

    private static func fiveDigits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    private func save(_ shard: [ParameterTable.Parameter], to path: String, as type: SaveType) throws(CheckpointError) {
        var writer = try SafetensorsWriter(
            path: path, layout: shard.map { ($0.name, type.elementType, $0.shape) }, metadata: ["format": "pt"])
        let piece = 1 << 18
        let narrow = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: piece)
        defer { narrow.deallocate() }
        let narrowBytes = UnsafeRawBufferPointer(narrow)
        for parameter in shard {
            for start in stride(from: parameter.range.lowerBound, to: parameter.range.upperBound, by: piece) {
                let count = min(piece, parameter.range.upperBound - start)
                let source = values + start
                if type == .float32 {
                    try writer.write(UnsafeRawBufferPointer(start: source, count: 4 * count))
                    continue
                }
                switch type {
                case .float16: Conversion.toFloat16(source, into: narrow.baseAddress!, count: count)
                default: Conversion.toBFloat16(source, into: narrow.baseAddress!, count: count)
                }
                try writer.write(UnsafeRawBufferPointer(rebasing: narrowBytes[..<(2 * count)]))
            }
        }
        try writer.finish()
    }
}

/// Writes a complete model directory: `config.json` as it came (with the saved type), weights, and the companion files of
/// the model it came from.
///
/// - Throws: `CheckpointError`.
public func saveModel(_ weights: Weights, like source: ModelDirectory, to directory: String, as type: SaveType)
    throws(CheckpointError)
{
    var config = source.config.object ?? [:]
    for name in ["dtype", "torch_dtype"] where config[name] != nil { config[name] = .string(type.rawValue) }
    do throws(StorageError) {
        try AtomicFile.write(JSON.object(config).prettyText, to: FileSystem.join(directory, "config.json"))
    } catch {
        throw .storage(error)
    }
    try source.copyCompanionFiles(to: directory)
    try weights.save(to: directory, as: type)
}
