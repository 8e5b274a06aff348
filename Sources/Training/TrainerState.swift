import Checkpoints
import Collectives
import Kernels
import Modeling
import Storage

/// What a checkpoint holds beside the model: all that decides the steps to come.
struct TrainerState: Equatable {
    /// Optimizer steps done.
    var step: Int
    /// The best value of `metric_for_best_model` so far, and its step.
    var best: Best?
    /// What a run that goes on from here must share, by name: the order of pairs hangs on it, and what the steps so far were
    /// steps of. Going on with another objective or from another model would give weights that belong to neither run.
    var identity: JSONObject

    struct Best: Equatable {
        var step: Int
        var value: Double
    }

    private static let fileName = "trainer_state.json"
    private static let momentsName = "optimizer.safetensors"
    private static let weightsName = "weights.safetensors"

    // MARK: - Writing

    /// Writes the state into a checkpoint folder. Float32 weights go along when the model beside it is saved in fewer bits.
    func save(to directory: String, optimizer: Optimizer, weights: Weights, savedAs type: SaveType) throws {
        var json: JSONObject = ["format": 1, "step": .integer(step)]
        json["run"] = .object(identity)
        if let best {
            json["best"] = ["step": .integer(best.step), "bits": .string(String(best.value.bitPattern, radix: 16))]
        }
        try AtomicFile.write(JSON.object(json).prettyText, to: FileSystem.join(directory, TrainerState.fileName))
        try TrainerState.write(
            optimizer.moments, count: weights.count, to: FileSystem.join(directory, TrainerState.momentsName))
        if type != .float32 {
            try TrainerState.write(
                [("weights", weights.values)], count: weights.count,
                to: FileSystem.join(directory, TrainerState.weightsName))
        }
    }

    private static func write(
        _ vectors: [(name: String, values: UnsafeMutablePointer<Float>)], count: Int, to path: String
    ) throws {
        var writer = try SafetensorsWriter(
            path: path, layout: vectors.map { ($0.name, .float32, [count]) }, metadata: ["format": "swift-prefopt"])
        for vector in vectors { try writer.write(UnsafeRawBufferPointer(start: vector.values, count: 4 * count)) }
        try writer.finish()
    }

    // MARK: - Reading

    /// Reads step, best and identity.
    /// - Throws: `TrainingError.damagedState`.
    init(directory: String) throws {
        let path = FileSystem.join(directory, TrainerState.fileName)
        guard FileSystem.exists(path) else { throw TrainingError.noCheckpoint(directory: directory) }
        let json = try JSON.parse(FileSystem.read(path))
        guard json["format"] == 1, let step = json["step"]?.integer, let identity = json["run"]?.object else {
            throw TrainingError.damagedState(file: path, reason: "not a state of this version's trainer")
        }
        self.step = step
        self.identity = identity
        if let best = json["best"], let step = best["step"]?.integer,
            let bits = best["bits"]?.string.flatMap({ UInt64($0, radix: 16) })
        {
            self.best = Best(step: step, value: Double(bitPattern: bits))
        }
    }

    init(step: Int, best: Best?, identity: JSONObject) {
        self.step = step
        self.best = best
        self.identity = identity
    }

    /// Reads weights and moments on rank 0 and sends them to all. Collective.
    static func restore(
        from directory: String, weights: Weights, optimizer: Optimizer, over communicator: Communicator,
        on pool: ThreadPool
    ) throws {
        try communicator.agree {
            guard communicator.isRoot else { return }
            try restoreWeights(from: directory, into: weights, on: pool)
            let moments = try SafetensorsFile(path: FileSystem.join(directory, momentsName))
            for moment in optimizer.moments {
                try read(moment.name, of: moments, into: moment.values, count: weights.count)
            }
        }
        communicator.broadcast(UnsafeMutableBufferPointer(start: weights.values, count: weights.count))
        for moment in optimizer.moments {
            communicator.broadcast(UnsafeMutableBufferPointer(start: moment.values, count: weights.count))
        }
    }

    /// The float32 weights of a checkpoint of this trainer.
    static func restoreWeights(from directory: String, into weights: Weights, on pool: ThreadPool) throws {
        let full = FileSystem.join(directory, weightsName)
        if FileSystem.exists(full) {
            return try read("weights", of: SafetensorsFile(path: full), into: weights.values, count: weights.count)
        }
        try weights.load(directory, on: pool)
    }

    private static func read(
        _ name: String, of file: SafetensorsFile, into values: UnsafeMutablePointer<Float>, count: Int
    ) throws {
        guard let tensor = file[name], tensor.elementType == .float32, tensor.shape == [count] else {
            throw TrainingError.damagedState(
                file: file.path, reason: "\"\(name)\" is not there as \(count) float32 numbers")
        }
        UnsafeMutableRawPointer(values).copyMemory(from: tensor.bytes.baseAddress!, byteCount: 4 * count)
    }
}
