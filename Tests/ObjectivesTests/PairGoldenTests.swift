import Foundation
import Objectives
import Testing

/// The first four losses beside torch, with the rewards to report: `Fixtures/objectives.py`.
@Suite struct PairGoldenTests {
    @Test("losses, gradients and rewards of pairs equal torch's")
    func goldens() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let cases = try JSONDecoder().decode(
            [GoldenCase].self, from: Data(contentsOf: folder.appending(path: "objectives.json")))
        #expect(cases.count == 8)
        for golden in cases {
            let objective = try golden.objective()
            for (pair, expected) in zip(golden.pairs, golden.outputs) {
                let output = objective.evaluate(pair.input(for: objective))
                func both(_ values: [Double]) -> [Double] { values.count == 2 ? values : [values[0], 0] }
                let ours =
                    [output.loss] + both(output.gradients) + both(output.rewards) + both(output.combinedRewards)
                for (a, b) in zip(ours, expected.values) {
                    #expect(abs(a - b) <= 1e-12 * max(1, abs(b)), "\(golden.loss_type): \(a) against \(b)")
                }
            }
        }
    }
}

/// One objective of Fixtures/objectives.json, in the names of its script.
private struct GoldenCase: Decodable {
    var loss_type: String
    var beta, gamma, label_smoothing, preference_weight, nll_weight: Double?
    var pairs: [Pair]
    var outputs: [Output]

    struct Pair: Decodable {
        var chosen_logps, rejected_logps, reference_chosen_logps, reference_rejected_logps: Double
        var chosen_length, rejected_length: Int
        var chosen_margin_reward, rejected_margin_reward: Double

        func input(for objective: Objective) -> JudgementInput {
            let chosen = ResponseInput(
                logps: chosen_logps, referenceLogps: reference_chosen_logps, length: chosen_length,
                marginReward: chosen_margin_reward)
            let rejected = ResponseInput(
                logps: rejected_logps, referenceLogps: reference_rejected_logps, length: rejected_length,
                marginReward: rejected_margin_reward)
            return objective.judges == .pairs
                ? JudgementInput(.pair, [chosen, rejected]) : JudgementInput(.demonstration, [chosen])
        }
    }

    struct Output: Decodable {
        var loss, chosen_gradient, rejected_gradient, chosen_reward, rejected_reward: Double
        var chosen_combined_reward, rejected_combined_reward: Double

        var values: [Double] {
            [
                loss, chosen_gradient, rejected_gradient, chosen_reward, rejected_reward,
                chosen_combined_reward, rejected_combined_reward,
            ]
        }
    }

    func objective() throws -> Objective {
        let loss = try #require(Loss.named(loss_type))
        var constants: [String: ConstantValue] = ["nll_reduction": "response"]
        for (name, value) in [
            ("beta", beta), ("gamma", gamma), ("label_smoothing", label_smoothing), ("nll_weight", nll_weight),
        ] { constants[name] = value.map { .number($0) } }
        return try Objective(loss, constants, preferenceWeight: preference_weight ?? 1)
    }
}
