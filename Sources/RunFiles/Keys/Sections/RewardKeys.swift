import Objectives
import Rewards
import Storage

/// Keys that say what responses which the policy draws are worth.
package struct RewardKeys: KeySection {
    package static let title = "rewards"

    package let sources: Key<[NamedReward]> = Key(
        "rewards", .rewards,
        "Where each reward of a drawn response comes from, by name: model:DIR, implicit:DIR, length:F, lexicon:FILE, "
            + "command:\"PROGRAM\" or endpoint:URL,model=NAME.",
        default: .value([], "PPO and iterate need one at least"), identity: true,
        rule: Rule(with: "loss_type", "rounds", "sample_prompts") { run in
            run.samples.promptsFile == nil ? run.objectionToDrawing : nil
        }, synonyms: Synonym.ofRewards)

    package let weights: Key<[ObjectiveWeight]> = Key(
        "reward_weights", .objectiveWeights,
        "The weight of each of the rewards in their sum, by name (MORLHF).",
        default: .value([], "each 1, as TRL's reward_weights"), readBy: .losses { $0.judges == .prompts },
        identity: true,
        rule: Rule(with: "rewards") { run in
            let names = run.rewards.sources.map(\.name)
            guard let other = run.rewards.weights.map(\.name).first(where: { !names.contains($0) }) else {
                return nil
            }
            return .expected("names of rewards, and \(other) is none of them")
        })
}

extension Settings where Section == RewardKeys {
    /// w_k of a reward.
    package func weight(of reward: String) -> Double { self.weights.first { $0.name == reward }?.weight ?? 1 }
}

extension ValueKind where Value == [NamedReward] {
    fileprivate static let rewards = ValueKind(
        words: "a mapping of names to rewards, for instance rewards: {kind: \"model:DIR\", brief: \"length:-1\"}",
        schema: ["type": "object", "additionalProperties": ["type": "string"], "minProperties": 1]
    ) { entry throws(RunFileError) in
        try entry.members(example: "kind: \"model:DIR\"") { member throws(RunFileError) in
            let item = member.named(in: entry.key)
            let spec = try ValueKind<String>.text.read(item)
            do throws(RewardError) {
                return NamedReward(name: member.key, source: try RewardSource(spec))
            } catch {
                throw item.wrong("a reward: \(error)")
            }
        }
    } write: { rewards in
        rewards.isEmpty ? .null : .mapping(rewards.map { ($0.name, .string($0.source.spec)) })
    }
}
