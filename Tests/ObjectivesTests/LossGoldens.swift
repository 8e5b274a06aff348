import Foundation
import Objectives

/// One loss of `Tests/Goldens/losses.json`: random judgements with torch's values and derivatives.
struct LossGolden: Decodable, CustomStringConvertible {
    let description: String
    let objective: Objective
    let judgements: [Judgement]

    struct Judgement {
        let input: JudgementInput
        let batch: BatchStatistics
        let loss: Double
        let gradients: [Double]
    }

    static var all: [LossGolden] { get throws { try read.get() } }

    private static let read: Result<[LossGolden], any Error> = Result {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Goldens/losses.json")
        return try JSONDecoder().decode([LossGolden].self, from: Data(contentsOf: file))
    }

    private enum Key: String, CodingKey {
        case loss_type, loss_weights, constants, judgements, responses, order, loss, gradients, logps, reference,
            length,
            margin
    }

    /// A loss that is missing in `Loss.all`.
    private struct Unknown: Error { let loss: String }

    init(from decoder: any Decoder) throws {
        let row = try decoder.container(keyedBy: Key.self)
        let names =
            try (try? row.decode([String].self, forKey: .loss_type)) ?? [row.decode(String.self, forKey: .loss_type)]
        let weights = try row.decodeIfPresent([Double].self, forKey: .loss_weights) ?? names.map { _ in 1 }
        let losses = try names.map { name in
            guard let loss = Loss.named(name) else { throw Unknown(loss: name) }
            return loss
        }
        var constants: [String: ConstantValue] = [:]
        for (name, value) in try row.decode([String: Value].self, forKey: .constants) {
            constants[name] = value.constant
        }
        // Not of the run file: see loss_formulas.py.
        let preferenceWeight = constants.removeValue(forKey: "preference_weight")?.number ?? 1
        let meanLength = constants.removeValue(forKey: "mean_length")?.number ?? 1
        let shift = constants.removeValue(forKey: "shift")?.number ?? 0
        let beta = constants["beta"]?.number ?? 1
        objective = try Objective(
            Array(zip(losses, weights)).map { (loss: $0, weight: $1) }, constants, preferenceWeight: preferenceWeight)
        description = "\(names.joined(separator: "+")) \(constants.sorted { $0.key < $1.key }.map { "\($0) \($1)" })"
        let batch = BatchStatistics(
            meanLength: meanLength, mismatchedLogRatio: shift / beta, runningLogRatio: shift / beta)

        var list = try row.nestedUnkeyedContainer(forKey: .judgements)
        var judgements: [Judgement] = []
        while !list.isAtEnd {
            let item = try list.nestedContainer(keyedBy: Key.self)
            let responses = try item.decode([Response].self, forKey: .responses).map(\.input)
            let verdict: JudgementInput.Verdict
            switch losses[0].judges {
            case .labelled:
                verdict = .labelled(isDesirable: try item.decode([Bool].self, forKey: .order) == [true])
            case .lists:
                verdict = .list(
                    try item.decode([[Int]].self, forKey: .order).map { Preference(chosen: $0[0], rejected: $0[1]) })
            case .pairs: verdict = .pair
            case .demonstrations, .prompts: verdict = .demonstration
            }
            judgements.append(
                Judgement(
                    input: JudgementInput(verdict, responses), batch: batch,
                    loss: try item.decode(Double.self, forKey: .loss),
                    gradients: try item.decode([Double].self, forKey: .gradients)))
        }
        self.judgements = judgements
    }

    private struct Response: Decodable {
        let logps, reference, margin: Double
        let length: Int

        var input: ResponseInput {
            ResponseInput(logps: logps, referenceLogps: reference, length: length, marginReward: margin)
        }
    }

    private struct Value: Decodable {
        let constant: ConstantValue

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let number = try? value.decode(Double.self) {
                constant = .number(number)
            } else {
                constant = .word(try value.decode(String.self))
            }
        }
    }
}

extension ConstantValue {
    var number: Double? { if case .number(let number) = self { number } else { nil } }
}

/// A page of `docs/`.
func document(_ name: String) throws -> String {
    let root = (0..<3).reduce(URL(filePath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    return try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
}
