import Checkpoints
import Modeling
import RunFiles

extension RunFile {
    /// Whether training uses the dropout of the adapters on a model. An adapter that a preference loss goes on from has that
    /// of its SFT in its config; there it is off, as in TRL, so that the first step finds the policy as the reference is.
    /// Nor is it on where the policy's own draws are compared with it.
    func drops(_ source: ModelSource) -> Bool {
        objective.judges != .prompts && (source.adapter == nil || objective.lossTypes == ["sft"])
    }
}

extension RunFile.Adapters {
    /// Fresh adapters on a model.
    /// - Throws: `TrainingError.input` for modules that can't be adapted.
    func adaptation(of architecture: Architecture, in base: ModelDirectory) throws -> Adaptation {
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
        do throws(AdapterTargets.Refusal) {
            return try Adaptation(config, for: architecture, of: base)
        } catch {
            throw TrainingError.input("lora_target_modules or modules_to_save: \(error)")
        }
    }

    /// Refuses keys that contradict what the model's folder turned out to be.
    /// - Throws: `TrainingError.input`.
    func check(_ source: ModelSource) throws {
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
