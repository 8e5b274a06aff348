import Objectives

/// Keys of the responses that the policy gives at its evaluations.
package struct SampleKeys: KeySection {
    package static let title = "samples at evaluations"

    package let promptsFile: Key<String?> = Key(
        "sample_prompts", optional: .text,
        "Prompts that the policy answers at each evaluation, before the first step and after the last: rows as generate reads "
            + "them. The answers go into samples.jsonl, the means of their rewards into metrics.jsonl.",
        default: .none("nothing is answered"),
        rule: Rule(with: "loss_type") { run in
            run.losses.contains(where: \.readsRewards) ? .unused(because: "a reward model answers nothing") : nil
        })

    package let count: Key<Int> = Key(
        "sample_count", .whole(from: 1, to: 1024), "Answers to each of sample_prompts.", default: .value(1),
        rule: promptsRule)

    package let length: Key<Int> = Key(
        "sample_length", .whole(from: 1, to: 1 << 20), "Most tokens of such an answer.",
        default: .derived("response_length", "what training draws") { run in run.ppo.responseLength },
        rule: promptsRule)

    package let temperature: Key<Double> = Key(
        "sample_temperature", .number(.nonNegative), "What logits are divided by when they are drawn; 0 is greedy.",
        default: .derived("temperature", "what training draws by") { run in run.ppo.temperature }, rule: promptsRule)

    private static let promptsRule = Rule(with: "sample_prompts") { run in
        run.samples.promptsFile == nil ? .unused(because: "there are no sample_prompts") : nil
    }
}
