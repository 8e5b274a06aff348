import Checkpoints
import Modeling
import RunFiles

extension RunFile.Adapters {
    /// Fresh adapters on a model.
    /// - Parameter objectives: those that they are to have parts for, of `lora_r` each; none: plain ones.
    /// - Throws: `TrainingError.input` for modules that can't be adapted.
    func adaptation(
        of architecture: Architecture, in base: ModelDirectory, for objectives: [String] = []
    ) throws -> Adaptation {
        let usual: AdapterTargets.Modules? = if let names = architecture.family.adapterTargets { .named(names) } else { nil }
        guard let targets = self.targets ?? usual else {
            throw TrainingError.input(
                "lora_target_modules: PEFT has no usual ones for \(architecture.family.name); list names, or say "
                    + AdapterTargets.allLinearName)
        }
        var config = AdapterConfig(loraRank: self.rank, loraAlpha: self.alpha, targets: AdapterTargets(targets))
        config.loraDropout = self.dropout
        config.savedModules = self.savedModules
        if architecture.isRewardModel {
            config.task = .reward
            if !self.savedModules.contains(TensorNames.score) { config.savedModules.append(TensorNames.score) }
        }
        config.usesRSLoRA = self.usesRSLoRA
        config.usesDoRA = self.usesDoRA
        config.initialization = self.initialization
        config.storesInputsFirst = architecture.family.tensors.transposed
        config.baseModel = base.path
        if !objectives.isEmpty { config.divide(among: objectives) }
        do throws(AdapterTargets.Refusal) {
            return try Adaptation(config, for: architecture, of: base)
        } catch {
            throw TrainingError.input("lora_target_modules or modules_to_save: \(error)")
        }
    }

    /// Refuses keys that contradict what the model's folder turned out to be.
    /// - Throws: `TrainingError.input`.
    func check(_ source: ModelSource) throws {
        if self.areUsed == nil, source.adapter == nil, !self.disablesDropout, values.isGiven("disable_dropout") {
            throw TrainingError.input(
                "disable_dropout: false: all weights are trained, and a model's own dropout is always off; set "
                    + "use_peft: true, or remove the key")
        }
        if self.areUsed == nil, source.adapter == nil, quantization != .none {
            throw TrainingError.input(
                "\(quantization.key): all weights are trained, in float32; set use_peft: true, or remove the key")
        }
        guard let adapter = source.adapter, self.path == nil else { return }
        if self.areUsed == false {
            throw TrainingError.input(
                "\(adapter): is an adapter, but use_peft is false; merge it first (swift-prefopt merge), or leave the key out"
            )
        }
        if let key = firstKey {
            throw TrainingError.input("\(adapter): is an adapter, which has its own \(key); remove the key")
        }
    }
}
