import Storage

extension RunFile {
    /// The settings that `iterate` can't do without.
    package struct Rounds: Sendable {
        package let count: Int
        package let prompts: String
        /// The name of the reward by which responses become pairs.
        package let decidingReward: String
    }

    /// `rounds` with what belongs to it, for `iterate`.
    /// - Throws: everything that is missing or in the way.
    package func requiredRounds() throws(RunFileError) -> Rounds {
        var faults: [RunFileFault] = []
        func require(_ key: String, _ isThere: Bool, _ remedy: String) {
            if !isThere { faults.append(.missing(file: file, key: key, remedy: remedy)) }
        }
        require("rounds", self.rounds.count != nil, "say how many, for instance rounds: 3")
        require("prompts_file", self.rounds.promptsFile != nil, "name the file of prompts to generate from")
        require("rewards", !self.rewards.sources.isEmpty, "say what responses are worth: rewards: {kind: \"lexicon:words.txt\"}")
        if let entry = values.given["train_file"] {
            faults.append(.unused(entry.place, key: "train_file", because: "each round trains on the pairs that it makes"))
        }
        if objective.judges != .pairs && objective.judges != .lists || objective.readsRewards {
            let place = values.given["loss_type"]?.place ?? .line(file: file, 1)
            faults.append(
                .wrongValue(
                    place, key: "loss_type", found: objective.lossTypes.joined(separator: ", "),
                    expected: "a loss of pairs, which rounds are trained by"))
        }
        guard faults.isEmpty, let count = self.rounds.count, let prompts = self.rounds.promptsFile,
            let reward = self.rounds.decidingReward ?? self.rewards.sources.first?.name
        else { throw RunFileError(faults) }
        return Rounds(count: count, prompts: prompts, decidingReward: reward)
    }

    /// Refuses rounds, for a command that trains once.
    package func refuseRounds() throws(RunFileError) {
        guard let entry = values.given["rounds"] else { return }
        throw RunFileError(
            .unused(entry.place, key: "rounds", because: "only iterate makes rounds: swift-prefopt iterate \(file)"))
    }

    /// The training of one round: this run on its pairs, from its model.
    ///
    /// - Parameters:
    ///   - isNew: whether the adapters that the run asks for are yet to be made.
    ///   - reference: nil: the model itself.
    package func training(
        model: String, adapter: String?, isNew: Bool, reference: String?, pairs: String, output: String
    ) -> RunFile {
        var run = self
        run.values.leaveOut(KeyTable.sections.first { $0.title == RoundKeys.title }?.keys.map(\.name) ?? [])
        if !isNew { run.values.leaveOut(AdapterKeys.ofFreshAdapters) }
        run.values.leaveOut(["temperature", "response_length"] + (self.samples.promptsFile == nil ? ["rewards"] : []))
        run.model.path = model
        run.adapters.path = adapter
        run.model.referencePath = reference
        run.model.outputDirectory = output
        run.data.trainFiles = [DataFile(path: pairs)]
        run.machine.reproducible = self.machine.reproducible
        return run
    }

    /// The values that all jobs of one `iterate` must share, whatever the number of rounds.
    package var roundsIdentity: [(key: String, value: JSON)] {
        let others = [
            "model_name_or_path", "ref_model_name_or_path", "adapter_name_or_path", "rewards", "temperature",
            "response_length",
        ]
        let ofRounds = KeyTable.sections.first { $0.title == RoundKeys.title }?.keys.map(\.name) ?? []
        return KeyTable.keys.filter { key in
            key.name != "rounds" && (others.contains(key.name) || ofRounds.contains(key.name) || key.isIdentity)
                && values.holds(key)
        }.map { ($0.name, $0.written(in: values).json) }
    }
}

extension RunValues {
    /// Makes keys as if they weren't given.
    mutating func leaveOut(_ names: [String]) {
        for name in names {
            given[name] = nil
            KeyTable.byName[name]?.fill(&self, isNull: false)
        }
    }
}
