import Foundation
import Objectives
import Testing

@Suite("Objectives")
struct ObjectiveTests {
    // MARK: Against torch

    @Test("losses, gradients and rewards equal torch's")
    func goldens() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let cases = try JSONDecoder().decode(
            [GoldenCase].self, from: Data(contentsOf: folder.appending(path: "objectives.json")))
        #expect(cases.count == 8)
        for golden in cases {
            let objective = try golden.objective()
            for (pair, expected) in zip(golden.pairs, golden.outputs) {
                let output = objective.evaluate(pair.input)
                let ours = [
                    output.loss, output.chosenGradient, output.rejectedGradient, output.chosenReward,
                    output.rejectedReward, output.chosenCombinedReward, output.rejectedCombinedReward,
                ]
                for (a, b) in zip(ours, expected.values) {
                    #expect(abs(a - b) <= 1e-12 * max(1, abs(b)), "\(golden.loss_type): \(a) against \(b)")
                }
            }
        }
    }

    // MARK: Derivatives

    @Test("gradients equal central differences", arguments: Self.objectives)
    func finiteDifferences(_ objective: Objective) {
        let step = 1e-5
        for pair in Self.pairs {
            func loss(chosen: Double, rejected: Double) -> Double {
                var moved = pair
                moved.chosenLogps += chosen
                moved.rejectedLogps += rejected
                return objective.evaluate(moved).loss
            }
            let output = objective.evaluate(pair)
            let chosen = (loss(chosen: step, rejected: 0) - loss(chosen: -step, rejected: 0)) / (2 * step)
            let rejected = (loss(chosen: 0, rejected: step) - loss(chosen: 0, rejected: -step)) / (2 * step)
            #expect(abs(chosen - output.chosenGradient) < 1e-8 * max(1, abs(chosen)))
            #expect(abs(rejected - output.rejectedGradient) < 1e-8 * max(1, abs(rejected)))
        }
    }

    // MARK: Step 0 and saturation

    @Test("at step 0 DPO's loss is ln 2, rewards are zero and MODPO's loss is its margin's")
    func stepZero() throws {
        let pair = PairInput(
            chosenLogps: -31.4, rejectedLogps: -20.2, referenceChosenLogps: -31.4, referenceRejectedLogps: -20.2,
            chosenLength: 9, rejectedLength: 4, chosenMarginReward: -0.7, rejectedMarginReward: 0.5)
        for labelSmoothing in [0, 0.2] {
            let output = try Objective(.sigmoid(beta: 0.1, labelSmoothing: labelSmoothing)).evaluate(pair)
            #expect(abs(output.loss - 0.6931471805599453) < 1e-15)
            #expect(output.chosenReward == 0 && output.rejectedReward == 0)
        }
        let output = try Objective(.modpo(beta: 0.1, preferenceWeight: 0.5)).evaluate(pair)
        #expect(abs(output.loss - log1p(exp(-1.2 / 0.5))) < 1e-15)
        #expect(output.chosenReward == 0 && output.rejectedReward == 0)
        #expect(abs(output.chosenCombinedReward - 1.4) < 1e-15 && output.rejectedCombinedReward == -1)
    }

    @Test("a saturated pair has a finite loss and gradient", arguments: Self.objectives)
    func saturation(_ objective: Objective) {
        for (chosen, rejected) in [(-1e6, -1.0), (-1.0, -1e6), (-1e300, -1.0)] {
            let output = objective.evaluate(
                PairInput(chosenLogps: chosen, rejectedLogps: rejected, chosenLength: 1, rejectedLength: 1))
            #expect(output.loss.isFinite && output.loss >= 0)
            #expect(output.chosenGradient.isFinite && output.rejectedGradient.isFinite)
        }
    }

    @Test("a NaN of the model reaches the loss", arguments: Self.objectives)
    func nonFinite(_ objective: Objective) {
        let output = objective.evaluate(PairInput(chosenLogps: .nan, rejectedLogps: -1, chosenLength: 1))
        #expect(output.loss.isNaN)
    }

    // MARK: Identities

    @Test("MODPO with weights (1, 0, …) equals DPO bit for bit")
    func modpoIsDPO() throws {
        let modpo = try Objective(.modpo(beta: 0.1, preferenceWeight: 1))
        let dpo = try Objective(.sigmoid(beta: 0.1, labelSmoothing: 0))
        for var pair in Self.pairs {
            pair.chosenMarginReward *= 0
            pair.rejectedMarginReward *= 0
            #expect(modpo.evaluate(pair) == dpo.evaluate(pair))
        }
    }

    @Test("adding a function of the prompt to both responses' margin rewards leaves MODPO's loss unchanged")
    func modpoShift() throws {
        let objective = try Objective(.modpo(beta: 0.1, preferenceWeight: 0.3))
        for pair in Self.pairs {
            var shifted = pair
            shifted.chosenMarginReward += 17.25
            shifted.rejectedMarginReward += 17.25
            let (a, b) = (objective.evaluate(pair), objective.evaluate(shifted))
            #expect(abs(a.loss - b.loss) < 1e-12 && abs(a.chosenGradient - b.chosenGradient) < 1e-12)
        }
    }

    @Test("scaling all weights and β alike leaves MODPO's loss unchanged")
    func modpoScale() throws {
        let scale = 3.7
        let objective = try Objective(.modpo(beta: 0.1, preferenceWeight: 0.3))
        let scaled = try Objective(.modpo(beta: 0.1 * scale, preferenceWeight: 0.3 * scale))
        for pair in Self.pairs {
            var other = pair
            other.chosenMarginReward *= scale
            other.rejectedMarginReward *= scale
            let (a, b) = (objective.evaluate(pair), scaled.evaluate(other))
            #expect(abs(a.loss - b.loss) < 1e-12 && abs(a.chosenGradient - b.chosenGradient) < 1e-12)
        }
    }

    /// Exact Bradley–Terry preferences of r_0 between all pairs of six responses, a softmax policy over them, plain
    /// gradient descent through `evaluate`.
    @Test("on six responses MODPO's minimiser is π_ref exp(Σ w_k r_k / β) / Z")
    func enumerableOptimum() throws {
        let beta = 0.5
        let weights = (0.6, 0.3, 0.1)
        let preferred = [0.9, -0.4, 0.1, 1.3, -1.0, 0.5]
        let brevity = [-1.2, 0.7, 0.3, -0.5, 0.9, 0.0]
        let kindness = [0.2, 0.6, -0.8, 0.1, 1.1, -0.3]
        let reference = Self.logSoftmax([0.3, -0.2, 0.8, -1.0, 0.1, 0.4])
        let margins = zip(brevity, kindness).map { weights.1 * $0 + weights.2 * $1 }
        let objective = try Objective(.modpo(beta: beta, preferenceWeight: weights.0))

        var scores = reference
        for _ in 0..<4000 {
            let logps = Self.logSoftmax(scores)
            var logpGradients = [Double](repeating: 0, count: 6)
            for winner in 0..<6 {
                for loser in 0..<6 where loser != winner {
                    let probability = 1 / (1 + exp(preferred[loser] - preferred[winner]))
                    let output = objective.evaluate(
                        PairInput(
                            chosenLogps: logps[winner], rejectedLogps: logps[loser],
                            referenceChosenLogps: reference[winner], referenceRejectedLogps: reference[loser],
                            chosenLength: 1, rejectedLength: 1,
                            chosenMarginReward: margins[winner], rejectedMarginReward: margins[loser]))
                    logpGradients[winner] += probability * output.chosenGradient
                    logpGradients[loser] += probability * output.rejectedGradient
                }
            }
            let total = logpGradients.reduce(0, +)
            for y in 0..<6 { scores[y] -= 0.3 * (logpGradients[y] - exp(logps[y]) * total) }
        }

        let optimum = Self.logSoftmax(
            (0..<6).map {
                reference[$0]
                    + (weights.0 * preferred[$0] + weights.1 * brevity[$0] + weights.2 * kindness[$0]) / beta
            })
        for (found, expected) in zip(Self.logSoftmax(scores), optimum) {
            #expect(abs(exp(found) - exp(expected)) < 1e-9)
        }
    }

    // MARK: What an objective reads, and what it refuses

    @Test("an objective doesn't look at what it says it doesn't need", arguments: Self.objectives)
    func needs(_ objective: Objective) {
        for pair in Self.pairs {
            var blind = pair
            if !objective.needsReference {
                blind.referenceChosenLogps = .nan
                blind.referenceRejectedLogps = .nan
            }
            if !objective.needsRejected { blind.rejectedLogps = .nan }
            if !objective.needsMarginRewards {
                blind.chosenMarginReward = .nan
                blind.rejectedMarginReward = .nan
            }
            #expect(objective.evaluate(blind) == objective.evaluate(pair))
        }
    }

    @Test("constants outside their range are refused by name")
    func refusals() {
        func message(_ kind: Objective.Kind, nllWeight: Double = 0) -> String {
            do {
                _ = try Objective(kind, nllWeight: nllWeight)
                return "accepted"
            } catch { return "\(error)" }
        }
        #expect(
            message(.modpo(beta: 0.1, preferenceWeight: 0))
                == "the weight of the trained preference is 0.0; expected a number above 0, since the loss divides by "
                + "it: train another of the objectives by its preferences and give this one as a margin reward")
        #expect(
            message(.modpo(beta: 0.1, preferenceWeight: -1)).hasPrefix("the weight of the trained preference is -1"))
        #expect(message(.sigmoid(beta: 0, labelSmoothing: 0)) == "beta is 0.0; expected a number above 0")
        #expect(message(.sigmoid(beta: .nan, labelSmoothing: 0)) == "beta is nan; expected a number above 0")
        #expect(message(.sigmoid(beta: 0.1, labelSmoothing: 0.5)).hasPrefix("label_smoothing is 0.5; expected"))
        #expect(message(.simpo(beta: 2, gamma: -1)) == "gamma is -1.0; expected 0 or a number above it")
        #expect(
            message(.simpo(beta: 2, gamma: 1), nllWeight: -0.1)
                == "nll_weight is -0.1; expected 0 or a number above it")
        #expect(message(.sft, nllWeight: 1) == "nll_weight is 1.0; sft is that term already: leave it out")
    }

    // MARK: Material

    static let objectives: [Objective] = {
        let kinds: [(Objective.Kind, Double)] = [
            (.sft, 0), (.sigmoid(beta: 0.1, labelSmoothing: 0), 0), (.sigmoid(beta: 0.5, labelSmoothing: 0.15), 0.2),
            (.simpo(beta: 2.5, gamma: 1.4), 0), (.simpo(beta: 2, gamma: 0), 1),
            (.modpo(beta: 0.1, preferenceWeight: 0.5), 0), (.modpo(beta: 0.5, preferenceWeight: 0.1), 0.3),
        ]
        return kinds.compactMap { try? Objective($0, nllWeight: $1) }
    }()

    static let pairs: [PairInput] = (0..<12).map { k in
        // Any irregular numbers will do.
        func value(_ salt: Double) -> Double { sin(Double(k + 1) * salt * 12.9898) }
        return PairInput(
            chosenLogps: -15 + 9 * value(1), rejectedLogps: -14 + 9 * value(2),
            referenceChosenLogps: -15 + 9 * value(3), referenceRejectedLogps: -14 + 9 * value(4),
            chosenLength: 1 + k, rejectedLength: 13 - k,
            chosenMarginReward: 2 * value(5), rejectedMarginReward: 2 * value(6))
    }

    static func logSoftmax(_ scores: [Double]) -> [Double] {
        let total = log(scores.reduce(0) { $0 + exp($1) })
        return scores.map { $0 - total }
    }
}

/// One objective of Fixtures/objectives.json, in the names of its script.
private struct GoldenCase: Decodable {
    var loss_type: String
    var beta: Double?
    var gamma: Double?
    var label_smoothing: Double?
    var preference_weight: Double?
    var nll_weight: Double?
    var pairs: [Pair]
    var outputs: [Output]

    struct Pair: Decodable {
        var chosen_logps, rejected_logps, reference_chosen_logps, reference_rejected_logps: Double
        var chosen_length, rejected_length: Int
        var chosen_margin_reward, rejected_margin_reward: Double

        var input: PairInput {
            PairInput(
                chosenLogps: chosen_logps, rejectedLogps: rejected_logps,
                referenceChosenLogps: reference_chosen_logps, referenceRejectedLogps: reference_rejected_logps,
                chosenLength: chosen_length, rejectedLength: rejected_length,
                chosenMarginReward: chosen_margin_reward, rejectedMarginReward: rejected_margin_reward)
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
        let kind: Objective.Kind =
            switch loss_type {
            case "sigmoid": .sigmoid(beta: try #require(beta), labelSmoothing: try #require(label_smoothing))
            case "simpo": .simpo(beta: try #require(beta), gamma: try #require(gamma))
            case "modpo": .modpo(beta: try #require(beta), preferenceWeight: try #require(preference_weight))
            default: .sft
            }
        return try Objective(kind, nllWeight: nll_weight ?? 0)
    }
}
