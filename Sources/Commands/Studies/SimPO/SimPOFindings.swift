import Figures
import Machine
import RunFiles
import Statistics
import Storage

/// The findings of `study simpo`, and the text that tells them.
struct SimPOFindings {
    /// Of each policy on held-out pairs.
    var heldOut: [LengthDiagnosis]
    /// Of DPO and SimPO on the pairs that they were trained on.
    var training: [LengthDiagnosis] = []
    /// SimPO's with length normalisation, by γ, rising.
    var gammas: [(gamma: Double, diagnosis: LengthDiagnosis)] = []
    /// Tokens of generated responses.
    var generated: [(name: String, lengths: Sample)] = []
    var timing: StepTiming?

    init(heldOut: [LengthDiagnosis]) { self.heldOut = heldOut }

    var points: [JSONObject] {
        var points = heldOut.map { $0.json(on: "held-out") } + training.map { $0.json(on: "training") }
        points += generated.map { name, lengths in
            [
                "policy": .string(name), "generated_tokens": .number(lengths.mean),
                "generated_tokens_95": .array([.number(lengths.interval.low), .number(lengths.interval.high)]),
            ]
        }
        if let timing {
            points.append([
                "seconds_of_a_step": [
                    "simpo": .number(timing.simpo), "dpo_cached": .number(timing.dpoCached),
                    "dpo_online": .number(timing.dpoOnline),
                ],
                "bytes_of_a_rank": [
                    "simpo": .integer(timing.simpoBytes), "dpo_cached": .integer(timing.dpoBytes),
                    "dpo_with_a_resident_reference": .integer(timing.dpoBytes + timing.referenceBytes),
                ],
            ])
        }
        return points
    }

    // MARK: - Figures

    var figures: [(name: String, figure: Figure)] {
        var figures = [("rewards", rewardFigure), ("lengths", lengthFigure), ("margins", marginFigure)]
        if gammas.count > 1 { figures += [("gamma", gammaFigure), ("likelihoods", likelihoodFigure)] }
        return figures
    }

    /// The policies that are compared closely; all, if there are few.
    private var shown: [LengthDiagnosis] {
        guard !training.isEmpty else { return Array(heldOut.prefix(4)) }
        let names = training.map(\.name)
        return heldOut.filter { names.contains($0.name) || $0.reward.isSum }
    }

    /// Dots drawn of each policy.
    private static let mostDots = 400

    /// Fig. 2a: r_w − r_l against n_w − n_l.
    private var rewardFigure: Figure {
        var figure = Figure(
            "Rewards and lengths", note: "A dot is a held-out pair; policies stand a little beside each other.",
            x: Axis("length of chosen minus rejected, tokens"), y: Axis("reward of chosen minus rejected, in deviations"))
        for (place, diagnosis) in shown.enumerated() {
            let deviation = max(Sample(diagnosis.rewardDifferences).deviation, .leastNonzeroMagnitude)
            figure.points(
                title(diagnosis, diagnosis.rewardAndLength),
                zip(diagnosis.lengthDifferences, diagnosis.rewardDifferences).prefix(Self.mostDots)
                    .map { DataPoint($0 + shift(place), $1 / deviation) })
        }
        figure.level("no preference", 0)
        return figure
    }

    /// Fig. 2b: ā against n.
    private var lengthFigure: Figure {
        var figure = Figure(
            "Likelihood and length", note: "A dot is a held-out response; policies stand a little beside each other.",
            x: Axis("length, tokens"), y: Axis("mean logp of a token"))
        for (place, diagnosis) in shown.enumerated() {
            figure.points(
                title(diagnosis, diagnosis.likelihoodAndLength),
                zip(diagnosis.lengths, diagnosis.means).prefix(Self.mostDots).map { DataPoint($0 + shift(place), $1) })
        }
        return figure
    }

    /// Lengths are whole numbers: dots of several policies would lie on each other.
    private func shift(_ place: Int) -> Double { 0.22 * (Double(place) - Double(shown.count - 1) / 2) }

    private func title(_ diagnosis: LengthDiagnosis, _ correlation: RankCorrelation) -> String {
        diagnosis.name + (correlation.rho.map { ", ρ \(fixed($0, 2))" } ?? "")
    }

    /// Histograms of r_w − r_l.
    private var marginFigure: Figure {
        var figure = Figure(
            "Reward margins", note: "Of held-out pairs, in deviations of each policy's.",
            x: Axis("reward of chosen minus rejected"), y: Axis("pairs"))
        let scaled = shown.map { diagnosis in
            let deviation = max(Sample(diagnosis.rewardDifferences).deviation, .leastNonzeroMagnitude)
            return diagnosis.rewardDifferences.map { $0 / deviation }
        }
        let edges = Histogram.edges(of: scaled)
        for (diagnosis, values) in zip(shown, scaled) {
            figure.histogram(diagnosis.name, edges: edges, counts: Histogram.counts(of: values, edges: edges))
        }
        return figure
    }

    /// Fig. 3a: reward accuracy by γ.
    private var gammaFigure: Figure {
        var figure = Figure(
            "SimPO's margin γ", note: "Reward accuracy on held-out pairs, with Wilson's 95 % intervals.",
            x: Axis("γ", including: [0]), y: Axis("reward accuracy"))
        figure.points(
            "SimPO",
            gammas.map { gamma, diagnosis in
                let interval = diagnosis.accuracyInterval
                return DataPoint(gamma, diagnosis.accuracy, yError: interval.low...interval.high)
            }, joined: true)
        if let dpo = heldOut.first(where: { $0.name == "dpo" }) { figure.level("DPO", dpo.accuracy) }
        return figure
    }

    /// Fig. 3c: ā_w by γ.
    private var likelihoodFigure: Figure {
        var figure = Figure(
            "Likelihood of chosen responses by γ", note: "Of held-out pairs.",
            x: Axis("mean logp of a token of the chosen response"), y: Axis("responses"))
        let edges = Histogram.edges(of: gammas.map(\.diagnosis.chosenMeans))
        for (gamma, diagnosis) in gammas {
            figure.histogram(
                "γ \(SimPOStudyRuns.short(gamma))", edges: edges,
                counts: Histogram.counts(of: diagnosis.chosenMeans, edges: edges))
        }
        return figure
    }
}

extension StudyReward {
    fileprivate var isSum: Bool { if case .sum = self { true } else { false } }
}
