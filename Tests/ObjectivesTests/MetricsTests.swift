import Objectives
import Testing

@Suite("Metrics")
struct MetricsTests {
    private func metrics(_ objective: Objective, _ pairs: [PairInput]) -> Metrics {
        var metrics = Metrics(of: objective)
        for pair in pairs { metrics.add(pair, objective.evaluate(pair)) }
        return metrics
    }

    private let pairs = [
        PairInput(
            chosenLogps: -10, rejectedLogps: -12, referenceChosenLogps: -11, referenceRejectedLogps: -12,
            chosenLength: 5, rejectedLength: 4, chosenMarginReward: 1, rejectedMarginReward: 0),
        PairInput(
            chosenLogps: -20, rejectedLogps: -6, referenceChosenLogps: -20, referenceRejectedLogps: -6,
            chosenLength: 10, rejectedLength: 3, chosenMarginReward: 0, rejectedMarginReward: 0.5),
        PairInput(
            chosenLogps: -9, rejectedLogps: -8, referenceChosenLogps: -7, referenceRejectedLogps: -9,
            chosenLength: 3, rejectedLength: 8),
    ]

    @Test("means are sums over pairs over their number, and ties are no wins")
    func sigmoid() throws {
        let metrics = try metrics(Objective(.sigmoid(beta: 0.5, labelSmoothing: 0)), pairs)
        #expect(metrics.pairs == 3)
        #expect(
            metrics.values.map(\.name) == [
                "loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "ties",
                "logps/chosen", "logps/rejected", "logps/chosen_mean", "logps/rejected_mean", "logps/accuracies",
            ])
        let sums: [(name: String, sum: Double)] = [
            ("rewards/chosen", -0.5), ("rewards/rejected", 0.5), ("rewards/margins", -1), ("rewards/accuracies", 1),
            ("ties", 1), ("logps/chosen", -39), ("logps/rejected", -26), ("logps/chosen_mean", -7),
            ("logps/rejected_mean", -6), ("logps/accuracies", 1),
        ]
        for (name, sum) in sums { #expect(metrics[name] == sum / 3, "\(name)") }
        #expect(metrics["grad_norm"] == nil)
    }

    @Test("rewards that differ by less than float32 can tell are a tie")
    func resolution() throws {
        let metrics = try metrics(
            Objective(.sigmoid(beta: 0.1, labelSmoothing: 0)),
            [1e-5, -1e-5, 1e-2].map {
                PairInput(
                    chosenLogps: -100 + $0, rejectedLogps: -100, referenceChosenLogps: -100,
                    referenceRejectedLogps: -100,
                    chosenLength: 9, rejectedLength: 9)
            })
        #expect(metrics["ties"] == 2.0 / 3)
        #expect(metrics["rewards/accuracies"] == 1.0 / 3)
    }

    @Test("MODPO adds the combined rewards and keeps DPO's beside them")
    func modpo() throws {
        let metrics = try metrics(Objective(.modpo(beta: 0.5, preferenceWeight: 0.5)), pairs)
        let sums: [(name: String, sum: Double)] = [
            ("rewards/chosen", -0.5), ("rewards/combined_chosen", -3), ("rewards/combined_rejected", 0),
            ("rewards/combined_margins", -3), ("rewards/combined_accuracies", 1),
        ]
        for (name, sum) in sums { #expect(metrics[name] == sum / 3, "\(name)") }
    }

    @Test("sft reports what it has: loss and the chosen logps")
    func sft() throws {
        let metrics = try metrics(Objective(.sft), pairs)
        #expect(metrics.values.map(\.name) == ["loss", "logps/chosen", "logps/chosen_mean"])
        #expect(metrics["loss"] == 7.0 / 3)
    }

    @Test("no pairs, no metrics")
    func empty() throws {
        #expect(Metrics(of: try Objective(.sft)).values.isEmpty)
    }
}
