import Glibc
import Preferences
import Statistics
import Storage
import Training

/// The preferences that the true reward would give. They are all pairs of the responses that the reference drew to a
/// prompt, each ordered by the Bradley–Terry probability σ(r_a − r_b).
struct FrontierPairs {
    /// Rows of `pairs.jsonl`, and of `prompts.jsonl`: token ids, so that training sees what was drawn.
    let pairs: [JSON]
    let prompts: [JSON]
    /// The share of pairs whose better response by the true reward was chosen.
    let agreement: Double

    /// - Parameters:
    ///   - set: prompts with several responses each.
    ///   - rewards: the true ones, of all responses.
    init(of set: PreferenceSet, rewards: [Double], seed: UInt64) {
        var random = SplitMix64(state: seed)
        var (pairs, prompts): ([JSON], [JSON]) = ([], [])
        var (right, judged) = (0.0, 0.0)
        func ids(_ tokens: some Sequence<Int32>) -> JSON { .array(tokens.map { .integer(Int($0)) }) }
        for comparison in set.comparisons {
            let prompt = ids(set.tokens[comparison.prompt])
            prompts.append(["prompt_ids": prompt])
            for a in comparison.responses {
                for b in comparison.responses where a < b {
                    let probability = 1 / (1 + exp(rewards[b] - rewards[a]))
                    let prefersFirst = Double(random.next() >> 11) * 0x1p-53 < probability
                    let (first, second) = (set.tokens[set.responses[a].tokens], set.tokens[set.responses[b].tokens])
                    guard !first.elementsEqual(second) else { continue }
                    if rewards[a] != rewards[b] {
                        judged += 1
                        right += prefersFirst == (rewards[a] > rewards[b]) ? 1 : 0
                    }
                    pairs.append([
                        "prompt_ids": prompt, "chosen_ids": ids(prefersFirst ? first : second),
                        "rejected_ids": ids(prefersFirst ? second : first),
                    ])
                }
            }
        }
        (self.pairs, self.prompts) = (pairs, prompts)
        agreement = judged > 0 ? right / judged : 0
    }
}
