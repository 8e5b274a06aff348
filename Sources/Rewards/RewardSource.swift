import Storage

/// Names where a response's reward comes from: a SPEC of `annotate --reward NAME=SPEC`, of `judge --judge SPEC`, or of
/// `rewards:` in a run file.
///
/// - `model:DIR`: a reward model, a sequence classification folder with one label.
/// - `implicit:DIR[,reference=DIR][,beta=B]`: B (log π − log π_ref) of a model that was trained on preferences.
/// - `length:F`: F times the response's length in characters (Unicode scalars).
/// - `lexicon:FILE`: see `Lexicon`.
/// - `command:"PROGRAM ARGUMENTS"`: see `RewardCommand`.
/// - `endpoint:URL,model=NAME[,prompt=FILE]`: see `RewardEndpoint`.
package enum RewardSource: Sendable, Equatable {
    case model(String)
    case implicit(model: String, reference: String?, beta: Double)
    case length(factor: Double)
    case lexicon(path: String)
    case command(String)
    case endpoint(url: String, model: String, promptFile: String?)

    /// The kinds with their parts, for messages.
    static let forms = [
        "model:DIR", "implicit:DIR[,reference=DIR][,beta=B]", "length:FACTOR", "lexicon:FILE", "command:\"PROGRAM …\"",
        "endpoint:URL,model=NAME[,prompt=FILE]",
    ]

    /// Reads a SPEC.
    /// - Throws: `RewardError.spec`.
    package init(_ spec: String) throws(RewardError) {
        let parts = spec.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[1].isEmpty else {
            throw .spec(spec, problem: "it has no \"KIND:\" in front, or nothing after it")
        }
        let value = parts[1]
        switch parts[0] {
        case "model":
            self = .model(value)
        case "implicit":
            let (model, options) = try Self.options(value, of: spec, named: ["reference", "beta"])
            var beta = 0.1
            if let text = options["beta"] {
                guard let number = Double(text), number.isFinite, number > 0 else {
                    throw .spec(spec, problem: "beta is \"\(text)\"; expected a number above 0")
                }
                beta = number
            }
            self = .implicit(model: model, reference: options["reference"], beta: beta)
        case "length":
            guard let factor = Double(value), factor.isFinite, factor != 0 else {
                throw .spec(spec, problem: "\"\(value)\" is no factor; expected a number that isn't 0, for instance -1")
            }
            self = .length(factor: factor)
        case "lexicon":
            self = .lexicon(path: value)
        case "command":
            self = .command(Self.unquoted(value))
        case "endpoint":
            let (url, options) = try Self.options(value, of: spec, named: ["model", "prompt"])
            guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
                throw .spec(spec, problem: "\"\(url)\" is no URL; expected http://… or https://…")
            }
            guard let model = options["model"] else {
                throw .spec(spec, problem: "it names no model; add ,model=NAME")
            }
            self = .endpoint(url: url, model: model, promptFile: options["prompt"])
        default:
            throw .spec(spec, problem: "\"\(parts[0])\" is no kind of reward")
        }
    }

    /// The SPEC that it is read from.
    package var spec: String {
        switch self {
        case .model(let path): "model:\(path)"
        case .implicit(let model, let reference, let beta):
            "implicit:\(model)" + (reference.map { ",reference=\($0)" } ?? "") + ",beta=\(beta)"
        case .length(let factor): "length:\(factor)"
        case .lexicon(let path): "lexicon:\(path)"
        case .command(let command): "command:\(command)"
        case .endpoint(let url, let model, let promptFile):
            "endpoint:\(url),model=\(model)" + (promptFile.map { ",prompt=\($0)" } ?? "")
        }
    }

    /// Whether the reward follows from the two texts alone, without a model of this program's.
    package var isOfText: Bool {
        switch self {
        case .model, .implicit: false
        case .length, .lexicon, .command, .endpoint: true
        }
    }

    /// Splits `VALUE,name=…,name=…`. A comma that no known name follows belongs to what stands before it.
    private static func options(
        _ text: String, of spec: String, named names: [String]
    ) throws(RewardError) -> (value: String, options: [String: String]) {
        var value: String?
        var options: [String: String] = [:]
        var last: String?
        for piece in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            let name = piece.split(separator: "=", maxSplits: 1).first.map(String.init) ?? ""
            if value != nil, piece.contains("="), names.contains(name) {
                guard options[name] == nil else { throw .spec(spec, problem: "\(name) is given twice") }
                options[name] = String(piece.dropFirst(name.count + 1))
                last = name
            } else if let last {
                options[last]? += "," + piece
            } else {
                value = value.map { $0 + "," + piece } ?? piece
            }
        }
        if let empty = options.first(where: { $0.value.isEmpty }) {
            throw .spec(spec, problem: "\(empty.key) is empty")
        }
        guard let value, !value.isEmpty else { throw .spec(spec, problem: "nothing stands after the colon") }
        return (value, options)
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count > 1, let first = text.first, first == text.last, first == "\"" || first == "'" else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }
}
