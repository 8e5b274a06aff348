import Modeling
import RunFiles
import Storage

/// The settings that a checkpoint shares with the run that goes on from it, by name: the values of run file keys, and
/// the digests of what files hold.
struct RunIdentity {
    /// As the checkpoint has it.
    let members: JSONObject
    /// Members that a checkpoint from before their time needn't have.
    private let optional: Set<String>
    /// The same as format 1 has it.
    private let former: JSONObject
    /// The values that checkpoints made before a key was there stand for, where this run wants another.
    private let unsaid: JSONObject

    /// Rank 0 only knows the models' digests.
    init(of run: TrainingRun) {
        func text(_ digest: Digest.Value?) -> JSON { .string(digest?.hex ?? "") }
        let (file, digests) = (run.file, run.digests)
        var members = JSONObject()
        for value in file.identity { members[value.key] = value.value }
        members["pairs of a step"] = .integer(run.planner.settings.globalBatchSize)
        members["data digest"] = .string(run.train.set.digest().hex)
        members["model digest"] = text(digests.base)
        if file.objective.needsReference { members["reference digest"] = text(digests[file.model.referencePath]) }
        if run.policy.frozen != nil, run.policy.source.adapter != nil {
            members["adapter digest"] = text(digests.adapter)
        }
        for reward in file.margins?.rewards ?? [] {
            if let path = reward.source.modelPath {
                members["digest of margins.\(reward.name)"] = text(digests[path])
            }
        }
        self.members = members
        optional = Set(file.identity.filter(\.isDefault).map(\.key))
        former = RunIdentity.former(run)
        // The dropout of fresh adapters acted in every run until disable_dropout could say otherwise.
        let dropped = run.policy.frozen != nil && run.policy.source.adapter == nil && file.adapters.dropout > 0
        unsaid = dropped && file.adapters.disablesDropout ? ["disable_dropout": false] : JSONObject()
    }

    /// The first member that a checkpoint has otherwise; nil if the run may go on from it.
    func difference(from state: TrainerState) -> (what: String, found: String, expected: String)? {
        let (saved, own) = (state.identity, state.format == 1 ? former : members)
        for (name, found) in unsaid.members where saved[name] == nil {
            return (name, found.text, members[name]?.text ?? "")
        }
        for (name, expected) in own.members where saved[name] != expected {
            if state.format > 1, saved[name] == nil, optional.contains(name) { continue }
            return (name, saved[name]?.text ?? "not known", expected.text)
        }
        guard state.format > 1, let other = saved.names.first(where: { own[$0] == nil }) else { return nil }
        return (other, saved[other]?.text ?? "", "nothing")
    }
}

extension TrainingRun {
    /// The settings that a checkpoint must share with this run to be gone on from.
    var identity: RunIdentity { RunIdentity(of: self) }
}
