import Objectives

extension Loss {
    /// Whether it reads other responses than the best.
    var needsRejected: Bool { judges == .pairs || judges == .lists }
}

extension RunValues {
    /// The losses of `loss_type`.
    var losses: [Loss] { self.loss.types.compactMap(Loss.named) }

    /// The losses of `loss_type` with the constants given.
    /// - Throws: losses and constants that don't go together.
    func objective() throws(ObjectiveError) -> Objective {
        let weights = self.loss.weights ?? losses.map { _ in 1 }
        var constants: [String: ConstantValue] = [:]
        for key in ConstantKeys.all where isGiven(key.name) { constants[key.name] = self[key] }
        return try Objective(
            zip(losses, weights).map { ($0, $1) }, constants, preferenceWeight: preferenceWeight)
    }

    /// Nil where each pair has one of its own.
    private var preferenceWeight: Double? {
        guard let margins else { return 1 }
        return margins.areSampled ? nil : margins.preferenceWeight
    }
}
