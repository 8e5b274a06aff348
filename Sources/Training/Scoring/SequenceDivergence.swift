import Collectives
import Glibc
import Kernels
import Machine
import Modeling
import Preferences

/// The divergence of a policy from a reference along responses that it drew itself, in nats a response. There are two
/// estimates of the same KL(π ‖ π_ref), whose means must agree within their standard errors.
package struct SequenceDivergence: Sendable {
    /// Σ_t KL(π(·|s_t) ‖ π_ref(·|s_t)), each over the whole vocabulary: of low variance (the DPO paper's, footnote 3).
    package let exact: [Double]
    /// Σ_t log π(y_t|s_t) − log π_ref(y_t|s_t).
    package let sampled: [Double]

    /// - Parameters:
    ///   - set: prompts with the policy's responses (`PreferenceSet.init(answering:of:with:)`).
    ///   - reference: of the policy's shape.
    /// - Throws: on every rank alike. Collective.
    package init(
        of set: PreferenceSet, policy: Transformer, reference: Transformer, over communicator: Communicator,
        console: Console
    ) throws {
        let transformers = [policy, reference]
        let pool = policy.pool
        let columns = policy.architecture.vocabulary
        // [response][estimate]
        var sums = [Double](repeating: 0, count: 2 * set.responses.count)
        let scoring = ResponseScoring(set: set, communicator: communicator, console: console)
        try scoring.eachMicroBatch(
            of: Array(set.comparisons.indices), with: transformers, title: nil
        ) { microBatch, batch, spaces in
            let count = batch.scored.targets.count
            var kept = [Float](repeating: 0, count: count * columns)
            var tokens = [Double](repeating: 0, count: 2 * count)
            kept.withUnsafeMutableBufferPointer { kept in
                transformers[0].scoreLogits(batch, in: spaces[0]) { range, logits in
                    for (row, token) in range.enumerated() {
                        (kept.baseAddress! + token * columns).update(from: logits.row(row), count: columns)
                    }
                }
                tokens.withUnsafeMutableBufferPointer { tokens in
                    transformers[1].scoreLogits(batch, in: spaces[1]) { range, logits in
                        pool.run(range.count) { (row: Int) in
                            let token = range.lowerBound + row
                            let found = Self.step(
                                kept.baseAddress! + token * columns, logits.row(row), columns,
                                drawn: Int(batch.scored.targets[token]))
                            (tokens[2 * token], tokens[2 * token + 1]) = found
                        }
                    }
                }
            }
            for (planned, ranges) in zip(microBatch.comparisons, batch.scored.sequences) {
                for (response, range) in zip(set.comparisons[planned.comparison].responses, ranges) {
                    for token in range {
                        sums[2 * response] += tokens[2 * token]
                        sums[2 * response + 1] += tokens[2 * token + 1]
                    }
                }
            }
        }
        communicator.sum(&sums)
        exact = set.responses.indices.map { sums[2 * $0] }
        sampled = set.responses.indices.map { sums[2 * $0 + 1] }
    }

    /// KL over the vocabulary at one token, and the log-ratio of the token that was drawn.
    private static func step(
        _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ count: Int, drawn: Int
    ) -> (exact: Double, sampled: Double) {
        let (a, b) = (logNormalizer(p, count), logNormalizer(q, count))
        var sum = 0.0
        for token in 0..<count {
            let logp = Double(p[token]) - a
            sum += exp(logp) * (logp - (Double(q[token]) - b))
        }
        return (sum, Double(p[drawn]) - a - (Double(q[drawn]) - b))
    }

    private static func logNormalizer(_ logits: UnsafePointer<Float>, _ count: Int) -> Double {
        let peak = Double(logits[RowMaximum.first(of: logits, count: count)])
        var sum = 0.0
        for token in 0..<count { sum += exp(Double(logits[token]) - peak) }
        return peak + log(sum)
    }
}
