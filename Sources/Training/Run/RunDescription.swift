import Machine
import Preferences
import RunFiles

/// A run's settings in words: for the summary before step 0, and for telling one run's checkpoints from another's.
extension RunFile {
    /// The objective and all its constants.
    var objectiveText: String {
        let nll = objective.nllWeight > 0 ? ", nll_weight \(objective.nllWeight)" : ""
        switch objective.kind {
        case .sft: return "sft: NLL of the chosen response"
        case .sigmoid(let beta, let smoothing):
            return "sigmoid (DPO), beta \(beta)" + (smoothing > 0 ? ", label_smoothing \(smoothing)" : "") + nll
        case .simpo(let beta, let gamma):
            return "simpo, beta \(beta), gamma \(gamma) (gamma_beta_ratio \(fixed(gamma / beta, 4)))" + nll
        case .modpo(let beta, let weight): return "modpo, beta \(beta), weight of the preference \(weight)" + nll
        }
    }

    /// The margin rewards with their weights and sources; nil without any.
    var marginsText: String? {
        guard let margins else { return nil }
        return margins.rewards.map { reward in
            let source =
                switch reward.source {
                case .column(let name): "column \(name)"
                case .length(let factor): "\(factor) × length"
                case .model(let path, let beta): "model \(path), beta \(beta)"
                }
            return "\(reward.weight) · \(reward.name) (\(source))"
        }.joined(separator: " + ")
    }

    /// The update rule with all its constants.
    var optimizerText: String {
        var text = "\(optimizer.kind.rawValue), learning rate \(optimizer.learningRate), \(optimizer.schedule.rawValue)"
        if optimizer.kind.isAdam {
            text += ", betas \(optimizer.adamBeta1) and \(optimizer.adamBeta2), epsilon \(optimizer.adamEpsilon)"
        }
        if optimizer.weightDecay > 0 { text += ", weight decay \(optimizer.weightDecay)" }
        return text + (optimizer.maxGradNorm.map { ", max_grad_norm \($0)" } ?? ", no clipping")
    }
}
