import Glibc

/// What an objective reads of one pair. Fields that the objective doesn't need (see `Objective.needsReference` and its
/// siblings) may hold anything.
package struct PairInput: Sendable, Equatable {
    /// P_w and P_l: the policy's logps, sums over the scored tokens, in nats.
    package var chosenLogps: Double
    package var rejectedLogps: Double
    /// R_w and R_l: the reference's.
    package var referenceChosenLogps: Double
    package var referenceRejectedLogps: Double
    /// n_w and n_l: scored tokens, at least 1.
    package var chosenLength: Int
    package var rejectedLength: Int
    /// Σ_{k≥1} w_k m_k(y) of each response: MODPO's margin rewards, weighted and summed in the order of the run file.
    package var chosenMarginReward: Double
    package var rejectedMarginReward: Double

    package init(
        chosenLogps: Double, rejectedLogps: Double = 0,
        referenceChosenLogps: Double = 0, referenceRejectedLogps: Double = 0,
        chosenLength: Int, rejectedLength: Int = 1,
        chosenMarginReward: Double = 0, rejectedMarginReward: Double = 0
    ) {
        self.chosenLogps = chosenLogps
        self.rejectedLogps = rejectedLogps
        self.referenceChosenLogps = referenceChosenLogps
        self.referenceRejectedLogps = referenceRejectedLogps
        self.chosenLength = chosenLength
        self.rejectedLength = rejectedLength
        self.chosenMarginReward = chosenMarginReward
        self.rejectedMarginReward = rejectedMarginReward
    }

    /// ā_w and ā_l.
    package var chosenMeanLogps: Double { chosenLogps / Double(chosenLength) }
    package var rejectedMeanLogps: Double { rejectedLogps / Double(rejectedLength) }

    /// Δ = (P_w − P_l) − (R_w − R_l).
    var logRatioDifference: Double {
        (chosenLogps - rejectedLogps) - (referenceChosenLogps - referenceRejectedLogps)
    }
}

/// An objective's value on one pair, its derivatives, and the rewards to report.
package struct PairOutput: Sendable, Equatable {
    /// ℓ, unscaled.
    package var loss: Double
    /// ∂ℓ/∂P_w and ∂ℓ/∂P_l: all that the model's backward needs to know of the objective.
    package var chosenGradient: Double
    package var rejectedGradient: Double
    /// The implicit rewards: h = β (P − R), for SimPO β ā (its reward without the target margin γ), for `sft`, which
    /// has none, 0.
    package var chosenReward: Double
    package var rejectedReward: Double
    /// MODPO: [h − Σ_{k≥1} w_k m_k] / w_0, the reward that the loss compares, in the units of the trained preference
    /// and so not comparable with DPO's. Otherwise the same as the implicit rewards.
    package var chosenCombinedReward: Double
    package var rejectedCombinedReward: Double
    /// How far apart rewards must be to be told apart at all: logps are sums of float32 numbers, whose last bits depend on
    /// how rows were packed. Without it half of all pairs would seem to be won before the first step.
    package var rewardResolution: Double = 0
}

extension Objective {
    /// Loss, gradients and rewards of one pair. NaN and infinity of the inputs reach the loss: the caller looks there.
    package func evaluate(_ pair: PairInput) -> PairOutput {
        var output =
            switch kind {
            case .sft: Self.negativeMeanLogps(of: pair, weight: 1)
            case .sigmoid(let beta, let labelSmoothing): Self.sigmoid(pair, beta, labelSmoothing)
            case .simpo(let beta, let gamma): Self.simpo(pair, beta, gamma)
            case .modpo(let beta, let preferenceWeight): Self.modpo(pair, beta, preferenceWeight)
            }
        if nllWeight > 0 {
            let nll = Self.negativeMeanLogps(of: pair, weight: nllWeight)
            output.loss += nll.loss
            output.chosenGradient += nll.chosenGradient
        }
        output.rewardResolution = rewardResolution(of: pair)
        return output
    }

    /// 2⁻²⁰ of the logps' magnitudes, in units of the rewards: some five times the differences that packing makes.
    private func rewardResolution(of pair: PairInput) -> Double {
        switch kind {
        case .sft: 0
        case .sigmoid(let beta, _), .modpo(let beta, _):
            beta * 0x1p-20 * (abs(pair.chosenLogps) + abs(pair.rejectedLogps))
        case .simpo(let beta, _):
            beta * 0x1p-20 * (abs(pair.chosenMeanLogps) + abs(pair.rejectedMeanLogps))
        }
    }

    private static func negativeMeanLogps(of pair: PairInput, weight: Double) -> PairOutput {
        PairOutput(
            loss: -weight * pair.chosenMeanLogps,
            chosenGradient: -weight / Double(pair.chosenLength), rejectedGradient: 0,
            chosenReward: 0, rejectedReward: 0, chosenCombinedReward: 0, rejectedCombinedReward: 0)
    }

    private static func sigmoid(_ pair: PairInput, _ beta: Double, _ labelSmoothing: Double) -> PairOutput {
        let logit = beta * pair.logRatioDifference
        let slope: Double
        let loss: Double
        if labelSmoothing == 0 {  // also keeps 0 · ∞ out of a saturated pair
            (loss, slope) = (-logSigmoid(logit), -logistic(-logit))
        } else {
            loss = -(1 - labelSmoothing) * logSigmoid(logit) - labelSmoothing * logSigmoid(-logit)
            slope = labelSmoothing * logistic(logit) - (1 - labelSmoothing) * logistic(-logit)
        }
        let chosen = beta * (pair.chosenLogps - pair.referenceChosenLogps)
        let rejected = beta * (pair.rejectedLogps - pair.referenceRejectedLogps)
        return PairOutput(
            loss: loss, chosenGradient: slope * beta, rejectedGradient: -slope * beta,
            chosenReward: chosen, rejectedReward: rejected,
            chosenCombinedReward: chosen, rejectedCombinedReward: rejected)
    }

    private static func simpo(_ pair: PairInput, _ beta: Double, _ gamma: Double) -> PairOutput {
        let chosen = beta * pair.chosenMeanLogps
        let rejected = beta * pair.rejectedMeanLogps
        let logit = chosen - rejected - gamma
        let slope = -logistic(-logit)
        return PairOutput(
            loss: -logSigmoid(logit),
            chosenGradient: slope * beta / Double(pair.chosenLength),
            rejectedGradient: -slope * beta / Double(pair.rejectedLength),
            chosenReward: chosen, rejectedReward: rejected,
            chosenCombinedReward: chosen, rejectedCombinedReward: rejected)
    }

    /// With w_0 = 1 and no margin rewards every operation added to DPO's is exact, so the bits are DPO's.
    private static func modpo(_ pair: PairInput, _ beta: Double, _ preferenceWeight: Double) -> PairOutput {
        let margin = pair.chosenMarginReward - pair.rejectedMarginReward
        let logit = (beta * pair.logRatioDifference - margin) / preferenceWeight
        let slope = -logistic(-logit)
        let chosen = beta * (pair.chosenLogps - pair.referenceChosenLogps)
        let rejected = beta * (pair.rejectedLogps - pair.referenceRejectedLogps)
        return PairOutput(
            loss: -logSigmoid(logit),
            chosenGradient: slope * beta / preferenceWeight,
            rejectedGradient: -slope * beta / preferenceWeight,
            chosenReward: chosen, rejectedReward: rejected,
            chosenCombinedReward: (chosen - pair.chosenMarginReward) / preferenceWeight,
            rejectedCombinedReward: (rejected - pair.rejectedMarginReward) / preferenceWeight)
    }

    /// log σ(x) = min(x, 0) − log(1 + e^{−|x|}): neither overflows nor loses the small end.
    static func logSigmoid(_ x: Double) -> Double {
        min(x, 0) - log1p(exp(-abs(x)))
    }

    /// σ(x), from e to a power that is never positive.
    static func logistic(_ x: Double) -> Double {
        let power = exp(-abs(x))
        return x < 0 ? power / (1 + power) : 1 / (1 + power)
    }
}
