import Checkpoints

/// A run's settings in words, for the summary before step 0.
extension RunFile {
    /// The margin rewards with their weights and sources; nil without any.
    package var marginsText: String? {
        guard let margins else { return nil }
        return margins.rewards.map { reward in
            let source =
                switch reward.source {
                case .column(let name): "column \(name)"
                case .length(let factor): "\(factor) × length"
                case .model(let path, let beta): "model \(path), beta \(beta)"
                case .rewardModel(let path): "reward model \(path)"
                }
            let scale =
                switch reward.scaling {
                case .factor(1): ""
                case .factor(let factor): " × \(factor)"
                case .std: ", normalised by its standard deviation"
                case .range: ", normalised by its range"
                }
            return "\(margins.areSampled ? "w" : "\(reward.weight)") · \(reward.name) (\(source)\(scale))"
        }.joined(separator: " + ")
    }

    /// The update rule with all its constants.
    package var optimizerText: String {
        var text =
            "\(self.optimizer.kind.rawValue), learning rate \(self.optimizer.learningRate), \(self.optimizer.schedule.rawValue)"
        if self.optimizer.kind.isAdam {
            text +=
                ", betas \(self.optimizer.adamBeta1) and \(self.optimizer.adamBeta2), epsilon \(self.optimizer.adamEpsilon)"
        }
        if self.optimizer.weightDecay > 0 { text += ", weight decay \(self.optimizer.weightDecay)" }
        return text + (self.optimizer.maxGradNorm.map { ", max_grad_norm \($0)" } ?? ", no clipping")
    }
}

extension RunFile.Adapters {
    /// The settings of fresh adapters.
    package var text: String {
        let targets =
            switch self.targets {
            case .allLinear: AdapterTargets.allLinearName
            case .named(let names): names.joined(separator: " ")
            case .pattern(let pattern): pattern
            case nil: "the family's usual modules"
            }
        let off = self.disablesDropout && self.dropout > 0 ? " off (disable_dropout)" : ""
        return "LoRA of r \(self.rank), alpha \(self.alpha), dropout \(self.dropout)\(off), on \(targets)"
            + (self.savedModules.isEmpty ? "" : ", with \(self.savedModules.joined(separator: " ")) trained whole")
            + (self.usesRSLoRA ? ", rank-stabilized" : "") + (self.usesDoRA ? ", DoRA" : "")
    }
}
