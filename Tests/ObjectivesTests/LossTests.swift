import Objectives
import Testing

/// Every loss by itself.
@Suite struct LossTests {
    @Test("values and derivatives equal torch's autograd in float64", arguments: try LossGolden.all)
    func goldens(_ golden: LossGolden) {
        for judgement in golden.judgements {
            let output = golden.objective.evaluate(judgement.input, in: judgement.batch)
            for (ours, theirs) in zip([output.loss] + output.gradients, [judgement.loss] + judgement.gradients) {
                #expect(abs(ours - theirs) <= 1e-12 * max(1, abs(theirs)), "\(ours) against \(theirs)")
            }
        }
    }

    @Test("every loss of judgements has a golden and its name once, and every loss a word in docs/objectives.md")
    func complete() throws {
        let names = Set(try LossGolden.all.flatMap(\.objective.lossTypes))
        let judging = Loss.all.filter { $0.judges != .prompts }
        #expect(names == Set(judging.map(\.name)))
        #expect(names.count == judging.count)
        let page = try document("objectives.md")
        for loss in Loss.all { #expect(page.contains("`\(loss.name)`"), "\(loss.name)") }
    }

    @Test("gradients equal central differences", arguments: try LossGolden.all)
    func finiteDifferences(_ golden: LossGolden) {
        let step = 1e-5
        for judgement in golden.judgements {
            let gradients = golden.objective.evaluate(judgement.input, in: judgement.batch).gradients
            for place in gradients.indices {
                func loss(_ change: Double) -> Double {
                    var moved = judgement.input
                    moved.responses[place].logps += change
                    return golden.objective.evaluate(moved, in: judgement.batch).loss
                }
                let difference = (loss(step) - loss(-step)) / (2 * step)
                // Kinks of hinge and max are not at these random numbers, but for a policy that equals its reference: there
                // dpop's penalty begins.
                if golden.objective.lossTypes == ["dpop"], judgement.input.responses[0].logRatio == 0 { continue }
                #expect(abs(difference - gradients[place]) < 1e-7 * max(1, abs(difference)), "response \(place)")
            }
        }
    }

    @Test("logps far apart give finite numbers", arguments: try LossGolden.all)
    func saturation(_ golden: LossGolden) {
        for (first, rest) in [(-1e6, -1.0), (-1.0, -1e6), (-1e100, -1.0)] {
            for judgement in golden.judgements {
                var input = judgement.input
                for place in input.responses.indices {
                    input.responses[place].logps = place == 0 ? first : rest
                    input.responses[place].referenceLogps = -1
                }
                let output = golden.objective.evaluate(input, in: judgement.batch)
                #expect(output.loss.isFinite && output.gradients.allSatisfy(\.isFinite))
            }
        }
    }

    @Test("a NaN of the model reaches the loss", arguments: try LossGolden.all)
    func nonFinite(_ golden: LossGolden) {
        for judgement in golden.judgements {
            var input = judgement.input
            input.responses[0].logps = .nan
            #expect(golden.objective.evaluate(input, in: judgement.batch).loss.isNaN)
        }
    }

    @Test("an objective doesn't look at what it says it doesn't need", arguments: try LossGolden.all)
    func needs(_ golden: LossGolden) {
        let objective = golden.objective
        for judgement in golden.judgements {
            var blind = judgement.input
            for place in blind.responses.indices {
                if !objective.needsReference { blind.responses[place].referenceLogps = .nan }
                if !objective.needsMarginRewards, !objective.readsRewards { blind.responses[place].marginReward = .nan }
            }
            #expect(
                objective.evaluate(blind, in: judgement.batch)
                    == objective.evaluate(judgement.input, in: judgement.batch))
        }
    }
}
