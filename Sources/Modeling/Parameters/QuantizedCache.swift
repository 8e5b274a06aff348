import Checkpoints
import Kernels
import Storage

/// A model's linear matrices, quantised once and kept in a folder: `<digest>-int8-1` or `<digest>-nf4-1`, named by the
/// content of the weights, what they became, and the version of how.
///
/// Such an entry appears by one rename with the checksums of its files, like a checkpoint; one that doesn't agree with
/// them, or isn't of these matrices, is made anew.
struct QuantizedCache: Sendable {
    /// To be raised when the same weights would be quantised to other numbers.
    private static let version = 1

    private let quantization: BaseQuantization
    /// Whole numbers: of the elements, and NF4's of the scales.
    private let codes: SafetensorsFile
    /// Float32 scales; NF4's outer ones and their mean.
    private let scales: SafetensorsFile

    init(
        _ directory: ModelDirectory, _ quantization: BaseQuantization,
        _ parameters: [ParameterTable.Parameter], folder: String, digest: Digest.Value, on pool: ThreadPool
    ) throws {
        let name = "\(digest.hex.prefix(32))-\(quantization.rawValue)-\(QuantizedCache.version)"
        let entries = CheckpointFolder(path: folder)
        self.quantization = quantization
        if let files = try? QuantizedCache.open(entries, name, quantization, parameters) {
            (codes, scales) = files
            return
        }
        try entries.write(name: name) { temporary in
            try QuantizedCache.write(directory, quantization, parameters, into: temporary, on: pool)
        }
        directory.releasePages()
        (codes, scales) = try QuantizedCache.open(entries, name, quantization, parameters)
    }

    func holds(_ tensor: String) -> Bool { codes[tensor] != nil }

    var bytes: Int { (codes.tensors + scales.tensors).reduce(0) { $0 + $1.bytes.count } }

    /// The quantised matrix of a parameter, its rows in the file's order; nil for one that isn't quantised.
    func matrix(of parameter: ParameterTable.Parameter) -> StoredMatrix? {
        let (rows, columns) = parameter.matrixShape
        guard let numbers = codes[parameter.name]?.bytes.baseAddress,
            let factors = scales[parameter.name]?.bytes.baseAddress
        else { return nil }
        switch quantization {
        case .none: return nil
        case .int8: return .int8(numbers, scales: factors, rows: rows, columns: columns)
        case .nf4:
            guard let scaleCodes = codes[QuantizedCache.scalesOf(parameter)]?.bytes.baseAddress,
                let mean = scales[QuantizedCache.meanOf(parameter)]?.bytes
            else { return nil }
            return .normalFloat(
                numbers, scaleCodes: scaleCodes, outerScales: factors, scaleMean: mean.loadUnaligned(as: Float.self),
                rows: rows, columns: columns)
        }
    }

    private static func scalesOf(_ parameter: ParameterTable.Parameter) -> String { parameter.name + ".scales" }

    private static func meanOf(_ parameter: ParameterTable.Parameter) -> String { parameter.name + ".mean" }

    // MARK: - The files

    private static let (codesFile, scalesFile) = ("codes.safetensors", "scales.safetensors")

    /// The layouts of these matrices in the two files.
    private static func layouts(
        _ quantization: BaseQuantization, _ parameters: [ParameterTable.Parameter]
    ) -> (codes: [SafetensorsWriter.Entry], scales: [SafetensorsWriter.Entry]) {
        var (codes, scales): ([SafetensorsWriter.Entry], [SafetensorsWriter.Entry]) = ([], [])
        for parameter in parameters {
            let (rows, columns) = parameter.matrixShape
            if quantization == .int8 {
                codes.append((parameter.name, .int8, [rows, columns]))
                scales.append((parameter.name, .float32, [rows]))
            } else {
                let shape = NormalFloatShape(elements: rows * columns)
                codes.append((parameter.name, .uint8, [shape.codes]))
                codes.append((scalesOf(parameter), .uint8, [shape.scales]))
                scales.append((parameter.name, .float32, [shape.outerScales]))
                scales.append((meanOf(parameter), .float32, [1]))
            }
        }
        return (codes, scales)
    }

    /// - Throws: `CheckpointError` for an entry that is absent, torn, or not of these matrices.
    private static func open(
        _ entries: CheckpointFolder, _ name: String, _ quantization: BaseQuantization,
        _ parameters: [ParameterTable.Parameter]
    ) throws(CheckpointError) -> (SafetensorsFile, SafetensorsFile) {
        let path = entries.path(of: name)
        try entries.verify(path)
        let layouts = layouts(quantization, parameters)
        func file(_ name: String, _ layout: [SafetensorsWriter.Entry]) throws(CheckpointError) -> SafetensorsFile {
            let file = try SafetensorsFile(path: FileSystem.join(path, name))
            let fits =
                file.tensors.count == layout.count
                && layout.allSatisfy { entry in
                    file[entry.name].map { $0.elementType == entry.elementType && $0.shape == entry.shape } ?? false
                }
            guard fits else { throw .damaged(path: file.path, reason: "it holds other matrices") }
            return file
        }
        return (try file(codesFile, layouts.codes), try file(scalesFile, layouts.scales))
    }

    private static func write(
        _ directory: ModelDirectory, _ quantization: BaseQuantization,
        _ parameters: [ParameterTable.Parameter], into folder: String, on pool: ThreadPool
    ) throws -> Checksums {
        let layouts = layouts(quantization, parameters)
        var codes = try SafetensorsWriter(path: FileSystem.join(folder, codesFile), layout: layouts.codes)
        // Few enough to be kept until all codes are written.
        var kept: [Memory] = []
        for parameter in parameters {
            let matrix = try FrozenReading.stored(parameter, in: directory)
            let source = MatrixQuantization(matrix, name: parameter.name, directory: directory.path, pool: pool)
            let quantized = quantization == .int8 ? try source.int8() : try source.normalFloat()
            for part in quantized.codes { try codes.write(UnsafeRawBufferPointer(part.bind(to: UInt8.self))) }
            withExtendedLifetime(quantized) {}
            kept += quantized.scales
        }
        let sums = try codes.finish()
        var file = try SafetensorsWriter(path: FileSystem.join(folder, scalesFile), layout: layouts.scales)
        for part in kept { try file.write(UnsafeRawBufferPointer(part.bind(to: UInt8.self))) }
        withExtendedLifetime(kept) {}
        return try sums + file.finish()
    }
}

/// Sizes of an NF4 tensor's parts.
struct NormalFloatShape {
    /// Bytes: two elements each.
    let codes: Int
    /// Blocks of elements, …
    let scales: Int
    /// … and of these.
    let outerScales: Int

    init(elements: Int) {
        codes = (elements + 1) / 2
        scales = (elements + NormalFloat.block - 1) / NormalFloat.block
        outerScales = (scales + NormalFloat.scaleBlock - 1) / NormalFloat.scaleBlock
    }
}
