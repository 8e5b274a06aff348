/// Why a model directory can't be trained here.
package enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    case family(file: String, found: String)
    case missing(file: String, field: String)
    case wrongType(file: String, field: String, found: String, expected: String)
    case unsupported(file: String, field: String, found: String, supported: String)
    case inconsistent(file: String, reason: String)
    case missingTensor(directory: String, name: String, shape: [Int])
    case wrongShape(directory: String, name: String, found: [Int], expected: [Int])
    case wrongElementType(directory: String, name: String, found: String)
    case unusedTensor(directory: String, name: String)
    case untiedHead(directory: String, name: String)
    /// A reward model where only a language model will do.
    case rewardModel(directory: String)
    case tooLong(positions: Int, limit: Int)
    case nonFinite(directory: String, name: String)
    /// Float weights were wanted and quantised ones are there.
    case quantized(directory: String)
    case quantizedTwice(directory: String, quantization: String)
    case quantizedExport(directory: String)
    case noCache(quantization: String)
    /// A tensor of a quantised matrix that isn't what its format says.
    case wrongStorage(directory: String, name: String, found: String, expected: String)

    package var description: String {
        switch self {
        case .family(let file, let found):
            "\(file): \"model_type\" is \(found); this version trains \(Family.all.map(\.name).joined(separator: ", "))"
        case .missing(let file, let field):
            "\(file): \"\(field)\" is missing; it is needed to know the model's shape"
        case .wrongType(let file, let field, let found, let expected):
            "\(file): \"\(field)\" is \(found), expected \(expected)"
        case .unsupported(let file, let field, let found, let supported):
            "\(file): \"\(field)\": \(found) changes the model's arithmetic and isn't implemented; supported: \(supported)"
        case .inconsistent(let file, let reason):
            "\(file): \(reason)"
        case .missingTensor(let directory, let name, let shape):
            "\(directory): the weights hold no tensor \"\(name)\" of shape \(shape) that config.json asks for"
        case .wrongShape(let directory, let name, let found, let expected):
            "\(directory): tensor \"\(name)\" has shape \(found), config.json asks for \(expected)"
        case .wrongElementType(let directory, let name, let found):
            "\(directory): tensor \"\(name)\" holds \(found); weights must be F32, F16 or BF16"
        case .unusedTensor(let directory, let name):
            "\(directory): tensor \"\(name)\" has no place in the model that config.json describes; "
                + "remove it or correct config.json"
        case .rewardModel(let directory):
            "\(directory): is a reward model (…ForSequenceClassification), whose head gives one number and no tokens; name a "
                + "language model's folder"
        case .untiedHead(let directory, let name):
            "\(directory): config.json says that the head is the embedding (tie_word_embeddings), but \"\(name)\" is stored "
                + "and differs from it; set \"tie_word_embeddings\": false, or remove the tensor"
        case .tooLong(let positions, let limit):
            "sequences of up to \(positions) tokens, but the model has learned positions for \(limit); "
                + "set max_length to \(limit) or less"
        case .nonFinite(let directory, let name):
            "\(directory): tensor \"\(name)\" holds a value that is not finite; the checkpoint is damaged"
        case .quantized(let directory):
            "\(directory): its weights are quantised, so they can't be trained themselves; train adapters on them "
                + "(use_peft: true), or give the model that they were made from"
        case .quantizedTwice(let directory, let quantization):
            "\(directory): its weights are quantised already; remove \(quantization)"
        case .quantizedExport(let directory):
            "\(directory): its weights are quantised in a way that isn't exported; make floats of them first "
                + "(swift-prefopt merge --models \(directory):1 --output DIR) and export those"
        case .noCache(let quantization):
            "\(quantization) needs a folder to keep the quantised weights in"
        case .wrongStorage(let directory, let name, let found, let expected):
            "\(directory): tensor \"\(name)\" holds \(found), expected \(expected); the checkpoint is damaged, or "
                + "its quantization_config is another one's"
        }
    }
}
