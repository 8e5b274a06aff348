import Checkpoints
import Collectives
import Kernels
import Modeling
import Storage

/// The part of a checkpoint beside the model: all that decides the steps to come.
struct TrainerState: Equatable {
    /// Optimizer steps done.
    var step: Int
    /// The best value of `metric_for_best_model` so far, and its step.
    var best: Best?
    var carried = CarriedState()
    /// The settings that a run must share to go on from here, by name: the order of pairs hangs on them, and what the
    /// steps so far were steps of. Another objective or another model would give weights that belong to neither run.
    var identity: JSONObject

    struct Best: Equatable {
        package var step: Int
        var value: Double
    }

    /// 2: values of keys. 1, which is still read, kept the console's words.
    var format = 2

    private static let fileName = "trainer_state.json"
    private static let momentsName = "optimizer.safetensors"
    private static let weightsName = "weights.safetensors"
    private static let valueHeadName = "value_head.safetensors"
    /// The files of a checkpoint that aren't the model's.
    static let fileNames: Set<String> = [fileName, momentsName, weightsName, valueHeadName]

    // MARK: - Writing

    /// Writes all but the optimizer's state into a checkpoint folder. Float32 values go along when the model beside them is
    /// saved in fewer bits, and a value head in any case, since no model's file has it.
    ///
    /// - Returns: the checksums of their files.
    func save(
        to directory: String, values: UnsafePointer<Float>, of table: ParameterTable, savedAs type: SaveType
    ) throws -> Checksums {
        var json: JSONObject = ["format": .integer(format), "step": .integer(step)]
        json["run"] = .object(identity)
        if let best {
            json["best"] = ["step": .integer(best.step), "bits": .string(String(best.value.bitPattern, radix: 16))]
        }
        for (name, value) in carried.json.members { json[name] = value }
        try AtomicFile.write(JSON.object(json).prettyText, to: FileSystem.join(directory, TrainerState.fileName))
        var sums = Checksums()
        func write(_ name: String, of range: Range<Int>, to file: String) throws {
            var writer = try SafetensorsWriter(
                path: FileSystem.join(directory, file), layout: [(name, .float32, [range.count])],
                metadata: TrainerState.metadata)
            try writer.write(UnsafeRawBufferPointer(start: values + range.lowerBound, count: 4 * range.count))
            sums = try sums + writer.finish()
        }
        if let head = table.valueHead { try write(head.name, of: head.range, to: TrainerState.valueHeadName) }
        if type != .float32 { try write("weights", of: 0..<table.count, to: TrainerState.weightsName) }
        return sums
    }

    /// The file of the optimizer's state, to be filled part by part.
    static func momentsWriter(
        _ state: OptimizerState, in directory: String
    ) throws(CheckpointError) -> SafetensorsWriter {
        try SafetensorsWriter(
            path: FileSystem.join(directory, momentsName),
            layout: state.parts.map { ($0.name, $0.elementType, [state.count(of: $0)]) }, metadata: metadata)
    }

    private static let metadata = ["format": "swift-prefopt"]

    // MARK: - Reading

    /// Reads step, best and identity.
    /// - Throws: `TrainingError.damagedState`.
    init(directory: String) throws {
        let path = FileSystem.join(directory, TrainerState.fileName)
        guard FileSystem.exists(path) else { throw TrainingError.noCheckpoint(directory: directory) }
        let json = try JSON.parse(FileSystem.read(path))
        guard let format = json["format"]?.integer, (1...2).contains(format), let step = json["step"]?.integer,
            let identity = json["run"]?.object
        else {
            throw TrainingError.damagedState(file: path, reason: "not a state of this version's trainer")
        }
        self.format = format
        self.step = step
        self.identity = identity
        if let best = json["best"], let step = best["step"]?.integer,
            let bits = best["bits"]?.string.flatMap({ UInt64($0, radix: 16) })
        {
            self.best = Best(step: step, value: Double(bitPattern: bits))
        }
        carried = CarriedState(json: json)
    }

    init(step: Int, best: Best?, identity: JSONObject) {
        self.step = step
        self.best = best
        self.identity = identity
    }

    /// Reads weights and the optimizer's state on rank 0 and sends every rank what it keeps. Collective.
    static func restore(
        from directory: String, weights: Weights, optimizer: Optimizer, over communicator: Communicator,
        on pool: ThreadPool
    ) throws {
        let parts = optimizer.state.parts
        var moments: SafetensorsFile?
        let tensors = try communicator.onRoot {
            try restoreWeights(from: directory, into: weights, on: pool)
            let file = try SafetensorsFile(path: FileSystem.join(directory, momentsName))
            moments = file
            return try parts.map { try tensor($0.name, $0.elementType, optimizer.state.count(of: $0), of: file) }
        }
        communicator.broadcast(UnsafeMutableBufferPointer(start: weights.values, count: weights.count))
        // Only rank 0 is asked for bytes.
        let sources = tensors ?? []
        var read = [Int](repeating: 0, count: parts.count)
        optimizer.distribute(over: communicator) { part, bytes in
            let end = read[part] + bytes.count
            bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: sources[part].bytes[read[part]..<end]))
            read[part] = end
        }
        withExtendedLifetime(moments) {}
    }

    /// The float32 weights of a checkpoint of this trainer.
    static func restoreWeights(from directory: String, into weights: Weights, on pool: ThreadPool) throws {
        let full = FileSystem.join(directory, weightsName)
        if FileSystem.exists(full) {
            return try read("weights", of: SafetensorsFile(path: full), into: weights.values, count: weights.count)
        }
        try weights.load(directory, on: pool)
        guard let head = weights.table.valueHead else { return }
        try read(
            head.name, of: SafetensorsFile(path: FileSystem.join(directory, valueHeadName)),
            into: weights.values + head.range.lowerBound, count: head.range.count)
    }

    private static func read(
        _ name: String, of file: SafetensorsFile, into values: UnsafeMutablePointer<Float>, count: Int
    ) throws {
        let tensor = try tensor(name, .float32, count, of: file)
        UnsafeMutableRawPointer(values).copyMemory(from: tensor.bytes.baseAddress!, byteCount: 4 * count)
    }

    private static func tensor(
        _ name: String, _ type: ElementType, _ count: Int, of file: SafetensorsFile
    ) throws -> TensorView {
        guard let tensor = file[name], tensor.elementType == type, tensor.shape == [count] else {
            throw TrainingError.damagedState(
                file: file.path, reason: "\"\(name)\" is not there as \(count) \(type) numbers")
        }
        return tensor
    }
}
