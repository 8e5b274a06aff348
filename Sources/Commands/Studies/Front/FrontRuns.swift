import RunFiles
import Storage

/// The runs of `study front`. The ends are DPO on each objective's preferences, which are MODPO's margin models and the
/// soups' ingredients as well; for MORLHF there is a reward model of each objective's preferences; then there is a run for
/// each method and weight.
struct FrontRuns {
    /// The ends in the order of the objectives, then the reward models.
    let ends: SweepFile
    let between: SweepFile?

    private let study: FrontStudyFile
    private let lattice: WeightLattice

    /// - Throws: `RunFileError`, all faults at once, or `StorageError`.
    init(_ study: FrontStudyFile) throws {
        let lattice = WeightLattice(objectives: study.objectives.count, parts: study.lattice)
        (self.study, self.lattice) = (study, lattice)
        let runs = FileSystem.join(study.outputDirectory, "runs")
        let metric = SweepMetric(name: "rewards/accuracies", isGreaterBetter: true)
        let common = [("max_steps", "\(study.steps)"), ("beta", "\(study.beta)"), ("seed", "\(study.seed)")]
        ends = try SweepFile(
            named: "study front", base: study.base, outputDirectory: FileSystem.join(runs, "ends"),
            runs: study.objectives.map { objective in
                (objective.name, common + [("loss_type", "sigmoid"), ("train_file", quoted(objective.trainFile))])
            } + FrontRuns.rewardModels(study), metric: metric)
        let folders = ends.runs.map { FileSystem.join($0.file.model.outputDirectory ?? "", "final") }
        let count = study.objectives.count
        var planned: [(name: String, settings: [(String, String)])] = []
        if study.methods.contains(.sampled) {
            let inner = lattice.counts.count { lattice.end($0) == nil }
            planned.append(
                (
                    FrontStudyFile.Method.sampled.rawValue,
                    FrontRuns.sampled(study, steps: study.sampledSteps(runs: inner), margins: Array(folders[..<count]))
                ))
        }
        for counts in lattice.counts {
            // DPO's ends are those of all methods but this one, whose rewards are other models.
            if study.methods.contains(.morlhf) {
                planned.append(
                    (
                        FrontRuns.name(.morlhf, counts),
                        FrontRuns.morlhf(study, counts, of: study.lattice, rewards: Array(folders[count...]))
                    ))
            }
            guard lattice.end(counts) == nil else { continue }
            if study.methods.contains(.modpo) {
                planned.append(
                    (
                        FrontRuns.name(.modpo, counts),
                        common + FrontRuns.modpo(study, counts, of: study.lattice, margins: Array(folders[..<count]))
                    ))
            }
            if study.methods.contains(.lossWeighting) {
                // Σ w_k L_k in every step, each data set with as many pairs as an end's step has.
                let files = zip(study.objectives, lattice.weights(counts)).filter { $0.1 > 0 }
                    .map { "{path: \(quoted($0.0.trainFile)), loss_weight: \($0.1)}" }
                planned.append(
                    (
                        FrontRuns.name(.lossWeighting, counts),
                        common + [("loss_type", "sigmoid"), ("train_file", "[\(files.joined(separator: ", "))]")]
                    ))
            }
        }
        between =
            planned.isEmpty
            ? nil
            : try SweepFile(
                named: "study front", base: study.base, outputDirectory: FileSystem.join(runs, "between"), runs: planned,
                metric: metric)
    }

    /// MODPO trains on the preferences of the objective of the greatest weight, since its loss divides by that. The others
    /// come in as margins, β log π/π_ref of their ends.
    private static func modpo(
        _ study: FrontStudyFile, _ counts: [Int], of parts: Int, margins folders: [String]
    ) -> [(String, String)] {
        let trained = counts.indices.max { (counts[$0], -$0) < (counts[$1], -$1) } ?? 0
        let used = counts.indices.filter { counts[$0] > 0 }
        let weights = used.map { "\(quoted(study.objectives[$0].name)): \(Double(counts[$0]) / Double(parts))" }
        let margins = used.filter { $0 != trained }.map {
            "\(quoted(study.objectives[$0].name)): {model: \(quoted(folders[$0])), beta: \(study.beta)}"
        }
        return [
            ("loss_type", "modpo"), ("train_file", quoted(study.objectives[trained].trainFile)),
            ("preference_name", quoted(study.objectives[trained].name)), ("weights", "{\(weights.joined(separator: ", "))}"),
            ("margins", "{\(margins.joined(separator: ", "))}"),
        ]
    }

    /// MODPO for all weights at once: each pair trains its own objective's preferences under weights drawn for it, and adapters
    /// have a part for each objective.
    private static func sampled(
        _ study: FrontStudyFile, steps: Int, margins folders: [String]
    ) -> [(String, String)] {
        let files = study.objectives.map { "{path: \(quoted($0.trainFile)), preference: \(quoted($0.name))}" }
        let margins = zip(study.objectives, folders).map {
            "\(quoted($0.0.name)): {model: \(quoted($0.1)), beta: \(study.beta)}"
        }
        return [
            ("max_steps", "\(steps)"), ("beta", "\(study.beta)"), ("seed", "\(study.seed)"), ("loss_type", "modpo"),
            ("weights", "sampled"), ("preference_name", quoted(study.objectives[0].name)),
            ("train_file", "[\(files.joined(separator: ", "))]"), ("margins", "{\(margins.joined(separator: ", "))}"),
            ("use_peft", "true"), ("lora_target_modules", "all-linear"),
        ] + study.sampledSettings.map { ($0.key, $0.value.json.text) }
    }

    /// A reward model of each objective's preferences; none where no method asks for it.
    private static func rewardModels(_ study: FrontStudyFile) -> [(name: String, settings: [(String, String)])] {
        guard study.methods.contains(.morlhf) else { return [] }
        return study.objectives.map { objective in
            (
                "reward-\(objective.name)",
                [
                    ("max_steps", "\(study.steps)"), ("seed", "\(study.seed)"), ("loss_type", "reward"),
                    ("train_file", quoted(objective.trainFile)),
                ]
            )
        }
    }

    /// PPO on Σ w_k r̂_k with MODPO's β for the price of a nat: both have the same optimum.
    private static func morlhf(
        _ study: FrontStudyFile, _ counts: [Int], of parts: Int, rewards folders: [String]
    ) -> [(String, String)] {
        let used = counts.indices.filter { counts[$0] > 0 }
        func mapping(_ value: (Int) -> String) -> String {
            "{" + used.map { "\(quoted(study.objectives[$0].name)): \(value($0))" }.joined(separator: ", ") + "}"
        }
        let prompts = Set(study.objectives.map(\.trainFile)).sorted().map(quoted).joined(separator: ", ")
        return [
            ("eval_file", "null"), ("max_steps", "\(study.ppoSteps)"), ("seed", "\(study.seed)"), ("loss_type", "ppo"),
            ("kl_coef", "\(study.beta)"), ("train_file", "[\(prompts)]"),
            ("rewards", mapping { quoted("model:" + folders[$0]) }),
            ("reward_weights", mapping { "\(Double(counts[$0]) / Double(parts))" }),
            ("response_length", "\(study.responseLength)"),
        ] + study.ppoSettings.map { ($0.key, $0.value.json.text) }
    }

    /// "modpo-1-3": the weights in parts.
    static func name(_ method: FrontStudyFile.Method, _ counts: [Int]) -> String {
        "\(method.rawValue)-" + counts.map { "\($0)" }.joined(separator: "-")
    }
}

/// A text as YAML has it between quotes.
private func quoted(_ text: String) -> String { JSON.string(text).text }
