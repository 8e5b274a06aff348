import Objectives

/// Keys of a run that draws its own responses, beside the constants of its loss.
package struct PPOKeys: KeySection {
    package static let title = "responses that the policy draws"

    private static let ofPrompts = Readers.losses { $0.judges == .prompts }

    private static let drawnRule = Rule(with: "loss_type", "rounds") { run in run.objectionToDrawing }

    package let responseLength: Key<Int> = Key(
        "response_length", .whole(from: 1, to: 1 << 20), "Most tokens of a response that the policy draws.",
        default: .derived("53 with ppo (TRL's), else 128 (generate's)") { run in
            run.losses.contains { $0.judges == .prompts } ? 53 : 128
        }, identity: true, rule: drawnRule,
        synonyms: [.renamed("max_new_tokens", .llamaFactory), .renamed("generate_max_len", .openRLHF)])

    package let temperature: Key<Double> = Key(
        "temperature", .number(.positive),
        "What logits are divided by: when responses are drawn, and in the probabilities that the loss compares.",
        default: .value(1, "the policy that is saved is the one that is trained; TRL has 0.7"), identity: true,
        rule: drawnRule)

    package let normalizesReward: Key<Bool> = Key(
        "normalize_reward", .flag,
        "Whether a response's reward is brought to a mean of 0 and a deviation of 1, by those of all responses so far.",
        default: .value(false, "TRL's; the DPO paper's PPO does"), readBy: ofPrompts, identity: true,
        synonyms: [.renamed("use_score_scaling", .trl), .renamed("ppo_score_norm", .llamaFactory)])

    package let missingEOSPenalty: Key<Double?> = Key(
        "missing_eos_penalty", optional: .number(.positive),
        "What is taken off the reward of a response that hasn't ended within response_length.",
        default: .none("nothing is", "TRL's"), readBy: ofPrompts, identity: true)

    package let whitensRewards: Key<Bool> = Key(
        "whiten_rewards", .flag, "Whether the tokens' rewards are brought to a variance of 1 over each batch.",
        default: .value(false, "TRL's"), readBy: ofPrompts, identity: true,
        synonyms: [.renamed("ppo_whiten_rewards", .llamaFactory)])

    package let target: Key<Double?> = Key(
        "kl_target", optional: .number(.positive),
        "The KL divergence from the reference, in nats a response, that the coefficient kl_coef is led to: by a tenth of "
            + "clip(KL / target − 1, ±0.2) a step (arXiv 1909.08593).",
        default: .none("kl_coef stays as it is", "TRL's"), readBy: ofPrompts, identity: true,
        synonyms: [.renamed("ppo_target", .llamaFactory)])

    package let epochs: Key<Int> = Key(
        "num_ppo_epochs", .whole(from: 1, to: 1 << 10), "Passes over the responses of a step.",
        default: .value(4, "TRL's"), readBy: ofPrompts, identity: true,
        synonyms: [.renamed("ppo_epochs", .trl, .llamaFactory)])

    package let miniBatches: Key<Int> = Key(
        "num_mini_batches", .whole(from: 1, to: 1 << 20), "Updates of the weights in each of these passes.",
        default: .value(1, "TRL's"), readBy: ofPrompts, identity: true)
}

extension RunValues {
    /// Why keys of drawn responses aren't read; nil where responses are drawn to be trained on.
    var objectionToDrawing: Rule.Objection? {
        losses.contains { $0.judges == .prompts } || self.rounds.count != nil
            ? nil : .unused(because: "loss_type \(self.loss.types.joined(separator: ", ")) trains on responses that are given")
    }
}
