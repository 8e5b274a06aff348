import Rewards

/// The plan of `study front`, as its YAML file describes it:
///
///     base: run.yaml               # model and optimizer, without keys of a loss. Relative to this file's folder
///     output_dir: studies/front
///     objectives:                  # two or three: preferences to train on, and the true reward that policies are judged by
///       kind: {train_file: kind.jsonl, reward: "lexicon:words.txt"}
///       brief: {train_file: brief.jsonl, reward: "length:-1"}
///     prompts: held-out.jsonl
///     beta: 0.1
///     max_steps: 60                # of every run
///     lattice: 4                   # weights are the multiples of 1/4 that sum to 1
///     methods: [modpo, modpo_sampled, soups, loss_weighting, morlhf, best_of_n]
///     samples: 2                   # responses to a prompt
///     best_of: 8
///     response_length: 64
///     ppo_steps: 60                # of every run of MORLHF
///     ppo_settings: {learning_rate: 1e-4}   # run file keys of these
///     sampled_steps: 180           # of the one run of MODPO with weights drawn for each pair
///     sampled_settings: {lora_r: 16}
package struct FrontStudyFile: Sendable {
    /// The methods that make policies between the ends.
    package enum Method: String, Sendable, CaseIterable {
        case modpo
        case sampled = "modpo_sampled"
        case soups
        case lossWeighting = "loss_weighting"
        case morlhf
        case bestOfN = "best_of_n"
    }

    /// Preferences to train on, and the true reward that policies are judged by.
    package struct Objective: Sendable {
        package let name: String
        package let trainFile: String
        package let reward: RewardSource
    }

    package private(set) var base = ""
    package private(set) var outputDirectory = "study-front"
    package private(set) var objectives: [Objective] = []
    package private(set) var prompts = ""
    package private(set) var beta = 0.1
    package private(set) var steps = 60
    package private(set) var lattice = 4
    package private(set) var methods = Method.allCases
    package private(set) var samples = 2
    package private(set) var bestOf = 8
    package private(set) var responseLength = 64
    package private(set) var seed = 42
    private var givenPPOSteps: Int?
    /// Run file keys of the runs of PPO beside the base's.
    package private(set) var ppoSettings: [YAMLEntry] = []

    private var givenSampledSteps: Int?
    package private(set) var sampledSettings: [YAMLEntry] = []

    /// Steps of a run of PPO; as many as of the others by default.
    package var ppoSteps: Int { givenPPOSteps ?? steps }

    /// Steps of the run for all weights; by default as many as the runs of single weights have together.
    package func sampledSteps(runs: Int) -> Int { givenSampledSteps ?? steps * max(1, runs) }

    /// - Throws: everything that is wrong at once.
    package init(bytes: [UInt8], file: String) throws(RunFileError) {
        var (entries, faults) = try StudyReading.entries(of: bytes, file: file) { (entry) throws(RunFileError) in
            try read(entry, of: file)
        }
        for (key, remedy) in [
            ("base", "name the run file that all runs have in common"),
            ("objectives", "name two or three, each as NAME: {train_file: F, reward: SPEC}"),
            ("prompts", "name the file of prompts that policies are judged on"),
        ] where !entries.contains(where: { $0.key == key }) {
            faults.append(.missing(file: file, key: key, remedy: remedy))
        }
        guard faults.isEmpty else { throw RunFileError(faults) }
    }

    private static let keys = [
        "base", "output_dir", "objectives", "prompts", "beta", "max_steps", "lattice", "methods", "samples", "best_of",
        "response_length", "ppo_steps", "ppo_settings", "sampled_steps", "sampled_settings", "seed",
    ]

    private mutating func read(_ entry: YAMLEntry, of file: String) throws(RunFileError) {
        func whole(from least: Int, to most: Int = .max) throws(RunFileError) -> Int {
            try ValueKind<Int>.whole(from: least, to: most).read(entry)
        }
        switch entry.key {
        case "base": base = try entry.path(beside: file)
        case "output_dir": outputDirectory = try ValueKind<String>.text.read(entry)
        case "prompts": prompts = try ValueKind<String>.text.read(entry)
        case "objectives":
            guard let map = entry.value.map, 2...3 ~= map.count else {
                throw entry.wrong("two or three objectives, each as NAME: {train_file: F, reward: SPEC}")
            }
            for item in map { objectives.append(try Self.objective(item)) }
        case "beta":
            beta = try ValueKind<Double>.number(.positive).read(entry)
        case "max_steps": steps = try whole(from: 1)
        case "lattice": lattice = try whole(from: 2, to: 100)
        case "samples": samples = try whole(from: 1, to: 1000)
        case "best_of": bestOf = try whole(from: 2, to: 1000)
        case "response_length": responseLength = try whole(from: 1)
        case "seed": seed = try whole(from: 0)
        case "ppo_steps": givenPPOSteps = try whole(from: 1)
        case "ppo_settings": ppoSettings = try FrontierFile.members(entry)
        case "sampled_steps": givenSampledSteps = try whole(from: 1)
        case "sampled_settings": sampledSettings = try FrontierFile.members(entry)
        case "methods":
            let words = Method.allCases.map(\.rawValue)
            let found = (entry.value.list ?? []).compactMap { $0.text.flatMap(Method.init) }
            guard let list = entry.value.list, !list.isEmpty, found.count == list.count else {
                throw entry.wrong("a list of " + YAMLText.alternatives(words, by: "and"))
            }
            methods = found
        default: throw entry.unknown(in: "study front", keys: Self.keys)
        }
    }

    private static func objective(_ entry: YAMLEntry) throws(RunFileError) -> Objective {
        let named = entry.named(in: "objectives")
        guard let map = entry.value.map, map.allSatisfy({ ["train_file", "reward"].contains($0.key) }),
            let path = map.first(where: { $0.key == "train_file" })?.value.text,
            let spec = map.first(where: { $0.key == "reward" })?.value.text
        else { throw named.wrong("{train_file: F, reward: SPEC}") }
        do {
            return Objective(name: entry.key, trainFile: path, reward: try RewardSource(spec))
        } catch {
            throw named.wrong("a reward: \(error)")
        }
    }
}
