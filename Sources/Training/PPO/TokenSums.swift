import Objectives

/// Sums over the tokens of each response of an update. One rank computes a response, the others have zeros there, so the sums
/// over ranks are exact; totals are taken in the order of the responses.
struct TokenSums {
    private enum Part: Int, CaseIterable {
        case policyLoss, valueLoss, policyClipped, valueClipped, divergence, ratio
    }

    private static let width = Part.allCases.count
    /// [response][part].
    var shared: StepSums

    init(responses: Int) { shared = StepSums(count: responses * TokenSums.width) }

    /// - Parameter change: log π − log π_old.
    mutating func add(_ slope: ClippedObjective.Slope, change: Double, to response: Int) {
        let start = response * TokenSums.width
        func put(_ part: Part, _ value: Double) { shared[start + part.rawValue] += value }
        put(.policyLoss, slope.policyLoss)
        put(.valueLoss, slope.valueLoss)
        put(.policyClipped, slope.policyIsClipped ? 1 : 0)
        put(.valueClipped, slope.valueIsClipped ? 1 : 0)
        put(.divergence, 0.5 * change * change)
        put(.ratio, slope.ratio)
    }

    /// Means over so many tokens, by TRL's names.
    func means(tokens: Int) -> [(name: String, value: Double)] {
        func mean(_ part: Part) -> Double {
            stride(from: part.rawValue, to: shared.numbers.count, by: TokenSums.width).reduce(0) { $0 + shared[$1] }
                / Double(tokens)
        }
        return [
            ("policy/approxkl_avg", mean(.divergence)), ("policy/clipfrac_avg", mean(.policyClipped)),
            ("loss/policy_avg", mean(.policyLoss)), ("loss/value_avg", mean(.valueLoss)),
            ("val/clipfrac_avg", mean(.valueClipped)), ("val/ratio", mean(.ratio)),
        ]
    }

    /// Whether all losses are finite numbers.
    var isFinite: Bool { shared.numbers.allSatisfy(\.isFinite) }
}
