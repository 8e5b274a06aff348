import RunFiles
import Statistics
import Storage
import Training

/// SimPO's questions to a policy (arXiv 2405.14734 §4). Does its reward rank pairs as the likelihood of the responses does,
/// and how far do likelihood and reward go with length?
struct LengthDiagnosis {
    let name: String
    let reward: StudyReward
    /// r_w − r_l of each pair.
    let rewardDifferences: [Double]
    /// n_w − n_l.
    let lengthDifferences: [Double]
    /// ā of every response, and n.
    let means: [Double]
    let lengths: [Double]
    /// ā_w.
    let chosenMeans: [Double]
    /// Pairs by the signs of r_w − r_l (rows: above 0, else) and ā_w − ā_l (columns: above 0, else).
    let table: [[Int]]

    /// - Throws: `TrainingError.input` where the reward needs a reference's logps and the scores have none.
    init(_ name: String, _ scores: PairScores, reward: StudyReward) throws {
        (self.name, self.reward) = (name, reward)
        func value(_ response: PairScores.Response) throws -> Double {
            switch reward {
            case .mean(let beta): return beta * response.mean
            case .sum(let beta): return beta * response.logps
            case .logRatio(let beta):
                guard let reference = response.referenceLogps else {
                    throw TrainingError.input(
                        "\(name): DPO's reward is β log π/π_ref, and its scores have no reference_chosen_logps; give "
                            + "swift-prefopt score a --reference")
                }
                return beta * (response.logps - reference)
            }
        }
        rewardDifferences = try scores.pairs.map { try value($0.chosen) - value($0.rejected) }
        lengthDifferences = scores.pairs.map { $0.chosen.length - $0.rejected.length }
        (means, lengths) = (scores.responses.map(\.mean), scores.responses.map(\.length))
        chosenMeans = scores.pairs.map(\.chosen.mean)
        var table = [[0, 0], [0, 0]]
        for (difference, pair) in zip(rewardDifferences, scores.pairs) {
            table[difference > 0 ? 0 : 1][pair.chosen.mean > pair.rejected.mean ? 0 : 1] += 1
        }
        self.table = table
    }

    var pairs: Int { rewardDifferences.count }
    /// Share of pairs with r_w > r_l.
    var accuracy: Double { Double(table[0][0] + table[0][1]) / Double(pairs) }
    var accuracyInterval: Interval { .wilson(share: accuracy, of: pairs) }
    /// Share of pairs with ā_w > ā_l.
    var likelihoodAccuracy: Double { Double(table[0][0] + table[1][0]) / Double(pairs) }
    /// Of the pairs that the reward ranks rightly, the share that the likelihood ranks wrongly.
    var mismatch: Double { Double(table[0][1]) / Double(max(1, table[0][0] + table[0][1])) }
    /// ρ of ā and n over all responses.
    var likelihoodAndLength: RankCorrelation { RankCorrelation(means, lengths) }
    /// ρ of r_w − r_l and n_w − n_l over pairs.
    var rewardAndLength: RankCorrelation { RankCorrelation(rewardDifferences, lengthDifferences) }

    /// A line of `points.jsonl`.
    func json(on data: String) -> JSONObject {
        let (words, beta): (String, Double) =
            switch reward {
            case .logRatio(let beta): ("beta log pi/pi_ref", beta)
            case .mean(let beta): ("beta mean logps", beta)
            case .sum(let beta): ("beta sum of logps", beta)
            }
        var row: JSONObject = [
            "policy": .string(name), "data": .string(data), "reward": .string(words), "beta": .number(beta),
            "pairs": .integer(pairs), "reward_accuracy": .number(accuracy),
            "reward_accuracy_95": list(accuracyInterval), "likelihood_accuracy": .number(likelihoodAccuracy),
            "mismatch": .number(mismatch), "table": .array(table.map { .array($0.map { .integer($0) }) }),
            "mean_reward_margin": .number(Sample(rewardDifferences).mean),
            "mean_chosen_logps_per_token": .number(Sample(chosenMeans).mean),
        ]
        for (name, correlation) in [("likelihood_and_length", likelihoodAndLength), ("reward_and_length", rewardAndLength)] {
            row["spearman_\(name)"] = correlation.rho.map { .number($0) } ?? .null
            row["spearman_\(name)_95"] = correlation.interval.map(list) ?? .null
        }
        return row
    }

    private func list(_ interval: Interval) -> JSON { .array([.number(interval.low), .number(interval.high)]) }
}
