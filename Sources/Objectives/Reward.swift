/// The reward of a response that a loss is about, for its metrics: a scale times what it is measured in.
package struct Reward: Sendable, Equatable {
    /// The quantity that a reward is a multiple of.
    package enum Measure: Sendable, Equatable {
        /// P − R: with the scale β the implicit reward h of DPO, arXiv 2305.18290 eq. 5.
        case logRatio
        /// ā.
        case meanLogps
        /// P.
        case logps
        /// r, the number that a reward model gives, in the place of P.
        case model
        /// The loss has no reward.
        case none
    }

    let measure: Measure
    let scale: Double

    /// β (P − R).
    static func implicit(_ beta: Double) -> Reward { Reward(measure: .logRatio, scale: beta) }

    func value(of response: ResponseInput) -> Double {
        switch measure {
        case .logRatio: scale * response.logRatio
        case .meanLogps: scale * response.meanLogps
        case .logps, .model: scale * response.logps
        case .none: 0
        }
    }

    /// 2⁻²⁰ of the policy's part: some five times the differences that packing makes.
    func resolution(of response: ResponseInput) -> Double {
        switch measure {
        case .logRatio, .logps, .model: scale * 0x1p-20 * abs(response.logps)
        case .meanLogps: scale * 0x1p-20 * abs(response.meanLogps)
        case .none: 0
        }
    }
}
