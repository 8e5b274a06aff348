import Storage

extension RunFile {
    /// The complete run as YAML, every default written out: for `output_dir/run.yaml`. Reading it gives an equal run.
    ///
    /// A key that this run leaves empty is null; one that it doesn't read (another objective's, a contradictory one)
    /// isn't there.
    package func resolved() -> String {
        var sections: [String] = []
        for (title, keys) in KeyTable.sections {
            let lines = keys.filter(values.holds).map { YAMLText.line($0.name, $0.written(in: values)) }
            if !lines.isEmpty { sections.append("# \(title)\n" + lines.joined()) }
        }
        return sections.joined(separator: "\n")
    }

    /// The definition of the run's result, as text: all keys but those that only say where and how it is computed and
    /// written down.
    package var definition: String {
        KeyTable.sections.flatMap { title, keys in
            let isOutward = [MachineKeys.title, RecordKeys.title].contains(title)
            return keys.filter { ($0.isIdentity || !isOutward) && $0.name != "output_dir" && values.holds($0) }
        }.map { YAMLText.line($0.name, $0.written(in: values)) }.joined()
    }

    /// The values that a run must share with the checkpoint that it goes on from. The learning rate isn't one of them: whoever
    /// lowers it after a run diverged goes on from the last good checkpoint.
    package var identity: [IdentityValue] {
        // What answers at evaluations are worth changes nothing of what is trained.
        let ofAnswers = objective.judges == .prompts ? [] : [KeyTable.shared.rewards.sources.name]
        return KeyTable.keys.filter {
            $0.isIdentity && values.holds($0) && !ofAnswers.contains($0.name)
        }.map { key in
            var standard = values
            key.fill(&standard, isNull: false)
            let value = key.written(in: values)
            return IdentityValue(key: key.name, value: value.json, isDefault: value == key.written(in: standard))
        }
    }
}

/// The value of a key that belongs to a run's identity.
package struct IdentityValue: Sendable {
    package let key: String
    package let value: JSON
    /// Whether a run file without the key has it too: a checkpoint that was made before the key existed goes with it.
    package let isDefault: Bool
}

extension RunValues {
    /// Whether a run reads a key, so that it belongs to the resolved run.
    func holds(_ key: any AnyKey) -> Bool {
        guard isRead(key.readers) else { return false }
        if isGiven(key.name) { return true }
        if case .unused? = key.rule?.objection(self) { return false }
        let rivals = KeyTable.rivals[key.name] ?? []
        if key.rivals.isEmpty, !rivals.isEmpty { return isBeside(key) }
        return !rivals.contains(where: isGiven)
    }

    /// Whether another key of the same side is given: `gradient_accumulation_steps` beside `per_device_train_batch_size`.
    private func isBeside(_ key: any AnyKey) -> Bool {
        KeyTable.keys.contains { $0.rivals.contains(key.name) && $0.rivals.contains { $0 != key.name && isGiven($0) } }
    }
}
