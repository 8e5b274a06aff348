import Objectives

/// Sums over the tokens of each response of an update. One rank computes a response, the others have zeros there, so the sums
/// over ranks are exact; totals are taken in the order of the responses.
struct TokenSums {
    private enum Part: Int, CaseIterable {
        case policyLoss, valueLoss, policyClipped, valueClipped, divergence, ratio
    }

    private static let width = Part.allCases.count
    /// [response][part]; at the end the bound of the exact gradient sums, and whether a rank was asked to stop.
    private(set) var numbers: [Double]

    init(responses: Int) { numbers = [Double](repeating: 0, count: responses * TokenSums.width + 2) }

    var bound: Double {
        get { numbers[numbers.count - 2] }
        set { numbers[numbers.count - 2] = newValue }
    }

    var stop: Bool {
        get { numbers[numbers.count - 1] > 0 }
        set { numbers[numbers.count - 1] = newValue ? 1 : 0 }
    }

    /// For `Communicator.sum`.
    mutating func reduce(_ sum: (inout [Double]) -> Void) { sum(&numbers) }

    /// - Parameter change: log π − log π_old.
    mutating func add(_ slope: ClippedObjective.Slope, change: Double, to response: Int) {
        let start = response * TokenSums.width
        func put(_ part: Part, _ value: Double) { numbers[start + part.rawValue] += value }
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
            stride(from: part.rawValue, to: numbers.count - 2, by: TokenSums.width).reduce(0) { $0 + numbers[$1] }
                / Double(tokens)
        }
        return [
            ("policy/approxkl_avg", mean(.divergence)), ("policy/clipfrac_avg", mean(.policyClipped)),
            ("loss/policy_avg", mean(.policyLoss)), ("loss/value_avg", mean(.valueLoss)),
            ("val/clipfrac_avg", mean(.valueClipped)), ("val/ratio", mean(.ratio)),
        ]
    }

    /// Whether all losses are finite numbers.
    var isFinite: Bool { numbers.dropLast(2).allSatisfy(\.isFinite) }
}
