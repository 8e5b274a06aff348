import RunFiles
import Storage

/// The runs of `study simpo`: DPO, SimPO for each γ, and SimPO without length normalisation.
struct SimPOStudyRuns {
    struct Run {
        let name: String
        let file: RunFile
        let reward: StudyReward
        /// SimPO's, with length normalisation.
        let gamma: Double?
        /// Whether it is one of the two that are compared closely.
        let isMain: Bool
    }

    let sweep: SweepFile
    /// DPO first.
    let runs: [Run]

    /// Whole numbers without a point.
    static func short(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }

    /// - Throws: `RunFileError`, all faults at once, or `StorageError`.
    init(_ study: SimPOStudyFile) throws {
        func number(_ value: Double) -> String { SimPOStudyRuns.short(value) }
        func simpo(_ gamma: Double) -> [(String, String)] {
            [("loss_type", "simpo"), ("beta", number(study.beta)), ("gamma", number(gamma))]
        }
        var plans: [(name: String, settings: [(String, String)], reward: StudyReward, gamma: Double?)] = [
            ("dpo", [("loss_type", "sigmoid"), ("beta", number(study.dpoBeta))], .logRatio(study.dpoBeta), nil)
        ]
        for gamma in Set(study.gammas + [study.gamma]).sorted() {
            plans.append(("simpo,gamma=\(number(gamma))", simpo(gamma), .mean(study.beta), gamma))
        }
        plans.append(
            (
                "simpo,normalise=sum",
                [
                    ("loss_type", "simpo"), ("beta", number(study.sumBeta)), ("gamma", number(study.gamma)),
                    ("normalise", "sum"),
                ], .sum(study.sumBeta), nil
            ))
        sweep = try SweepFile(
            named: "study simpo", base: study.base ?? "", outputDirectory: FileSystem.join(study.outputDirectory, "runs"),
            runs: plans.map { ($0.name, $0.settings) },
            metric: SweepMetric(name: "eval_rewards/accuracies", isGreaterBetter: true))
        runs = zip(plans, sweep.runs).map { plan, run in
            Run(
                name: plan.name, file: run.file, reward: plan.reward, gamma: plan.gamma,
                isMain: plan.name == "dpo" || plan.gamma == study.gamma)
        }
        _ = try runs[0].file.requiredEvalFiles()
    }
}
