import Foundation
import Objectives
import Testing

/// PPO by the project's own formulas where the answer is known: a softmax table over all texts, with a table of values.
@Suite struct PPOBanditTests {
    /// An episode: what was drawn, and with what numbers.
    private struct Episode {
        let text: Int
        let steps: [(prefix: Int, token: Int)]
        var tokens: [ClippedObjective.Token] = []
    }

    @Test("PPO on sampled texts ends near the optimum of reward less b KL, and never above the frontier")
    func bandit() {
        let (texts, reference) = (EnumerablePolicyTests.texts, EnumerablePolicyTests.reference)
        let frontier = Frontier(reference: reference.logps, rewards: EnumerablePolicyTests.rewards(0))
        let coefficient = 0.5
        let objective = ClippedObjective(cliprange: 0.2, cliprangeValue: 0.2, valueWeight: 0.1)
        let optimum = frontier.optimum(beta: coefficient)
        var (policy, values) = (reference, [Double](repeating: 0, count: texts.prefixes.count))
        var random = SeededRandom(state: 11)
        let before = frontier.divergence(of: policy.logps, from: optimum.logps)
        let steps = 200
        for step in 0..<steps {
            let old = policy.logits.map { ObjectiveTests.logSoftmax($0) }
            let start = reference.logits.map { ObjectiveTests.logSoftmax($0) }
            let cumulated = policy.logps.map { exp($0) }
            var episodes = (0..<256).map { _ in
                let text = random.choice(cumulated)
                return Episode(text: text, steps: texts.steps(of: texts.texts[text]))
            }
            let estimates = episodes.map { episode in
                var rewards = episode.steps.map { -coefficient * (old[$0.prefix][$0.token] - start[$0.prefix][$0.token]) }
                rewards[rewards.count - 1] += frontier.rewards[episode.text]
                return GeneralizedAdvantage.estimate(
                    rewards: rewards, values: episode.steps.map { values[$0.prefix] }, gamma: 1, lambda: 0.95)
            }
            let advantages = Whitening.whitened(estimates.map(\.advantages))
            for place in episodes.indices {
                episodes[place].tokens = episodes[place].steps.enumerated().map { t, drawn in
                    ClippedObjective.Token(
                        logp: old[drawn.prefix][drawn.token], value: values[drawn.prefix],
                        advantage: advantages[place][t], target: estimates[place].returns[t])
                }
            }
            let rate = 1.0 - Double(step) / Double(steps)
            for _ in 0..<4 { Self.update(&policy, &values, episodes, objective, rate: rate) }
            #expect(frontier.excess(of: policy.logps, betas: EnumerablePolicyTests.betas) < 1e-12)
        }
        let after = frontier.divergence(of: policy.logps, from: optimum.logps)
        #expect(after < 0.01 && before > 10 * after, "\(before) \(after)")
        let value = frontier.reward(policy.logps) - coefficient * frontier.divergence(policy.logps)
        #expect(optimum.value - value < 0.005, "\(optimum.value) \(value)")
    }

    /// One step down the mean loss of all drawn tokens.
    private static func update(
        _ policy: inout TabularPolicy, _ values: inout [Double], _ episodes: [Episode], _ objective: ClippedObjective,
        rate: Double
    ) {
        let now = policy.logits.map { ObjectiveTests.logSoftmax($0) }
        let share = 1 / Double(episodes.reduce(0) { $0 + $1.tokens.count })
        var steps: [(prefix: Int, token: Int, slope: Double)] = []
        var valueGradient = [Double](repeating: 0, count: values.count)
        for episode in episodes {
            for (drawn, token) in zip(episode.steps, episode.tokens) {
                let slope = objective.slope(at: now[drawn.prefix][drawn.token], values[drawn.prefix], of: token)
                steps.append((drawn.prefix, drawn.token, share * slope.logp))
                valueGradient[drawn.prefix] += share * slope.value
            }
        }
        for (prefix, gradient) in policy.gradient(of: steps).enumerated() {
            for (token, slope) in gradient.enumerated() { policy.logits[prefix][token] -= rate * slope }
        }
        for prefix in values.indices { values[prefix] -= 20 * rate * valueGradient[prefix] }
    }

    @Test("the clipped loss: a flat part where the ratio has gone far enough, and no clip the other way")
    func clipping() {
        let objective = ClippedObjective(cliprange: 0.2, cliprangeValue: 0.5, valueWeight: 0.1)
        func slope(_ advantage: Double, ratio: Double) -> ClippedObjective.Slope {
            objective.slope(
                at: log(ratio) - 3, 0, of: .init(logp: -3, value: 0, advantage: advantage, target: 0))
        }
        #expect(slope(2, ratio: 1.5).policyLoss == -2 * 1.2 && slope(2, ratio: 1.5).logp == 0)
        #expect(abs(slope(2, ratio: 0.5).logp + 1) < 1e-12 && !slope(2, ratio: 0.5).policyIsClipped)
        #expect(slope(-1, ratio: 0.5).logp == 0 && abs(slope(-1, ratio: 1.5).logp - 1.5) < 1e-12)
        // A value that has moved away from its target by more than the range counts; one that has come nearer doesn't.
        let token = ClippedObjective.Token(logp: 0, value: 0, advantage: 0, target: 1)
        #expect(objective.slope(at: 0, 0.9, of: token).value == 0)
        #expect(abs(objective.slope(at: 0, -0.9, of: token).value + 0.19) < 1e-12)
    }

    @Test("the coefficient is led to its target by at most a fiftieth a step, and stays without one")
    func coefficient() {
        var fixed = KLCoefficient(0.1, target: nil)
        fixed.update(divergence: 100)
        #expect(fixed.value == 0.1)
        var led = KLCoefficient(0.1, target: 6)
        led.update(divergence: 60)
        #expect(abs(led.value - 0.102) < 1e-15)
        led.update(divergence: 5.4)
        #expect(abs(led.value - 0.102 * 0.99) < 1e-15)
        led.update(divergence: 0)
        #expect(abs(led.value - 0.102 * 0.99 * 0.98) < 1e-15)
    }

    @Test("running moments are those of all numbers at once, however they come")
    func moments() {
        let numbers = (0..<50).map { sin(Double($0)) * 3 + 1 }
        var (whole, parts) = (RunningMoments(), RunningMoments())
        whole.add(numbers)
        for start in stride(from: 0, to: 50, by: 7) { parts.add(Array(numbers[start..<min(50, start + 7)])) }
        #expect(parts.count == 50 && abs(parts.mean - whole.mean) < 1e-14)
        #expect(abs(parts.deviation - whole.deviation) < 1e-14)
        var one = RunningMoments()
        one.add([3])
        #expect(one.deviation == 1 && one.normalised(5) == 2)
    }
}

/// Draws of a test's own.
private struct SeededRandom {
    var state: UInt64

    mutating func uniform() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) * 0x1p-53
    }

    mutating func choice(_ probabilities: [Double]) -> Int {
        var rest = uniform()
        for (place, probability) in probabilities.enumerated() {
            rest -= probability
            if rest < 0 { return place }
        }
        return probabilities.count - 1
    }
}
