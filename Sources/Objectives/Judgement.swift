/// The kinds of judgements of a row's responses; a loss takes one of them.
package enum Judged: Sendable, Equatable {
    /// Two responses of one prompt, the first preferred.
    case pairs
    /// Any number of responses of one prompt, some preferred to others.
    case lists
    /// A single response that is desirable or not.
    case labelled
    /// A single response that is to be imitated.
    case demonstrations
    /// A prompt, which the policy answers itself.
    case prompts
}

/// A response as an objective sees it. Fields that the objective doesn't need may hold anything.
package struct ResponseInput: Sendable, Equatable {
    /// P: the policy's logps, a sum over the scored tokens, in nats; r where the policy is a reward model.
    package var logps: Double
    /// R: the reference's.
    package var referenceLogps: Double
    /// n: scored tokens, at least 1.
    package var length: Int
    /// Σ_{k≥1} w_k m_k(y): MODPO's margin rewards, weighted and summed in the order of the run file.
    package var marginReward: Double

    package init(logps: Double, referenceLogps: Double = 0, length: Int, marginReward: Double = 0) {
        self.logps = logps
        self.referenceLogps = referenceLogps
        self.length = length
        self.marginReward = marginReward
    }

    /// ā = P / n.
    package var meanLogps: Double { logps / Double(length) }

    /// P − R.
    package var logRatio: Double { logps - referenceLogps }
}

/// Two responses of one prompt, by their places in whichever array the holder says.
package struct Preference: Sendable, Hashable {
    package var chosen: Int
    package var rejected: Int

    package init(chosen: Int, rejected: Int) {
        self.chosen = chosen
        self.rejected = rejected
    }
}

/// One judgement with what an objective reads of its responses.
package struct JudgementInput: Sendable, Equatable {
    /// The data's statement about the responses.
    package enum Verdict: Sendable, Equatable {
        /// The first of two responses is preferred.
        case pair
        /// At least one preference among the responses.
        case list([Preference])
        /// One response.
        case labelled(isDesirable: Bool)
        /// One response.
        case demonstration

        /// The place of the best of some responses: of a list's the first that none is preferred to.
        package func best(of count: Int) -> Int {
            guard case .list(let preferences) = self else { return 0 }
            return (0..<count).first { place in !preferences.contains { $0.rejected == place } } ?? 0
        }
    }

    package var verdict: Verdict
    package var responses: [ResponseInput]
    /// w_0 of this judgement, where weights are drawn for each or its file's preferences are of an objective of their own; nil:
    /// the objective's constant.
    package var preferenceWeight: Double?

    package init(_ verdict: Verdict, _ responses: [ResponseInput], preferenceWeight: Double? = nil) {
        self.verdict = verdict
        self.responses = responses
        self.preferenceWeight = preferenceWeight
    }

    /// Which responses are preferred to which, for a pair as for a list.
    package var preferences: [Preference] {
        switch verdict {
        case .pair: [Preference(chosen: 0, rejected: 1)]
        case .list(let preferences): preferences
        case .labelled, .demonstration: []
        }
    }

    /// The place of the response whose likelihood an NLL term raises.
    package var best: Int { verdict.best(of: responses.count) }
}

/// An objective's value on one judgement, its derivatives, and the rewards to report; arrays by response.
package struct JudgementOutput: Sendable, Equatable {
    /// ℓ, unscaled.
    package var loss: Double
    /// ∂ℓ/∂P: all that the model's backward needs to know of the objective.
    package var gradients: [Double]
    /// See `Reward`.
    package var rewards: [Double]
    /// MODPO: [h − Σ_{k≥1} w_k m_k] / w_0, the reward that the loss compares, in the units of the trained preference and so
    /// not comparable with DPO's. Otherwise the same as the rewards.
    package var combinedRewards: [Double]
    /// Of each response: how far its reward must be from another number to be told apart at all. Logps are sums of float32
    /// numbers, whose last bits depend on how rows were packed; without it half of all pairs would seem to be won before
    /// the first step.
    package var resolutions: [Double]
    /// The batch's statistic as the loss compares rewards with it: KTO's z, BCO's δ; 0 for others.
    package var referencePoint: Double
    /// The same in nats, before β.
    package var statistic: Double
}
