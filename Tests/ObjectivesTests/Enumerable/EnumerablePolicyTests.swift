import Foundation
import Objectives
import Testing

/// Objectives' optima where they are known exactly: a softmax table over all texts of up to three tokens out of four.
@Suite struct EnumerablePolicyTests {
    static let texts = EnumerableTexts(vocabulary: 4, length: 3)
    static let reference = TabularPolicy(texts) { prefix, token in sin(Double(3 * prefix + 7 * token)) }
    /// r_k(y), irregular numbers from −1 to 1.
    static func rewards(_ k: Int) -> [Double] { texts.texts.indices.map { cos(Double((2 * k + 3) * $0 + k) * 1.7) } }
    static let betas = [0.05, 0.1, 0.2, 0.5, 1, 2, 5]

    let frontier = Frontier(reference: reference.logps, rewards: rewards(0))

    @Test("a policy that can be enumerated: probabilities add up to 1, and a text's logps to those of its tokens")
    func enumeration() {
        #expect(Self.texts.texts.count == 1 + 3 + 9 * 4)
        #expect(abs(Self.reference.logps.reduce(0) { $0 + exp($1) } - 1) < 1e-14)
    }

    @Test("the optimal frontier: reward and KL fall as β rises, and no other policy gets more of E r − β KL")
    func optimalFrontier() {
        var last = (reward: Double.infinity, divergence: Double.infinity)
        for beta in Self.betas {
            let (logps, value) = frontier.optimum(beta: beta)
            let point = (reward: frontier.reward(logps), divergence: frontier.divergence(logps))
            #expect(abs(point.reward - beta * point.divergence - value) < 1e-12)
            #expect(point.reward < last.reward && point.divergence < last.divergence)
            #expect(abs(frontier.excess(of: logps, betas: Self.betas)) < 1e-12)
            last = point
        }
    }

    @Test("DPO on all pairs with exact Bradley–Terry weights ends on the frontier, having stayed below it on the way")
    func dpo() throws {
        for beta in [0.2, 1] {
            let objective = try Objective(.sigmoid, ["beta": .number(beta)])
            var policy = Self.reference
            var highest = -Double.infinity
            policy.descend(firstStep: 1 / beta) {
                Self.slopes(of: objective, preferences: frontier.rewards, reference: frontier.reference, $0)
            } visit: {
                highest = max(highest, frontier.excess(of: $0, betas: Self.betas))
            }
            #expect(highest < 1e-9)
            let optimum = frontier.optimum(beta: beta).logps
            #expect(frontier.divergence(of: policy.logps, from: optimum) < 1e-8)
            #expect(abs(frontier.excess(of: policy.logps, betas: [beta])) < 1e-8)
        }
    }

    @Test("unlikelihood and SFT on the same pairs stay below the frontier")
    func otherLosses() throws {
        for loss in [Loss.unlikelihood, .sft] {
            var policy = Self.reference
            var highest = -Double.infinity
            let objective = try Objective(loss)
            policy.descend(firstStep: 0.5, steps: 20) {
                Self.slopes(of: objective, preferences: frontier.rewards, reference: frontier.reference, $0)
            } visit: {
                highest = max(highest, frontier.excess(of: $0, betas: Self.betas))
            }
            #expect(highest < 1e-12)
            #expect(frontier.excess(of: policy.logps, betas: Self.betas) < -1e-4)
            #expect(frontier.divergence(policy.logps) > 1e-2)
        }
    }

    @Test("MODPO's minimiser is MORLHF's optimum π_ref exp(Σ w_k r_k / β) / Z, which gradient ascent reaches too")
    func modpo() throws {
        let (beta, weights) = (0.5, [0.4, 0.35, 0.25])
        let objectives = weights.indices.map { Self.rewards($0) }
        let combined = frontier.rewards.indices.map { text in
            weights.indices.reduce(0) { $0 + weights[$1] * objectives[$1][text] }
        }
        let problem = Frontier(reference: frontier.reference, rewards: combined)
        let optimum = problem.optimum(beta: beta).logps

        let objective = try Objective(.modpo, ["beta": .number(beta)], preferenceWeight: weights[0])
        let margins = combined.indices.map { combined[$0] - weights[0] * objectives[0][$0] }
        var policy = Self.reference
        policy.descend(firstStep: 1) {
            Self.slopes(of: objective, preferences: objectives[0], margins: margins, reference: problem.reference, $0)
        }
        #expect(problem.divergence(of: policy.logps, from: optimum) < 1e-8)

        // E r − β KL itself, by its exact gradient: π(y) (r − β log π/π_ref), up to a constant that a softmax doesn't see.
        var ascending = Self.reference
        ascending.descend(firstStep: 1) { logps in
            logps.indices.map {
                -exp(logps[$0]) * (combined[$0] - beta * (logps[$0] - problem.reference[$0]))
            }
        }
        #expect(problem.divergence(of: ascending.logps, from: optimum) < 1e-6)
        #expect(problem.divergence(of: ascending.logps, from: policy.logps) < 1e-6)
    }

    @Test("best-of-n lies below log n − (n−1)/n and below the frontier; its weights are exact")
    func bestOfN() {
        let order = frontier.rewards.indices.sorted { frontier.rewards[$0] < frontier.rewards[$1] }
        for n in [1, 2, 4, 16, 64] {
            var (logps, below) = (frontier.reference, 0.0)
            for text in order {
                // The best of n is this one when all n are at most it, and not all below it.
                let upTo = below + exp(frontier.reference[text])
                logps[text] = log(pow(upTo, Double(n)) - pow(below, Double(n)))
                below = upTo
            }
            #expect(frontier.divergence(logps) <= BestOfN.divergenceBound(n) + 1e-12)
            #expect(frontier.excess(of: logps, betas: Self.betas) < 1e-12)
        }
        #expect(BestOfN.divergenceBound(1) == 0)
        // Of four, the best of two: (0, 1, 2, 3) / 6.
        #expect(zip(BestOfN.weights(of: 4, best: 2), [0, 1.0 / 6, 2.0 / 6, 3.0 / 6]).allSatisfy { abs($0 - $1) < 1e-15 })
        #expect(BestOfN.weights(of: 3, best: 3) == [0, 0, 1])
        for n in 1...5 { #expect(abs(BestOfN.weights(of: 5, best: n).reduce(0, +) - 1) < 1e-15) }
    }

    /// ∂L/∂log π(y) of the mean loss over all pairs of texts, each in both orders by their Bradley–Terry probabilities.
    static func slopes(
        of objective: Objective, preferences: [Double], margins: [Double]? = nil, reference: [Double],
        _ logps: [Double]
    ) -> [Double] {
        let responses = logps.indices.map {
            ResponseInput(
                logps: logps[$0], referenceLogps: reference[$0], length: texts.texts[$0].count,
                marginReward: margins?[$0] ?? 0)
        }
        let isOfOne = objective.judges == .demonstrations
        let share = 2 / Double(logps.count * (logps.count - 1))
        var slopes = [Double](repeating: 0, count: logps.count)
        for chosen in logps.indices {
            for rejected in logps.indices where rejected != chosen {
                let probability = 1 / (1 + exp(preferences[rejected] - preferences[chosen]))
                let judged = [responses[chosen], responses[rejected]]
                let output = objective.evaluate(
                    isOfOne ? JudgementInput(.demonstration, [judged[0]]) : JudgementInput(.pair, judged))
                for (text, slope) in zip([chosen, rejected], output.gradients) {
                    slopes[text] += share * probability * slope
                }
            }
        }
        return slopes
    }
}
