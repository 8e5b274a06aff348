import Objectives
import Testing

@Suite struct MetricsTests {
    private func metrics(_ objective: Objective, _ judgements: [JudgementInput], meanLength: Double = 1) -> Metrics {
        var metrics = Metrics(of: objective)
        for input in judgements {
            metrics.add(input, objective.evaluate(input, in: BatchStatistics(meanLength: meanLength)))
        }
        return metrics
    }

    private static func pair(_ chosen: ResponseInput, _ rejected: ResponseInput) -> JudgementInput {
        JudgementInput(.pair, [chosen, rejected])
    }

    private let pairs = [
        pair(
            ResponseInput(logps: -10, referenceLogps: -11, length: 5, marginReward: 1),
            ResponseInput(logps: -12, referenceLogps: -12, length: 4)),
        pair(
            ResponseInput(logps: -20, referenceLogps: -20, length: 10),
            ResponseInput(logps: -6, referenceLogps: -6, length: 3, marginReward: 0.5)),
        pair(
            ResponseInput(logps: -9, referenceLogps: -7, length: 3),
            ResponseInput(logps: -8, referenceLogps: -9, length: 8)),
    ]

    @Test("docs/reading-the-numbers.md says what each metric is")
    func documented() throws {
        let page = try document("reading-the-numbers.md")
        for metric in Metric.all { #expect(page.contains("`\(metric.name)`"), "\(metric.name)") }
    }

    @Test("means are sums over pairs over their number, and ties are no wins")
    func sigmoid() throws {
        let metrics = try metrics(Objective(.sigmoid, ["beta": 0.5]), pairs)
        #expect(metrics.judgements == 3)
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
            Objective(.sigmoid),
            [1e-5, -1e-5, 1e-2].map {
                Self.pair(
                    ResponseInput(logps: -100 + $0, referenceLogps: -100, length: 9),
                    ResponseInput(logps: -100, referenceLogps: -100, length: 9))
            })
        #expect(metrics["ties"] == 2.0 / 3)
        #expect(metrics["rewards/accuracies"] == 1.0 / 3)
    }

    @Test("MODPO adds the combined rewards and keeps DPO's beside them")
    func modpo() throws {
        let metrics = try metrics(Objective(.modpo, ["beta": 0.5], preferenceWeight: 0.5), pairs)
        let sums: [(name: String, sum: Double)] = [
            ("rewards/chosen", -0.5), ("rewards/combined_chosen", -3), ("rewards/combined_rejected", 0),
            ("rewards/combined_margins", -3), ("rewards/combined_accuracies", 1),
        ]
        for (name, sum) in sums { #expect(metrics[name] == sum / 3, "\(name)") }
    }

    @Test("sft reports loss, perplexity and the chosen logps")
    func sft() throws {
        let shown = [(-10.0, 5), (-20.0, 10), (-9.0, 3)].map {
            JudgementInput(.demonstration, [ResponseInput(logps: $0, length: $1)])
        }
        let metrics = try metrics(Objective(.sft), shown, meanLength: 6)
        #expect(metrics.values.map(\.name) == ["loss", "perplexity", "logps/chosen", "logps/chosen_mean"])
        #expect(abs((metrics["loss"] ?? 0) - 39.0 / 18) < 1e-15)
        #expect(abs((metrics["perplexity"] ?? 0) - 8.729138363720304) < 1e-12)
    }

    @Test("labelled responses: chosen are the desirable ones, margins a difference of two means")
    func labelled() throws {
        let responses = [(-10.0, -11.0, true), (-12.0, -12.0, true), (-6.0, -3.0, false)].map {
            JudgementInput(.labelled(isDesirable: $2), [ResponseInput(logps: $0, referenceLogps: $1, length: 2)])
        }
        let metrics = try metrics(Objective(.kto, ["beta": 0.5]), responses)
        #expect(metrics["rewards/chosen"] == 0.25 && metrics["rewards/rejected"] == -1.5)
        #expect(metrics["rewards/margins"] == 1.75)
        #expect(metrics["rewards/accuracies"] == 2.0 / 3 && metrics["ties"] == 1.0 / 3)
        #expect(metrics["logps/chosen"] == -11 && metrics["logps/rejected_mean"] == -3)
        #expect(metrics["kl"] == 0)
        // None without a response of the kind.
        let desirable = try self.metrics(Objective(.kto), [responses[0]])
        #expect(desirable["rewards/chosen"] != nil && desirable["rewards/margins"] == nil)
    }

    @Test("of a list the means are over its preferences")
    func list() throws {
        let list = JudgementInput(
            .list([
                Preference(chosen: 0, rejected: 1), Preference(chosen: 0, rejected: 2),
                Preference(chosen: 1, rejected: 2),
            ]),
            [(-4.0, 4), (-6.0, 2), (-4.0, 2)].map { ResponseInput(logps: $0, length: $1) })
        let metrics = try metrics(Objective(.rrhf), [list])
        #expect(metrics["rewards/accuracies"] == 2.0 / 3)
        #expect(metrics["rewards/margins"] == (2.0 + 1 - 1) / 3)
        #expect(metrics["loss"] == 5.0)
    }

    @Test("no judgements, no metrics")
    func empty() throws {
        #expect(Metrics(of: try Objective(.sft)).values.isEmpty)
    }
}
