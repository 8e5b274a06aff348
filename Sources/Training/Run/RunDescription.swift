import Machine
import Preferences
import RunFiles

/// A run's settings in words: for the summary before step 0, and for telling one run's checkpoints from another's.
extension RunFile {
    /// The objective as format 1 of the trainer's state knows it: of the four losses of its time in their old words, which
    /// must stay as they are.
    var objectiveIdentity: String {
        let constants = objective.constants
        func number(_ name: String) -> Double {
            if case .number(let number) = constants[name] { number } else { 0 }
        }
        let isOld = constants["normalise"] != "sum" && ["response", nil].contains(constants["nll_reduction"])
        let nll = number("nll_weight") > 0 ? ", nll_weight \(number("nll_weight"))" : ""
        let (beta, smoothing) = (number("beta"), number("label_smoothing"))
        switch objective.lossTypes {
        case ["sft"] where isOld: return "sft: NLL of the chosen response"
        case ["sigmoid"] where isOld:
            return "sigmoid (DPO), beta \(beta)" + (smoothing > 0 ? ", label_smoothing \(smoothing)" : "") + nll
        case ["simpo"] where isOld && smoothing == 0:
            let gamma = constants["gamma"] == nil ? number("gamma_beta_ratio") * beta : number("gamma")
            return "simpo, beta \(beta), gamma \(gamma) (gamma_beta_ratio \(fixed(gamma / beta, 4)))" + nll
        case ["modpo"] where isOld && smoothing == 0:
            return "modpo, beta \(beta), weight of the preference \(constants.preferenceWeight)" + nll
        default: return objective.description
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
