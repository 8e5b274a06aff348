import Objectives

/// A section of the key table: a structure whose stored properties are keys.
package protocol KeySection: Sendable {
    /// The heading in the resolved run and in the documents.
    static var title: String { get }
}

/// All keys of the run file.
///
/// A section's keys are found by reflection, so that to declare one is to add it. The constants of the losses are keys by
/// their declarations in `Objectives`.
package struct KeyTable: Sendable {
    package let model: ModelKeys = ModelKeys()
    package let data: DataKeys = DataKeys()
    package let loss: LossKeys = LossKeys()
    package let rewards: RewardKeys = RewardKeys()
    package let ppo: PPOKeys = PPOKeys()
    package let rounds: RoundKeys = RoundKeys()
    package let batch: StepKeys = StepKeys()
    package let length: LengthKeys = LengthKeys()
    package let optimizer: OptimizerKeys = OptimizerKeys()
    package let adapters: AdapterKeys = AdapterKeys()
    package let samples: SampleKeys = SampleKeys()
    package let records: RecordKeys = RecordKeys()
    package let machine: MachineKeys = MachineKeys()

    package static let shared: KeyTable = KeyTable()

    /// The sections in order, each with its keys in the order of their declarations.
    package static let sections: [(title: String, keys: [any AnyKey])] = Mirror(reflecting: shared).children.compactMap
    {
        guard let section = $0.value as? any KeySection else { return nil }
        var keys = Mirror(reflecting: section).children.compactMap { $0.value as? any AnyKey }
        if section is LossKeys { keys += ConstantKeys.all.map { $0 as any AnyKey } }
        return (type(of: section).title, keys)
    }

    package static let keys: [any AnyKey] = sections.flatMap(\.keys)

    package static let names: [String] = keys.map(\.name)

    package static let byName: [String: any AnyKey] = Dictionary(keys.map { ($0.name, $0) }) { first, _ in first }

    /// The keys that contradict each key.
    package static let rivals: [String: [String]] = keys.reduce(into: [:]) { table, key in
        for rival in key.rivals {
            table[key.name, default: []].append(rival)
            table[rival, default: []].append(key.name)
        }
    }

    /// The known key that an unknown one most likely means.
    static func nearest(to key: String) -> String? { Spelling.nearest(to: key, in: names) }
}
