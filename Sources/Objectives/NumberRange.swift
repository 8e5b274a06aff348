/// The numbers that a constant may have.
package enum NumberRange: Sendable, Equatable {
    case any, positive, nonNegative, negative
    /// 0 ≤ x ≤ 1
    case share
    /// 0 ≤ x < limit
    case below(Double)
    /// 0 < x < limit
    case positiveBelow(Double)

    package func contains(_ number: Double) -> Bool {
        guard number.isFinite else { return false }
        return switch self {
        case .any: true
        case .positive: number > 0
        case .nonNegative: number >= 0
        case .negative: number < 0
        case .share: (0...1).contains(number)
        case .below(let limit): (0..<limit).contains(number)
        case .positiveBelow(let limit): number > 0 && number < limit
        }
    }

    /// The words for a number of the range in a message.
    package var words: String {
        switch self {
        case .any: "a number"
        case .positive: "a number above 0"
        case .nonNegative: "a number, 0 or more"
        case .negative: "a number below 0"
        case .share: "a number from 0 to 1"
        case .below(let limit): "a number from 0 to below \(Self.text(limit))"
        case .positiveBelow(let limit): "a number above 0 and below \(Self.text(limit))"
        }
    }

    private static func text(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
    }
}
