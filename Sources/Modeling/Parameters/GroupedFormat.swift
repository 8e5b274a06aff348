import Checkpoints
import Kernels
import Storage

/// The format of the matrices of a checkpoint that GPTQ quantised (arXiv 2210.17323): `quantization_config` of
/// config.json, or the same fields in AutoGPTQ's quantize_config.json beside it.
package struct GroupedFormat: Equatable {
    /// 4 or 8.
    let bits: Int
    /// Inputs that share a scale; nil: all of them.
    let groupSize: Int?
    /// Whether inputs were quantised in the order of their activations, so that g_idx says each one's group.
    let ordersByActivation: Bool
    /// `checkpoint_format` gptq, whose zero points are stored less one; else gptq_v2.
    let zerosAreOneLess: Bool

    /// The format of a directory; nil for one whose weights are floats.
    /// - Throws: `ModelError` for another method, number of bits or layout, or a field that may change the arithmetic;
    ///   `CheckpointError` for a file that can't be read.
    package static func of(_ directory: ModelDirectory) throws -> GroupedFormat? {
        let config = FileSystem.join(directory.path, "config.json")
        if let value = directory.config["quantization_config"], !value.isNull {
            guard let object = value.object else {
                throw ModelError.wrongType(
                    file: config, field: "quantization_config", found: value.kind, expected: "an object")
            }
            return try GroupedFormat(ConfigFields(object: object, file: "\(config): quantization_config"))
        }
        let beside = FileSystem.join(directory.path, "quantize_config.json")
        guard FileSystem.exists(beside) else { return nil }
        guard let object = try ModelDirectory.readObject(beside).object else { return nil }
        return try GroupedFormat(ConfigFields(object: object, file: beside))
    }

    private init(_ fields: ConfigFields) throws(ModelError) {
        func refuse(_ field: String, _ found: String, _ supported: String) -> ModelError {
            .unsupported(file: fields.file, field: field, found: found, supported: supported)
        }
        let method = try fields.string("quant_method") ?? "gptq"
        guard method == "gptq" else { throw refuse("quant_method", method, "gptq") }
        bits = try fields.size("bits")
        guard bits == 4 || bits == 8 else { throw refuse("bits", "\(bits)", "4, 8") }
        let size = fields["group_size"]
        if size == .integer(-1) {
            groupSize = nil
        } else {
            groupSize = try fields.size("group_size", default: 128)
        }
        ordersByActivation = try fields.bool("desc_act", default: false)
        // Zero points are stored in either case.
        _ = try fields.bool("sym", default: true)
        let format = try fields.string("checkpoint_format") ?? "gptq"
        guard ["gptq", "gptq_v2"].contains(format) else { throw refuse("checkpoint_format", format, "gptq, gptq_v2") }
        zerosAreOneLess = format == "gptq"
        if let type = try fields.string("pack_dtype"), type != "int32" { throw refuse("pack_dtype", type, "int32") }
        if let dynamic = fields["dynamic"], dynamic.object?.members.isEmpty == false {
            throw refuse("dynamic", dynamic.text, "the same bits and groups for all matrices")
        }
        try fields.refuseUnread(
            beyond: GroupedFormat.harmless,
            supported: "what AutoGPTQ and GPTQModel need to compute the weights; if it doesn't change them, remove it")
    }

    /// Fields on how the numbers were found, which tool made them, and with what it would multiply them.
    private static let harmless: Set<String> = [
        "damp_percent", "damp_auto_increment", "true_sequential", "static_groups", "mse", "meta", "quantizer",
        "model_name_or_path", "model_file_base_name", "model_seqlen", "block_name_to_quantize",
        "module_name_preceding_first_block", "modules_in_block_to_quantize", "batch_size", "pad_token_id", "tokenizer",
        "dataset", "max_input_length", "cache_block_outputs", "use_cuda_fp16", "use_exllama", "disable_exllama",
        "exllama_config", "backend",
    ]
}

extension GroupedFormat {
    /// The tensors of a matrix beside each other.
    static let tensors = ["qweight", "qzeros", "scales", "g_idx"]

    /// The matrix that a module's tensors hold, each of them checked.
    ///
    /// - Parameters:
    ///   - module: "model.layers.0.self_attn.q_proj"
    /// - Throws: `ModelError` for a tensor that is missing, of another type or shape, or names a group that isn't there.
    func matrix(
        _ module: String, outputs: Int, inputs: Int, in directory: ModelDirectory, on pool: ThreadPool
    ) throws(ModelError) -> StoredMatrix {
        let perWord = 32 / bits
        guard outputs % perWord == 0, inputs % perWord == 0 else {
            throw .inconsistent(
                file: directory.path,
                reason:
                    "\(module) has \(outputs) outputs and \(inputs) inputs; GPTQ packs \(perWord) numbers in a word "
                    + "along each")
        }
        let size = groupSize ?? inputs
        let count = (inputs + size - 1) / size
        func bytes(_ name: String, _ types: [ElementType], _ shape: [Int]) throws(ModelError) -> TensorView {
            guard let tensor = directory.tensor("\(module).\(name)") else {
                throw .missingTensor(directory: directory.path, name: "\(module).\(name)", shape: shape)
            }
            guard tensor.shape == shape, types.contains(tensor.elementType) else {
                throw .wrongStorage(
                    directory: directory.path, name: tensor.name,
                    found: "\(tensor.elementType.rawValue) \(tensor.shape)",
                    expected: "\(types.map(\.rawValue).joined(separator: " or ")) \(shape)")
            }
            return tensor
        }
        let numbers = try bytes("qweight", [.int32], [inputs / perWord, outputs])
        let zeros = try bytes("qzeros", [.int32], [count, outputs / perWord])
        let scales = try bytes("scales", [.float16, .bfloat16, .float32], [count, outputs])
        let groups = try groups(module, inputs, size, count, in: directory) { () throws(ModelError) in
            try bytes("g_idx", [.int32], [inputs])
        }
        guard let numberBase = numbers.bytes.baseAddress, let zeroBase = zeros.bytes.baseAddress,
            let scaleBase = scales.bytes.baseAddress
        else { throw .missingTensor(directory: directory.path, name: numbers.name, shape: numbers.shape) }
        let scaleType: GroupedIntegers.ScaleType
        let stored: StoredMatrix
        switch scales.elementType {
        case .float16: (scaleType, stored) = (.float16, .float16(scaleBase, rows: count, columns: outputs))
        case .bfloat16: (scaleType, stored) = (.bfloat16, .bfloat16(scaleBase, rows: count, columns: outputs))
        default: (scaleType, stored) = (.float32, .float32(scaleBase, rows: count, columns: outputs))
        }
        guard stored.isFinite(on: pool) else { throw .nonFinite(directory: directory.path, name: scales.name) }
        return .grouped(
            GroupedIntegers(
                numbers: numberBase, zeros: zeroBase, scales: scaleBase, scaleType: scaleType, groups: groups,
                groupSize: size, bits: bits, zerosAreOneLess: zerosAreOneLess), rows: outputs, columns: inputs)
    }

    /// g_idx, where it says anything: in order of the inputs it repeats the group size, and some tools leave it zero then.
    private func groups(
        _ module: String, _ inputs: Int, _ size: Int, _ count: Int, in directory: ModelDirectory,
        _ read: () throws(ModelError) -> TensorView
    ) throws(ModelError) -> UnsafeRawPointer? {
        guard ordersByActivation || directory.tensor("\(module).g_idx") != nil else { return nil }
        let tensor = try read()
        guard let base = tensor.bytes.baseAddress else { return nil }
        var (isOrdered, isZero) = (true, true)
        for input in 0..<inputs {
            let group = Int(base.loadUnaligned(fromByteOffset: 4 * input, as: Int32.self))
            guard 0..<count ~= group else {
                throw .wrongStorage(
                    directory: directory.path, name: tensor.name, found: "group \(group) of input \(input)",
                    expected: "a group from 0 to \(count - 1)")
            }
            isOrdered = isOrdered && group == input / size
            isZero = isZero && group == 0
        }
        return isOrdered || isZero && !ordersByActivation ? nil : base
    }
}
