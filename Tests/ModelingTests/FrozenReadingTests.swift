import Checkpoints
import Kernels
import Modeling
import Scratch
import Storage
import Testing

/// Matrices of Tests/Goldens/quantized (see make_quantized_goldens.py) as float32, bit for bit.
@Suite struct FrozenReadingTests {
    static let path = "\(Golden.directory)/quantized"
    static let gptq = [
        "4-32", "4-64-ordered", "4-all", "4-32-v2", "8-32", "8-64-ordered", "8-all-ordered",
    ]

    /// The one matrix of a directory.
    private func parameter(of directory: ModelDirectory) throws -> ParameterTable.Parameter {
        let architecture = try Architecture(config: directory.config, file: directory.path)
        let table = ParameterTable(architecture)
        return try #require(table.parameters.first { $0.name == "model.layers.0.self_attn.q_proj.weight" })
    }

    private func digest(
        of parameter: ParameterTable.Parameter, _ reading: FrozenReading, on pool: ThreadPool
    ) throws -> String {
        let matrix = try reading.matrix(of: parameter, on: pool)
        var values = [Float](repeating: 0, count: matrix.rows * matrix.columns)
        matrix.widen(rows: 0..<matrix.rows, columns: 0..<matrix.columns, into: &values, stride: matrix.columns)
        // The matrix lies in files that the reading keeps mapped.
        withExtendedLifetime(reading) {}
        return values.withUnsafeBytes { Digest.of($0).hex }
    }

    private func golden(_ path: String...) throws -> String {
        var value = try JSON.parse(FileSystem.read("\(FrozenReadingTests.path)/goldens.json"))
        for name in path { value = try #require(value[name]) }
        return try #require(value["sha256"]?.string)
    }

    /// The error that reading the matrix of a directory fails with.
    private func refusal(
        _ path: String, _ quantization: BaseQuantization = .none, folder: String? = nil
    ) -> String? {
        do {
            let directory = try ModelDirectory(path: path)
            let (pool, parameter) = (ThreadPool(count: 2), try parameter(of: directory))
            let reading = try FrozenReading(
                directory, quantization: quantization, linear: [parameter], folder: folder, on: pool)
            _ = try reading.matrix(of: parameter, on: pool)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// A copy of a directory with its config changed.
    private func copy(_ name: String, _ change: (String) -> String) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let source = "\(FrozenReadingTests.path)/\(name)"
        try FileSystem.copy("\(source)/model.safetensors", to: directory.file("model.safetensors"))
        let config = String(decoding: try FileSystem.read("\(source)/config.json"), as: UTF8.self)
        let changed = change(config)
        #expect(changed != config)
        _ = try directory.write(changed, as: "config.json")
        return directory
    }

    @Test("GPTQ's files hold the matrices that were packed", arguments: gptq)
    func grouped(_ name: String) throws {
        let directory = try ModelDirectory(path: "\(FrozenReadingTests.path)/\(name)")
        let (pool, parameter) = (ThreadPool(count: 2), try parameter(of: directory))
        let reading = try FrozenReading(directory, on: pool)
        #expect(reading.isGrouped)
        #expect(try digest(of: parameter, reading, on: pool) == golden(name))
        #expect(Set(reading.tensors(of: parameter)) == Set(directory.tensorNames))
    }

    @Test("AutoGPTQ's older file beside config.json says the same")
    func olderConfig() throws {
        let directory = try TemporaryDirectory()
        let source = "\(FrozenReadingTests.path)/4-64-ordered"
        try FileSystem.copy("\(source)/model.safetensors", to: directory.file("model.safetensors"))
        let config = try #require(JSON.parse(FileSystem.read("\(source)/config.json")).object)
        var plain = JSONObject()
        for (name, value) in config.members where name != "quantization_config" { plain[name] = value }
        _ = try directory.write(JSON.object(plain).text, as: "config.json")
        _ = try directory.write(
            #"{"bits": 4, "group_size": 64, "desc_act": true, "sym": false, "damp_percent": 0.1}"#,
            as: "quantize_config.json")
        let model = try ModelDirectory(path: directory.path)
        let (pool, parameter) = (ThreadPool(count: 1), try parameter(of: model))
        let reading = try FrozenReading(model, on: pool)
        #expect(try digest(of: parameter, reading, on: pool) == golden("4-64-ordered"))
    }

    @Test("float matrices stay as they are, or become bitsandbytes' NF4 and int8, once")
    func quantizing() throws {
        let directory = try ModelDirectory(path: "\(FrozenReadingTests.path)/floats")
        let (pool, parameter) = (ThreadPool(count: 3), try parameter(of: directory))
        let folder = try TemporaryDirectory()
        let plain = try FrozenReading(directory, on: pool)
        #expect(try digest(of: parameter, plain, on: pool) == golden("floats", "none"))
        #expect(plain.tensors(of: parameter) == [parameter.name])
        for quantization in [BaseQuantization.nf4, .int8] {
            for _ in 0..<2 {
                let reading = try FrozenReading(
                    directory, quantization: quantization, linear: [parameter], folder: folder.path, on: pool)
                let found = try digest(of: parameter, reading, on: pool)
                #expect(try found == golden("floats", quantization.rawValue), "\(quantization)")
            }
            let others = try FrozenReading(
                directory, quantization: quantization, linear: [], folder: folder.path + "/none", on: pool)
            #expect(try digest(of: parameter, others, on: pool) == golden("floats", "none"))
        }
        let model = try directory.contentDigest().hex.prefix(32)
        let entries = Set(try FileSystem.list(folder.path)).subtracting(["none"])
        #expect(entries == ["\(model)-int8-1", "\(model)-nf4-1"])
    }

    @Test("a cache entry that was cut, changed or is another model's is made anew")
    func tornCache() throws {
        let directory = try ModelDirectory(path: "\(FrozenReadingTests.path)/floats")
        let (pool, parameter) = (ThreadPool(count: 2), try parameter(of: directory))
        let folder = try TemporaryDirectory()
        func read() throws -> String {
            let reading = try FrozenReading(
                directory, quantization: .nf4, linear: [parameter], folder: folder.path, on: pool)
            return try digest(of: parameter, reading, on: pool)
        }
        let expected = try golden("floats", "nf4")
        #expect(try read() == expected)
        let name = try #require(try FileSystem.list(folder.path).first)
        for file in ["codes.safetensors", "scales.safetensors", "checksums.json"] {
            let path = "\(folder.path)/\(name)/\(file)"
            let content = try FileSystem.read(path)
            var flipped = content
            flipped[flipped.count - 5] ^= 4
            for damage in [flipped, Array(content.dropLast(7)), [], Array(content.prefix(3))] {
                _ = try folder.write(damage, as: "\(name)/\(file)")
                #expect(try read() == expected)
                #expect(try FileSystem.read(path) == content, "\(file) is what it was")
            }
        }
    }

    @Test("a matrix of another shape, type or group is refused by name")
    func damagedTensors() throws {
        let module = "model.layers.0.self_attn.q_proj"
        let bits = try copy("4-32") { $0.replacing("\"bits\": 4", with: "\"bits\": 8") }
        #expect(
            refusal(bits.path)?.contains("\(module).qweight\" holds I32 [16, 64], expected I32 [32, 64]") == true)
        let size = try copy("4-32") { $0.replacing("\"group_size\": 32", with: "\"group_size\": 64") }
        #expect(refusal(size.path)?.contains("\(module).qzeros\" holds I32 [4, 8], expected I32 [2, 8]") == true)

        let damaged = try TemporaryDirectory()
        let source = "\(FrozenReadingTests.path)/4-64-ordered"
        try FileSystem.copy("\(source)/config.json", to: damaged.file("config.json"))
        let model = try ModelDirectory(path: source)
        let tensors = model.tensorNames.compactMap { model.tensor($0) }
        var file = try FileSystem.read("\(source)/model.safetensors")
        // Tensors lie one after the other, up to the end of the file.
        var place = file.count - tensors.reduce(0) { $0 + $1.bytes.count }
        for tensor in tensors {
            if tensor.name == "\(module).g_idx" { file[place + 4 * 9] = 2 }
            place += tensor.bytes.count
        }
        _ = try damaged.write(file, as: "model.safetensors")
        #expect(
            refusal(damaged.path)?.contains("\(module).g_idx\" holds group 2 of input 9, expected a group from 0 to 1")
                == true)
    }

    @Test("what changes the arithmetic and isn't implemented is refused by name")
    func refusals() throws {
        func changed(_ text: String, _ other: String) throws -> String? {
            let directory = try copy("4-32") { $0.replacing(text, with: other) }
            defer { withExtendedLifetime(directory) {} }
            return refusal(directory.path)
        }
        #expect(try changed("\"quant_method\": \"gptq\"", "\"quant_method\": \"awq\"")?.contains("awq") == true)
        #expect(try changed("\"bits\": 4", "\"bits\": 3")?.contains("\"bits\": 3") == true)
        #expect(
            try changed("\"checkpoint_format\": \"gptq\"", "\"checkpoint_format\": \"marlin\"")?.contains("marlin")
                == true)
        #expect(try changed("\"damp_percent\": 0.01", "\"lm_head\": true")?.contains("lm_head") == true)
        #expect(
            try changed("\"damp_percent\": 0.01", "\"dynamic\": {\"+:.*\": {\"bits\": 8}}")?.contains("dynamic")
                == true)
        #expect(try changed("\"damp_percent\": 0.01", "\"rotation\": \"hadamard\"")?.contains("rotation") == true)
        #expect(
            refusal("\(FrozenReadingTests.path)/4-32", .nf4, folder: "/nowhere")?.contains(
                "quantised already; remove load_in_4bit") == true)
        #expect(refusal("\(FrozenReadingTests.path)/floats", .int8)?.contains("load_in_8bit needs a folder") == true)
    }

    @Test("quantised weights can't be trained themselves")
    func fullTraining() throws {
        let directory = try ModelDirectory(path: "\(FrozenReadingTests.path)/4-32")
        let architecture = try Architecture(config: directory.config, file: directory.path)
        #expect(throws: ModelError.quantized(directory: directory.path)) {
            var random = SystemRandomNumberGenerator()
            _ = try Weights(
                directory, architecture: architecture, headFrom: &random, on: ThreadPool(count: 1))
        }
    }

    @Test("a weight that isn't finite is refused by every kind", arguments: BaseQuantization.allCases)
    func notFinite(_ quantization: BaseQuantization) throws {
        let (folder, source) = (try TemporaryDirectory(), "\(FrozenReadingTests.path)/floats")
        try FileSystem.copy("\(source)/config.json", to: folder.file("config.json"))
        var bytes = try FileSystem.read("\(source)/model.safetensors")
        // The last bfloat16.
        (bytes[bytes.count - 2], bytes[bytes.count - 1]) = (0x80, 0x7F)
        _ = try folder.write(bytes, as: "model.safetensors")
        #expect(refusal(folder.path, quantization, folder: folder.file("cache"))?.contains("not finite") == true)
    }
}
