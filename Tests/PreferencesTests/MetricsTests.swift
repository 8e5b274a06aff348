import Preferences
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
                "logps/chosen", "logps/rejected", "logps/chosen_mean", "logps/rejected_mean",
            ])
        #expect(metrics["rewards/chosen"] == (0.5 + 0 - 1) / 3)
        #expect(metrics["rewards/rejected"] == 0.5 / 3)
        #expect(metrics["rewards/margins"] == (0.5 + 0 - 1.5) / 3)
        #expect(metrics["rewards/accuracies"] == 1.0 / 3)
        #expect(metrics["ties"] == 1.0 / 3)
        #expect(metrics["logps/chosen"] == -13)
        #expect(metrics["logps/rejected"] == -26.0 / 3)
        #expect(metrics["logps/chosen_mean"] == (-2.0 - 2 - 3) / 3)
        #expect(metrics["logps/rejected_mean"] == (-3.0 - 2 - 1) / 3)
        #expect(metrics["grad_norm"] == nil)
    }

    @Test("MODPO adds the combined rewards and keeps DPO's beside them")
    func modpo() throws {
        let metrics = try metrics(Objective(.modpo(beta: 0.5, preferenceWeight: 0.5)), pairs)
        #expect(metrics["rewards/chosen"] == (0.5 + 0 - 1) / 3)
        #expect(metrics["rewards/combined_chosen"] == (-1.0 + 0 - 2) / 3)
        #expect(metrics["rewards/combined_rejected"] == (0.0 - 1 + 1) / 3)
        #expect(metrics["rewards/combined_margins"] == (-1.0 + 1 - 3) / 3)
        #expect(metrics["rewards/combined_accuracies"] == 1.0 / 3)
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
