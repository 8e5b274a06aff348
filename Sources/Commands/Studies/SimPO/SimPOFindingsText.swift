import Machine
import Statistics

/// The findings in words.
extension SimPOFindings {
    var lines: [String] {
        var lines = ["# study simpo", ""] + table
        lines += ["", correlationLine, mismatchLine, gammaLine, ablationLine, generatedLine, timingLine].compactMap { $0 }
        return lines
    }

    private var table: [String] {
        let head = ["policy", "reward accuracy", "ā accuracy", "mismatch", "ρ(ā, n)", "ρ(Δr, Δn)", "mean ā_w"]
        let rows = heldOut.map { diagnosis in
            let interval = diagnosis.accuracyInterval
            return [
                diagnosis.name,
                "\(percent(diagnosis.accuracy)) [\(percent(interval.low)), \(percent(interval.high))]",
                percent(diagnosis.likelihoodAccuracy), percent(diagnosis.mismatch), text(diagnosis.likelihoodAndLength),
                text(diagnosis.rewardAndLength), fixed(Sample(diagnosis.chosenMeans).mean, 3),
            ]
        }
        let lines = ([head] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
        return [lines[0], "|" + head.map { _ in "---|" }.joined()] + lines.dropFirst()
    }

    private func percent(_ share: Double) -> String { "\(fixed(100 * share, 1)) %" }

    private func text(_ correlation: RankCorrelation) -> String {
        guard let rho = correlation.rho else { return "none" }
        guard let interval = correlation.interval else { return fixed(rho, 2) }
        return "\(fixed(rho, 2)) [\(fixed(interval.low, 2)), \(fixed(interval.high, 2))]"
    }

    private var dpo: LengthDiagnosis? { heldOut.first { if case .logRatio = $0.reward { true } else { false } } }
    private var sum: LengthDiagnosis? { heldOut.first { if case .sum = $0.reward { true } else { false } } }
    private var simpo: LengthDiagnosis? {
        let main = training.first { if case .mean = $0.reward { true } else { false } }
        return heldOut.first { $0.name == main?.name } ?? heldOut.first { if case .mean = $0.reward { true } else { false } }
    }

    private var correlationLine: String? {
        guard let dpo, let simpo, let a = dpo.likelihoodAndLength.rho, let b = simpo.likelihoodAndLength.rho else { return nil }
        let verdict =
            overlaps(dpo.likelihoodAndLength, simpo.likelihoodAndLength)
            ? "the intervals overlap, so these responses can't tell the two apart"
            : abs(b) < abs(a) ? "less after SimPO, as in the paper" : "not less after SimPO, unlike the paper"
        return "Likelihood follows length with ρ \(fixed(b, 2)) after SimPO and \(fixed(a, 2)) after DPO over "
            + "\(simpo.means.count) responses: \(verdict) (0.34 and 0.59 there)."
    }

    private func overlaps(_ a: RankCorrelation, _ b: RankCorrelation) -> Bool {
        guard let a = a.interval, let b = b.interval else { return true }
        return a.low <= b.high && b.low <= a.high
    }

    private var mismatchLine: String? {
        let tables = training.isEmpty ? heldOut : training
        guard let dpo = tables.first(where: { if case .logRatio = $0.reward { true } else { false } }) else { return nil }
        let off = dpo.table[0][1]
        return "Of the \(off + dpo.table[0][0]) pairs that DPO's reward ranks rightly, the likelihood ranks \(off) "
            + "(\(percent(dpo.mismatch))) the other way"
            + (training.isEmpty ? "" : " (training set; 21.2k of 44.2k in the paper)")
            + "; for SimPO there is none, since its reward is the likelihood of a token times β."
    }

    private var gammaLine: String? {
        guard gammas.count > 1, let first = gammas.first, let last = gammas.last else { return nil }
        let rises =
            first.diagnosis.accuracy < last.diagnosis.accuracy
            && zip(gammas, gammas.dropFirst()).allSatisfy { $0.diagnosis.accuracy <= $1.diagnosis.accuracy }
        let means = gammas.map { Sample($0.diagnosis.chosenMeans).mean }
        let falls = zip(means, means.dropFirst()).allSatisfy { $0 >= $1 }
        return "From γ \(fixed(first.gamma, 1)) to \(fixed(last.gamma, 1)) the reward accuracy goes from "
            + "\(percent(first.diagnosis.accuracy)) to \(percent(last.diagnosis.accuracy)), "
            + (rises ? "never falling on the way, as in the paper" : "so it doesn't rise with γ here")
            + ", and the mean logp of a chosen token from \(fixed(means[0], 3)) to \(fixed(means[means.count - 1], 3)), "
            + (falls ? "falling throughout, as in the paper." : "not falling throughout.")
    }

    private var ablationLine: String? {
        guard let sum, let simpo, let a = sum.likelihoodAndLength.rho, let b = simpo.likelihoodAndLength.rho else { return nil }
        return "Without length normalisation ρ is \(fixed(a, 2)) instead of \(fixed(b, 2)) (0.82 and 0.34 in the paper), and the "
            + "reward accuracy \(percent(sum.accuracy)) instead of \(percent(simpo.accuracy))."
    }

    private var generatedLine: String? {
        guard !generated.isEmpty else { return nil }
        return "Generated responses have "
            + generated.map { "\(fixed($0.lengths.mean, 1)) ± \(fixed(Interval.z * $0.lengths.standardError, 1)) tokens (\($0.name))" }
            .joined(separator: ", ") + "."
    }

    private var timingLine: String? {
        guard let timing else { return nil }
        func ratio(_ seconds: Double) -> String { fixed(seconds / timing.simpo, 2) }
        return "A step of DPO takes \(ratio(timing.dpoCached)) × one of SimPO with the reference's logps from the cache and "
            + "\(ratio(timing.dpoOnline)) × with the reference computed for each step (1 and 1.33 expected of the arithmetic; the "
            + "paper's trainers took 1.22). A rank's arrays take \(readableBytes(timing.simpoBytes)) for SimPO and "
            + "\(readableBytes(timing.dpoBytes)) for DPO with the cache; a reference beside the policy would add "
            + "\(readableBytes(timing.referenceBytes))."
    }
}
