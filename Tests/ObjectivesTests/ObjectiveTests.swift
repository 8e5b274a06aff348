import Foundation
import Objectives
import Testing

/// Objectives made of losses: identities, lists, what is refused.
@Suite struct ObjectiveTests {
    // MARK: - Step 0

    @Test("at step 0 DPO's loss is ln 2, IPO's 1/(4β²), KTO's ½, rewards are zero and MODPO's loss is its margin's")
    func stepZero() throws {
        let pair = JudgementInput(
            .pair,
            [
                ResponseInput(logps: -31.4, referenceLogps: -31.4, length: 9, marginReward: -0.7),
                ResponseInput(logps: -20.2, referenceLogps: -20.2, length: 4, marginReward: 0.5),
            ])
        for labelSmoothing in [0, 0.2] {
            let output = try Objective(.sigmoid, ["label_smoothing": .number(labelSmoothing)]).evaluate(pair)
            #expect(abs(output.loss - 0.6931471805599453) < 1e-15)
            #expect(output.rewards == [0, 0])
        }
        #expect(abs(try Objective(.ipo, ["beta": 0.25]).evaluate(pair).loss - 4) < 1e-12)
        let desirable = JudgementInput(.labelled(isDesirable: true), [pair.responses[0]])
        #expect(try Objective(.kto).evaluate(desirable).loss == 0.5)
        let output = try Objective(.modpo, preferenceWeight: 0.5).evaluate(pair)
        #expect(abs(output.loss - log1p(exp(-1.2 / 0.5))) < 1e-15)
        #expect(output.rewards == [0, 0])
        #expect(abs(output.combinedRewards[0] - 1.4) < 1e-15 && output.combinedRewards[1] == -1)
    }

    // MARK: - MODPO

    @Test("MODPO with weights (1, 0, …) equals DPO bit for bit")
    func modpoIsDPO() throws {
        let (modpo, dpo) = try (Objective(.modpo), Objective(.sigmoid))
        for pair in Self.pairs(margins: 0) { #expect(modpo.evaluate(pair) == dpo.evaluate(pair)) }
    }

    @Test("adding a function of the prompt to both responses' margin rewards leaves MODPO's loss unchanged")
    func modpoShift() throws {
        let objective = try Objective(.modpo, preferenceWeight: 0.3)
        for pair in Self.pairs() {
            var shifted = pair
            for place in 0...1 { shifted.responses[place].marginReward += 17.25 }
            let (a, b) = (objective.evaluate(pair), objective.evaluate(shifted))
            #expect(abs(a.loss - b.loss) < 1e-12 && abs(a.gradients[0] - b.gradients[0]) < 1e-12)
        }
    }

    @Test("scaling all weights and β alike leaves MODPO's loss unchanged")
    func modpoScale() throws {
        let scale = 3.7
        let objective = try Objective(.modpo, ["beta": 0.1], preferenceWeight: 0.3)
        let scaled = try Objective(.modpo, ["beta": .number(0.1 * scale)], preferenceWeight: 0.3 * scale)
        for pair in Self.pairs() {
            var other = pair
            for place in 0...1 { other.responses[place].marginReward *= scale }
            let (a, b) = (objective.evaluate(pair), scaled.evaluate(other))
            #expect(abs(a.loss - b.loss) < 1e-12 && abs(a.gradients[0] - b.gradients[0]) < 1e-12)
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
        let objective = try Objective(.modpo, ["beta": .number(beta)], preferenceWeight: weights.0)

        var scores = reference
        for _ in 0..<4000 {
            let logps = Self.logSoftmax(scores)
            var logpGradients = [Double](repeating: 0, count: 6)
            for winner in 0..<6 {
                for loser in 0..<6 where loser != winner {
                    let probability = 1 / (1 + exp(preferred[loser] - preferred[winner]))
                    let output = objective.evaluate(
                        JudgementInput(
                            .pair,
                            [winner, loser].map {
                                ResponseInput(
                                    logps: logps[$0], referenceLogps: reference[$0], length: 1,
                                    marginReward: margins[$0])
                            }))
                    logpGradients[winner] += probability * output.gradients[0]
                    logpGradients[loser] += probability * output.gradients[1]
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

    // MARK: - The likelihood term

    @Test("the three reductions are means over tokens, over responses' means and over responses' sums")
    func reductions() throws {
        let responses = [(-12.0, 4), (-30.0, 10), (-2.0, 1)].map { ResponseInput(logps: $0, length: $1) }
        let batch = BatchStatistics(meanLength: 5)
        func mean(_ reduction: String) throws -> Double {
            let objective = try Objective(.sft, ["nll_reduction": .word(reduction)])
            return responses.map { objective.evaluate(JudgementInput(.demonstration, [$0]), in: batch).loss }
                .reduce(0, +) / 3
        }
        #expect(abs(try mean("token") - 44.0 / 15) < 1e-15)
        #expect(abs(try mean("response") - (3.0 + 3 + 2) / 3) < 1e-15)
        #expect(abs(try mean("sum") - 44.0 / 3) < 1e-14)
        #expect(try Objective(.sft).constants["nll_reduction"] == .word("token"))
    }

    @Test("a list of losses is their weighted sum, and sft in it follows its own reduction")
    func list() throws {
        let list = try Objective([(.sigmoid, 0.8), (.hinge, 0.2), (.sft, 1.5)], ["beta": 0.3])
        #expect(list.constants["nll_reduction"] == .word("token"))
        #expect(list.judges == .pairs && list.needsReference)
        let batch = BatchStatistics(meanLength: 7)
        for pair in Self.pairs() {
            let parts = try [Objective(.sigmoid, ["beta": 0.3]), Objective(.hinge, ["beta": 0.3]), Objective(.sft)]
                .map {
                    $0.evaluate(
                        $0.judges == .pairs ? pair : JudgementInput(.demonstration, [pair.responses[0]]), in: batch)
                }
            let output = list.evaluate(pair, in: batch)
            #expect(abs(output.loss - (0.8 * parts[0].loss + 0.2 * parts[1].loss + 1.5 * parts[2].loss)) < 1e-12)
            #expect(output.rewards == parts[0].rewards)
        }
    }

    // MARK: - What is refused

    @Test("wrong constants are refused by name")
    func refusals() {
        func message(
            _ losses: [(loss: Loss, weight: Double)], _ constants: [String: ConstantValue] = [:], weight: Double = 1
        ) -> String {
            do {
                _ = try Objective(losses, constants, preferenceWeight: weight)
                return "accepted"
            } catch { return "\(error)" }
        }
        #expect(
            message([(.modpo, 1)], weight: 0)
                == "the weight of the trained preference is 0.0; expected a number above 0, since the loss divides by "
                + "it: train another of the objectives by its preferences and give this one as a margin reward")
        #expect(message([(.sigmoid, 1)], ["beta": 0]) == "beta is 0.0; expected a number above 0")
        #expect(message([(.sigmoid, 1)], ["beta": .number(.nan)]) == "beta is nan; expected a number above 0")
        #expect(
            message([(.sigmoid, 1)], ["label_smoothing": 0.5])
                == "label_smoothing is 0.5; expected a number from 0 to below 0.5")
        #expect(message([(.simpo, 1)], ["gamma": -1]) == "gamma is -1.0; expected a number, 0 or more")
        #expect(message([(.ipo, 1)], ["normalise": "median"]) == "normalise is median; expected mean or sum")
        #expect(message([(.sft, 1)], ["nll_weight": 1]) == "nll_weight isn't read by sft; leave it out")
        #expect(
            message([(.sigmoid, 1), (.sft, 1)], ["nll_weight": 1])
                == "nll_weight isn't read with a list of losses; add sft to the list, with its weight in loss_weights")
        #expect(
            message([(.sigmoid, 1), (.kto, 1)])
                == "kto can't be one of several losses: it doesn't judge pairs by logps; train it alone")
        #expect(message([(.sigmoid, -1)]) == "the weight of sigmoid is -1.0; expected a number above 0")
        // ε of EXO and of DPO have different ranges; both must agree.
        #expect(
            message([(.sigmoid, 1), (.exoPair, 1)], ["label_smoothing": 0])
                == "label_smoothing is 0.0; expected a number above 0 and below 0.5")
    }

    // MARK: - Material

    static func pairs(margins: Double = 1) -> [JudgementInput] {
        (0..<12).map { k in
            // Any irregular numbers will do.
            func value(_ salt: Double) -> Double { sin(Double(k + 1) * salt * 12.9898) }
            return JudgementInput(
                .pair,
                [
                    ResponseInput(
                        logps: -15 + 9 * value(1), referenceLogps: -15 + 9 * value(3), length: 1 + k,
                        marginReward: margins * 2 * value(5)),
                    ResponseInput(
                        logps: -14 + 9 * value(2), referenceLogps: -14 + 9 * value(4), length: 13 - k,
                        marginReward: margins * 2 * value(6)),
                ])
        }
    }

    static func logSoftmax(_ scores: [Double]) -> [Double] {
        let total = log(scores.reduce(0) { $0 + exp($1) })
        return scores.map { $0 - total }
    }
}

extension Objective {
    /// Of a judgement for which no statistic of the batch matters.
    func evaluate(_ input: JudgementInput) -> JudgementOutput { evaluate(input, in: BatchStatistics(meanLength: 1)) }
}
