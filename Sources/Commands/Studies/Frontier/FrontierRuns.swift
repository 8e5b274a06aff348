import RunFiles
import Storage

/// A run of the study: a method with one setting.
struct FrontierRun {
    let method: FrontierMethod
    let setting: Double
    let file: RunFile
    /// Its folder.
    let output: String
    /// The steps that are judged, ascending; the last is the run's.
    let points: [Int]
}

/// The runs that a study consists of, as run files.
struct FrontierRuns {
    let study: FrontierFile
    /// Preference rows, and rows of their prompts.
    let pairs: String
    let prompts: String
    /// Most tokens of a prompt with a response.
    let maxLength: Int

    /// The reward model that PPO and best-of-n are led by.
    var rewardModel: String { FileSystem.join(study.outputDirectory, "runs/reward") }

    /// - Throws: `RunFileError` for settings that a run can't have.
    func reward() throws(RunFileError) -> RunFile {
        try file(
            "reward", ["loss_type": "reward", "train_file": .string(pairs)], steps: study.steps, study.settings)
    }

    /// - Throws: `RunFileError`.
    func all() throws(RunFileError) -> [FrontierRun] {
        var runs: [FrontierRun] = []
        for beta in study.dpo { runs.append(try run(.dpo, beta, ["loss_type": "sigmoid", "beta": .number(beta)])) }
        for alpha in study.unlikelihood {
            runs.append(try run(.unlikelihood, alpha, ["loss_type": "unlikelihood", "alpha": .number(alpha)]))
        }
        for seed in study.preferredFT {
            runs.append(try run(.preferredFT, seed, ["loss_type": "sft", "seed": .integer(Int(seed))]))
        }
        let learned = "model:" + FileSystem.join(rewardModel, "final")
        for beta in study.ppo { runs.append(try ppo(.ppo, beta, reward: learned)) }
        for beta in study.ppoTruth { runs.append(try ppo(.ppoTruth, beta, reward: study.truth.spec)) }
        return runs
    }

    private func ppo(_ method: FrontierMethod, _ beta: Double, reward: String) throws(RunFileError) -> FrontierRun {
        try run(
            method, beta,
            [
                "loss_type": "ppo", "rewards": ["reward": .string(reward)], "kl_coef": .number(beta),
                // Four updates of whitened advantages go further than one step on pairs.
                "response_length": .integer(study.responseLength), "learning_rate": 1e-4,
            ])
    }

    private func run(
        _ method: FrontierMethod, _ setting: Double, _ keys: JSONObject
    ) throws(RunFileError) -> FrontierRun {
        let isPPO = method == .ppo || method == .ppoTruth
        let steps = isPPO ? study.ppoSteps : study.steps
        var keys = keys
        keys["train_file"] = .string(isPPO ? prompts : pairs)
        let file = try file(
            "\(method.rawValue)-\(FrontierMethod.text(of: setting))", keys, steps: steps,
            study.settings + (isPPO ? study.ppoSettings : []))
        let every = file.records.saveSteps
        let points = stride(from: every, through: steps, by: every).map { $0 }
        return FrontierRun(
            method: method, setting: setting, file: file, output: file.model.outputDirectory ?? "",
            points: points.last == steps ? points : points + [steps])
    }

    /// - Parameter given: keys of the study's file, which win.
    private func file(
        _ name: String, _ keys: JSONObject, steps: Int, _ given: [YAMLEntry]
    ) throws(RunFileError) -> RunFile {
        var all: JSONObject = [
            "model_name_or_path": .string(study.model),
            "output_dir": .string(FileSystem.join(study.outputDirectory, "runs/\(name)")),
            "reference_cache": .string(FileSystem.join(study.outputDirectory, "cache")),
            "max_length": .integer(maxLength), "max_steps": .integer(steps), "global_batch_size": 64,
            "learning_rate": 3e-4, "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 5, "max_grad_norm": 1,
            "seed": .integer(Int(clamping: study.seed)), "reproducible": true, "save_in_background": false,
            "save_steps": .integer(max(1, steps / study.points)),
        ]
        for (key, value) in keys.members { all[key] = value }
        for entry in given { all[entry.key] = entry.value.json }
        return try RunFile(yaml: JSON.object(all).prettyText, file: "\(study.file) (\(name))")
    }
}
