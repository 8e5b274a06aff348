/// The plan of `study simpo`, as its YAML file describes it:
///
///     base: run.yaml             # model, data, length of the runs; without keys of a loss. Relative to this file's folder
///     output_dir: studies/simpo
///     beta: 2                    # SimPO's
///     gamma: 1                   # of the SimPO run that is looked at closely
///     gammas: [0, 0.5, 1, 1.6]   # of the others
///     sum_beta: 0.1              # without length normalisation
///     dpo_beta: 0.1
///
/// or only files of `score`, of any models, by name:
///
///     output_dir: studies/simpo
///     scores:
///       dpo: {file: dpo.jsonl, loss_type: sigmoid, beta: 0.1}
///       simpo: {file: simpo.jsonl, loss_type: simpo, beta: 2}
package struct SimPOStudyFile: Sendable {
    /// A policy that is looked at, by the file of its scores.
    package struct Scored: Sendable {
        package let name: String
        package let path: String
        package let reward: StudyReward
    }

    package var outputDirectory = "study-simpo"
    package var base: String?
    package var beta = 2.0
    package var gamma = 1.0
    package var gammas = [0, 0.5, 1, 1.6]
    package var sumBeta = 0.1
    package var dpoBeta = 0.1
    package var scores: [Scored] = []

    /// The embedded example's.
    package init(base: String, outputDirectory: String) { (self.base, self.outputDirectory) = (base, outputDirectory) }

    /// - Throws: everything that is wrong at once.
    package init(bytes: [UInt8], file: String) throws(RunFileError) {
        var (entries, faults) = try StudyReading.entries(of: bytes, file: file) { (entry) throws(RunFileError) in
            try read(entry, of: file)
        }
        let hasScores = entries.contains { $0.key == "scores" }
        let baseEntry = entries.first { $0.key == "base" }
        if let baseEntry, hasScores, let other = entries.first(where: { $0.key == "scores" }) {
            faults.append(.contradiction(other.place, key: "scores", otherPlace: baseEntry.place, otherKey: "base"))
        } else if baseEntry == nil, !hasScores {
            faults.append(.missing(file: file, key: "base or scores", remedy: "name a run file, or files of swift-prefopt score"))
        }
        guard faults.isEmpty else { throw RunFileError(faults) }
    }

    private static let keys = ["base", "output_dir", "beta", "gamma", "gammas", "sum_beta", "dpo_beta", "scores"]

    private mutating func read(_ entry: YAMLEntry, of file: String) throws(RunFileError) {
        func number(from least: Double) throws(RunFileError) -> Double {
            guard let number = entry.value.number, number >= least else { throw entry.wrong("a number from \(least)") }
            return number
        }
        switch entry.key {
        case "base": base = try entry.path(beside: file)
        case "output_dir": outputDirectory = try ValueKind<String>.text.read(entry)
        case "beta": beta = try number(from: 1e-6)
        case "gamma": gamma = try number(from: 0)
        case "sum_beta": sumBeta = try number(from: 1e-6)
        case "dpo_beta": dpoBeta = try number(from: 1e-6)
        case "gammas":
            guard let list = entry.value.list, list.allSatisfy({ ($0.number ?? -1) >= 0 }) else {
                throw entry.wrong("a list of numbers from 0, as [0, 0.5, 1]")
            }
            gammas = list.compactMap(\.number)
        case "scores":
            guard let map = entry.value.map, !map.isEmpty else {
                throw entry.wrong("names of policies with files, as {simpo: {file: F.jsonl, loss_type: simpo, beta: 2}}")
            }
            for item in map { scores.append(try Self.scored(item)) }
        default: throw entry.unknown(in: "study simpo", keys: Self.keys)
        }
    }

    private static func scored(_ entry: YAMLEntry) throws(RunFileError) -> Scored {
        let wrong = entry.named(in: "scores").wrong("as {file: F.jsonl, loss_type: sigmoid or simpo, beta: 0.1, normalise: mean or sum}")
        guard let map = entry.value.map else { throw wrong }
        func value(_ key: String) -> YAMLValue? { map.first { $0.key == key }?.value }
        guard map.allSatisfy({ ["file", "loss_type", "beta", "normalise"].contains($0.key) }),
            let path = value("file")?.text, let loss = value("loss_type")?.text, ["sigmoid", "simpo"].contains(loss),
            let beta = value("beta")?.number, beta > 0, [nil, "mean", "sum"].contains(value("normalise")?.text)
        else { throw wrong }
        let reward: StudyReward =
            loss == "sigmoid" ? .logRatio(beta) : value("normalise")?.text == "sum" ? .sum(beta) : .mean(beta)
        return Scored(name: entry.key, path: path, reward: reward)
    }
}

/// The reward that a trained policy stands for.
package enum StudyReward: Sendable, Equatable {
    /// DPO's β log π/π_ref.
    case logRatio(Double)
    /// SimPO's β ā.
    case mean(Double)
    /// SimPO's without length normalisation, β log π.
    case sum(Double)
}
