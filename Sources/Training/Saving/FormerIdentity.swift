import Checkpoints
import Machine
import Objectives
import RunFiles
import Storage

/// Format 1 of the trainer's state kept the console's wording of its time. These words must stay as they are, whatever the
/// console says today: checkpoints of that format are compared with them.
extension RunIdentity {
    /// The members that a checkpoint of format 1 must have; of the four losses of its time.
    static func former(_ run: TrainingRun) -> JSONObject {
        func text(_ digest: Digest.Value?) -> JSON { .string(digest?.hex ?? "") }
        let (file, digests) = (run.file, run.digests)
        var identity: JSONObject = [
            "loss_type": .string(file.objective.lossTypes.joined(separator: ",")), "model digest": text(digests.base),
            "reference digest": file.objective.needsReference ? text(digests[file.model.referencePath]) : .null,
            "objective": .string(words(file.objective)),
            "margin rewards": file.margins.map { .string(words($0)) } ?? .null,
            "data digest": .string(run.train.set.digest().hex), "seed": .integer(Int(clamping: file.data.seed)),
            "shuffle": .bool(file.data.shuffle), "global batch": .integer(run.planner.settings.globalBatchSize),
            "optim": .string(file.optimizer.kind.rawValue),
        ]
        if run.policy.frozen != nil {
            identity["adapters"] = .string(
                run.policy.source.adapter == nil ? words(file.adapters) : "those of \(digests.adapter?.hex ?? "")")
        }
        for reward in file.margins?.rewards ?? [] {
            if case .model(let path, _) = reward.source { identity["digest of \(path)"] = text(digests[path]) }
        }
        return identity
    }

    /// Anything else for an objective that there wasn't.
    private static func words(_ objective: Objective) -> String {
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

    private static func words(_ margins: Margins) -> String {
        margins.rewards.map { reward in
            let source =
                switch reward.source {
                case .column(let name): "column \(name)"
                case .length(let factor): "\(factor) × length"
                case .model(let path, let beta): "model \(path), beta \(beta)"
                // There was none.
                case .rewardModel(let path): "reward model \(path)"
                }
            return "\(reward.weight) · \(reward.name) (\(source))"
        }.joined(separator: " + ")
    }

    private static func words(_ adapters: RunFile.Adapters) -> String {
        let targets =
            switch adapters.targets {
            case .allLinear: AdapterTargets.allLinearName
            case .named(let names): names.joined(separator: " ")
            case .pattern(let pattern): pattern
            case nil: "the family's usual modules"
            }
        return "LoRA of r \(adapters.rank), alpha \(adapters.alpha), dropout \(adapters.dropout), on \(targets)"
            + (adapters.savedModules.isEmpty
                ? "" : ", with \(adapters.savedModules.joined(separator: " ")) trained whole")
            + (adapters.usesRSLoRA ? ", rank-stabilized" : "") + (adapters.usesDoRA ? ", DoRA" : "")
    }
}
