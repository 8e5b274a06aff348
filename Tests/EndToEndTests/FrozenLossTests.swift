import Storage
import Testing

extension EndToEnd {
    /// Losses of a small run as they were when the program agreed with float64 torch in every step: a change that isn't
    /// meant to alter results mustn't move them.
    @Suite struct FrozenLossTests {
        static let frozen: [(settings: JSONObject, losses: [Double])] = [
            (
                ["beta": 0.3, "learning_rate": 1e-3],
                [0.6931471806, 0.6875509006, 0.7400210648, 0.8527866937, 0.6257460513]
            ),
            (
                ["loss_type": "simpo", "optim": "sgd", "learning_rate": 0.02],
                [1.7264099305, 2.4081094434, 1.9600190136, 0.8317421897, 0.4413607301]
            ),
            (
                [
                    "loss_type": "modpo", "weights": ["preference": 0.6, "helpful": 0.4], "optim": "rmsprop",
                    "learning_rate": 1e-3,
                ],
                [1.1268597852, 0.6424209888, 1.5127074734, 1.6070447766, 1.4132475827]
            ),
            (
                ["loss_type": "sft", "nll_reduction": "response", "weight_decay": 0.1, "lr_scheduler_type": "cosine", "learning_rate": 1e-3],
                [6.8192367163, 6.6574763376, 6.2543890468, 6.1324415699, 5.2692633693]
            ),
        ]

        @Test("the losses of five steps stay what they are", arguments: frozen.indices)
        func losses(index: Int) throws {
            let (settings, expected) = FrozenLossTests.frozen[index]
            let toy = try Toy()
            var all = settings
            all["max_steps"] = 5
            try toy.train(all)
            let losses = try toy.losses()
            #expect(losses.count == expected.count, "\(losses)")
            for (ours, theirs) in zip(losses, expected) { #expect(abs(ours - theirs) < 1e-5, "\(losses)") }
        }
    }
}
