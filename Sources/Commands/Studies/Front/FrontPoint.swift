import Statistics
import Storage

/// A policy of a method: what its responses to the held-out prompts are worth to each objective, and how far it is from the
/// reference.
struct FrontPoint {
    let method: String
    let weights: [Double]
    /// Of each objective, for each prompt the mean over its responses.
    let rewards: [[Double]]
    /// Σ log π/π_ref of each response; for best-of-n none.
    let logRatios: [Double]?
    /// The upper bound of the KL, where one is known.
    let bound: Double?
    /// Tokens of a response.
    let tokens: Double

    var means: [Double] { rewards.map { Sample($0).mean } }
    var standardErrors: [Double] { rewards.map { Sample($0).standardError } }
    var divergence: Double? { logRatios.map { Sample($0).mean } ?? bound }

    /// Means over some of the prompts.
    func means(over prompts: [Int]) -> [Double] {
        rewards.map { values in prompts.reduce(0) { $0 + values[$1] } / Double(prompts.count) }
    }

    func json(_ names: [String]) -> JSONObject {
        func members(_ values: [Double]) -> JSON {
            .object(zip(names, values).reduce(into: JSONObject()) { $0[$1.0] = .number($1.1) })
        }
        var row: JSONObject = ["method": .string(method), "weights": members(weights), "rewards": members(means)]
        row["standard_errors"] = members(standardErrors)
        if let logRatios {
            row["kl"] = .number(Sample(logRatios).mean)
            row["kl_standard_error"] = .number(Sample(logRatios).standardError)
        } else if let bound {
            row["kl_bound"] = .number(bound)
        }
        row["tokens"] = .number(tokens)
        row["prompts"] = .integer(rewards.first?.count ?? 0)
        return row
    }
}
