import Rewards

/// The plan of `study frontier`, as its YAML file describes it:
///
///     model_name_or_path: models/sft          # what every method starts from, and the reference
///     train_file: prompts.jsonl               # prompts to draw responses to
///     eval_file: held-out.jsonl               # prompts that policies are judged on
///     truth: "lexicon:words.txt"              # the true reward, a SPEC
///     output_dir: studies/frontier
///     dpo: [0.05, 0.1, 1, 5]                  # a run for each β; likewise for the other methods
///     settings: {learning_rate: 3e-4}         # run file keys of every run
///
/// Keys that are left out have the defaults of the properties here.
package struct FrontierFile: Sendable {
    /// The name that the text came under.
    package var file = "study frontier"
    package var model = ""
    package var prompts = ""
    package var heldOut = ""
    package var truth = RewardSource.length(factor: 1)
    package var outputDirectory = "study-frontier"

    /// The number of prompts to draw responses to, and of responses to each; a prompt's pairs are all pairs of these.
    package var promptCount = 512
    package var completions = 4
    /// The number of held-out prompts that a policy is judged on.
    package var heldOutCount = 256
    package var responseLength = 32
    /// Steps of a run on pairs, and of a run of PPO; points along each.
    package var steps = 48
    package var ppoSteps = 40
    package var points = 4
    package var seed: UInt64 = 42

    /// A run for each number. DPO's is β; PPO's the coefficient of the KL divergence, which is β too, of the learned reward
    /// and of the true one; unlikelihood's is α; SFT on the preferred responses has seeds.
    package var dpo: [Double] = [0.05, 0.1, 1, 5]
    package var ppo: [Double] = [0.05, 0.1, 1, 5]
    package var ppoTruth: [Double] = [0.05, 0.1, 1, 5]
    package var unlikelihood: [Double] = [0.05, 0.1, 0.5, 1]
    package var preferredFT: [Double] = [1, 2, 3]
    package var bestOfN: [Int] = [1, 2, 4, 8, 16, 32, 64]
    package var temperatures: [Double] = [0, 0.25, 0.5, 0.75, 1]
    /// Run file keys of every run on pairs, and those of PPO's beside them.
    package var settings: [YAMLEntry] = []
    package var ppoSettings: [YAMLEntry] = []

    /// The defaults.
    package init() {}

    /// - Throws: everything that is wrong at once.
    package init(bytes: [UInt8], file: String) throws(RunFileError) {
        self.file = file
        var (entries, faults) = try StudyReading.entries(of: bytes, file: file) { (entry) throws(RunFileError) in
            try read(entry)
        }
        for (key, value) in [("model_name_or_path", model), ("train_file", prompts), ("eval_file", heldOut)]
        where value.isEmpty && !entries.contains(where: { $0.key == key }) {
            faults.append(.missing(file: file, key: key, remedy: "see swift-prefopt study frontier --help"))
        }
        if !entries.contains(where: { $0.key == "truth" }) {
            faults.append(
                .missing(file: file, key: "truth", remedy: "name the true reward, for instance truth: \"lexicon:words.txt\""))
        }
        guard faults.isEmpty else { throw RunFileError(faults) }
    }

    private static let keys = [
        "model_name_or_path", "train_file", "eval_file", "truth", "output_dir", "prompts", "completions", "eval_prompts",
        "response_length", "max_steps", "ppo_steps", "points", "seed", "dpo", "ppo", "ppo_gt", "unlikelihood",
        "preferred_ft", "best_of_n", "temperatures", "settings", "ppo_settings",
    ]

    private mutating func read(_ entry: YAMLEntry) throws(RunFileError) {
        func text() throws(RunFileError) -> String { try ValueKind<String>.text.read(entry) }
        func whole(from least: Int) throws(RunFileError) -> Int { try ValueKind<Int>.whole(from: least).read(entry) }
        switch entry.key {
        case "model_name_or_path": model = try text()
        case "train_file": prompts = try text()
        case "eval_file": heldOut = try text()
        case "output_dir": outputDirectory = try text()
        case "truth":
            let spec = try text()
            do throws(RewardError) { truth = try RewardSource(spec) } catch { throw entry.wrong("a reward: \(error)") }
        case "prompts": promptCount = try whole(from: 1)
        case "completions": completions = try whole(from: 2)
        case "eval_prompts": heldOutCount = try whole(from: 2)
        case "response_length": responseLength = try whole(from: 1)
        case "max_steps": steps = try whole(from: 1)
        case "ppo_steps": ppoSteps = try whole(from: 1)
        case "points": points = try whole(from: 1)
        case "seed": seed = UInt64(try whole(from: 0))
        case "dpo": dpo = try Self.numbers(entry) { $0 > 0 }
        case "ppo": ppo = try Self.numbers(entry) { $0 > 0 }
        case "ppo_gt": ppoTruth = try Self.numbers(entry) { $0 > 0 }
        case "unlikelihood": unlikelihood = try Self.numbers(entry) { $0 >= 0 }
        case "preferred_ft": preferredFT = try Self.numbers(entry) { $0 >= 0 && $0 == $0.rounded() }
        case "best_of_n": bestOfN = try Self.numbers(entry) { $0 >= 1 && $0 == $0.rounded() && $0 <= 4096 }.map { Int($0) }
        case "temperatures": temperatures = try Self.numbers(entry) { $0 >= 0 }
        case "settings": settings = try Self.members(entry)
        case "ppo_settings": ppoSettings = try Self.members(entry)
        default: throw entry.unknown(in: "study frontier", keys: Self.keys)
        }
    }

    private static func numbers(
        _ entry: YAMLEntry, where isRight: (Double) -> Bool
    ) throws(RunFileError) -> [Double] {
        guard let list = entry.value.list else { throw entry.wrong("a list of numbers, [] for none") }
        var numbers: [Double] = []
        for value in list {
            guard let number = value.number, isRight(number) else { throw entry.wrong("numbers in the method's range") }
            numbers.append(number)
        }
        return numbers
    }

    static func members(_ entry: YAMLEntry) throws(RunFileError) -> [YAMLEntry] {
        guard let map = entry.value.map else { throw entry.wrong("a mapping of run file keys to values") }
        return map
    }
}
