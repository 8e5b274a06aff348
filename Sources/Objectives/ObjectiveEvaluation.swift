extension Objective {
    /// Loss, gradients and rewards of one judgement. NaN and infinity of the inputs reach the loss: the caller looks there.
    ///
    /// - Parameter batch: of the global batch that the judgement is in; of all judgements in an evaluation.
    package func evaluate(_ input: JudgementInput, in batch: BatchStatistics) -> JudgementOutput {
        let reward = self.reward
        let rewards = input.responses.map { reward.value(of: $0) }
        let statistic = self.statistic(of: batch)
        var output = JudgementOutput(
            loss: 0, gradients: input.responses.map { _ in 0 }, rewards: rewards, combinedRewards: rewards,
            resolutions: input.responses.map { reward.resolution(of: $0) },
            referencePoint: statistic == 0 ? 0 : constants.beta * statistic, statistic: statistic)
        var constants = constants
        constants.referencePoint = output.referencePoint
        if let weight = input.preferenceWeight { constants.preferenceWeight = weight }
        for term in terms {
            guard let slope = term.loss.slope(of: input, constants) else { continue }
            // With a weight of 1 the bits are the loss's own.
            output.loss += term.weight * slope.loss
            for place in slope.gradients.indices { output.gradients[place] += term.weight * slope.gradients[place] }
        }
        addLikelihood(of: input, meanLength: batch.meanLength, to: &output)
        if needsMarginRewards {
            output.combinedRewards = zip(rewards, input.responses).map {
                ($0 - $1.marginReward) / constants.preferenceWeight
            }
        }
        return output
    }

    /// The reward of the first loss that has one.
    package var reward: Reward {
        terms.lazy.map { $0.loss.reward(constants) }.first { $0.measure != .none } ?? Reward(measure: .none, scale: 0)
    }

    /// The statistic that rewards are compared with, before β; a KL divergence is never negative, its estimate may be.
    private func statistic(of batch: BatchStatistics) -> Double {
        if needs(.mismatchedLogRatio) { return max(0, batch.mismatchedLogRatio) }
        return needs(.runningLogRatio) ? batch.runningLogRatio : 0
    }

    /// α · NLL of the chosen response.
    private func addLikelihood(of input: JudgementInput, meanLength: Double, to output: inout JudgementOutput) {
        let weight = likelihoodWeight
        guard weight > 0 else { return }
        let (place, reduction) = (input.best, constants.nllReduction ?? .response)
        let response = input.responses[place]
        let divisor = reduction.divisor(length: response.length, meanLength: meanLength)
        output.loss += -weight * (response.logps / divisor)
        output.gradients[place] += -weight / divisor
    }
}

extension Loss {
    /// Nil for a loss that is its likelihood term alone.
    fileprivate func slope(of input: JudgementInput, _ constants: Constants) -> Slope? {
        switch formula {
        case .pair(let evaluate):
            let slope = evaluate(PairInput(chosen: input.responses[0], rejected: input.responses[1]), constants)
            return Slope(loss: slope.loss, gradients: [slope.chosen, slope.rejected])
        case .list(let evaluate): return evaluate(input.responses, input.preferences, constants)
        case .labelled(let evaluate):
            guard case .labelled(let isDesirable) = input.verdict else { return nil }
            return evaluate(input.responses[0], isDesirable, constants)
        case .likelihood, .rollouts: return nil
        }
    }
}
