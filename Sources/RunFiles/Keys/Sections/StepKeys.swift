/// Keys that say how many pairs a step has, and how many steps there are.
package struct StepKeys: KeySection {
    package static let title = "size of a step"

    package let globalBatchSize: Key<Int> = Key(
        "global_batch_size", .whole(from: 1),
        "Pairs of a step on any number of ranks.",
        default: .value(8, "what TRL does on one device, made the same on any number of them"),
        rivals: ["per_device_train_batch_size", "gradient_accumulation_steps"],
        synonyms: [
            .renamed("batch_size", .axolotl), .renamed("train_batch_size", .openRLHF),
            .renamed("rollout_batch_size", .openRLHF),
        ])

    package let perDeviceBatchSize: Key<Int> = Key(
        "per_device_train_batch_size", .whole(from: 1, to: 1 << 20),
        "TRL's way: the pairs of a step are this × gradient_accumulation_steps × ranks.",
        default: .value(8, "TRL's"),
        synonyms: [.renamed("micro_batch_size", .axolotl)])

    package let accumulation: Key<Int> = Key(
        "gradient_accumulation_steps", .whole(from: 1, to: 1 << 20),
        "TRL's way: see per_device_train_batch_size. How many passes a rank really makes is up to micro_batch_tokens.",
        default: .value(1, "TRL's"))

    package let microBatchTokens: Key<Int?> = Key(
        "micro_batch_tokens", optional: .whole(from: 1),
        "Most packed tokens of one forward and backward pass, unless one comparison has more. The size in memory; the step "
            + "stays the same.",
        default: .none(
            "the most from 256 to 4096 that fits the free memory; 2048 with reproducible: true",
            "which must not depend on the machine"))
}

/// Keys that say how long a run is.
package struct LengthKeys: KeySection {
    package static let title = "length"

    package let epochs: Key<Double> = Key(
        "num_train_epochs", .number(.positive), "Passes over the data, also a fraction.",
        default: .value(3, "transformers'"), rivals: ["max_steps"],
        synonyms: [
            .renamed("num_epochs", .axolotl), .renamed("max_epochs", .openRLHF), .renamed("epochs", nil),
            .renamed("num_episodes", .openRLHF),
        ])

    package let maxSteps: Key<Int?> = Key(
        "max_steps", optional: .whole(from: 1), "Steps of the whole run.",
        default: .none("num_train_epochs says how long"), blank: "-1")
}

extension Settings where Section == StepKeys {
    /// The ways to give the pairs of a step.
    package enum Size: Sendable, Equatable {
        /// `global_batch_size`: pairs per step on any number of ranks.
        case global(Int)
        /// TRL's: pairs per step are the product times the number of ranks.
        case perDevice(Int, accumulation: Int)
    }

    package var size: Size {
        let isPerDevice = ["per_device_train_batch_size", "gradient_accumulation_steps"].contains(where: values.isGiven)
        return isPerDevice
            ? .perDevice(self.perDeviceBatchSize, accumulation: self.accumulation) : .global(self.globalBatchSize)
    }

    /// Pairs of a step.
    package func pairs(worldSize: Int) -> Int {
        switch size {
        case .global(let pairs): pairs
        case .perDevice(let pairs, let accumulation): pairs * accumulation * worldSize
        }
    }

    /// Gives a step so many pairs on any number of ranks.
    package mutating func setPairs(_ pairs: Int) {
        for rival in section.globalBatchSize.rivals { values.given[rival] = nil }
        values[section.globalBatchSize] = pairs
    }
}
