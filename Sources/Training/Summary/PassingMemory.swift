import Modeling
import Preferences
import Rewards
import RunFiles

/// Memory of a run that isn't the training step's: what comes and goes between updates, and models that are only read.
extension RunSummary {
    /// The passing memory between updates, one thing at a time: the one that takes the most of a rank's.
    static func passing(_ run: TrainingRun) -> (name: String, bytes: Int) {
        var parts: [(name: String, bytes: Int)] = [("evaluation", 0)]
        if let held = run.evaluation {
            let scoring = ResponseScoring(set: held.set, communicator: run.communicator, console: run.console)
            parts.append(
                ("evaluation", scoring.bytes(of: Array(held.set.comparisons.indices), with: run.policy.transformer)))
        }
        if let samples = run.samples {
            parts.append(("samples", samples.bytes(run.policy, threads: run.threads)))
            parts += rewarding(run, texts: samples.count, prompt: samples.longest, response: samples.length)
        }
        if run.file.objective.judges == .prompts {
            let texts = min(run.planner.settings.globalBatchSize, run.train.set.judgements.count)
            let prompt = PPOLearner.longestPrompt(run)
            let response = run.file.ppo.responseLength
            parts.append(
                (
                    "scoring",
                    ResponseScoring.bytes(
                        run.policy.architecture, low: run.policy.transformer.lowRank, texts: share(of: texts, run),
                        prompt: prompt, response: response, threads: run.threads)
                ))
            parts += rewarding(run, texts: texts, prompt: prompt, response: response)
        }
        return parts.max { $0.bytes < $1.bytes } ?? parts[0]
    }

    /// Bytes of the files of models that are only read beside the policy: the reference that PPO asks at each step, and those
    /// of rewards, which are opened once for the steps and once for samples.
    static func otherModels(_ run: TrainingRun) -> Int {
        let rewards = run.file.rewards.sources.flatMap { ModelReward.sources(of: $0.source) }
            .reduce(0) { $0 + $1.bytesOfFiles(beside: run.policy) }
        let draws = run.file.objective.judges == .prompts
        var bytes = rewards * ((draws ? 1 : 0) + (run.samples == nil ? 0 : 1))
        if draws {
            let reference = run.file.model.referencePath.flatMap { try? ModelSource($0) } ?? run.policy.source
            bytes += reference.bytesOfFiles(beside: run.policy)
        }
        return bytes
    }

    /// The bytes that the models of rewards take to score texts.
    private static func rewarding(
        _ run: TrainingRun, texts: Int, prompt: Int, response: Int
    ) -> [(name: String, bytes: Int)] {
        run.file.rewards.sources.flatMap { ModelReward.sources(of: $0.source) }.compactMap { source in
            source.architecture.map { a in
                (
                    "rewards",
                    ResponseScoring.bytes(
                        a, low: .none, texts: share(of: texts, run), prompt: prompt, response: response,
                        threads: run.threads)
                )
            }
        }
    }

    private static func share(of texts: Int, _ run: TrainingRun) -> Int {
        (texts + run.communicator.size - 1) / run.communicator.size
    }
}
