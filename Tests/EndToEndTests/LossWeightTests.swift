import Storage
import Testing

extension EndToEnd {
    /// Several data files, each with a loss of its own in every step.
    @Suite struct LossWeightTests {
        /// Files of different lengths, so that their epochs end at different steps.
        private func files(_ toy: Toy) throws -> [String] {
            [try toy.pairs(23, seed: 1, as: "a.jsonl"), try toy.pairs(11, seed: 2, as: "b.jsonl")]
        }

        private func weighted(_ files: [String], _ weights: [Double]) -> JSON {
            .array(
                zip(files, weights).map {
                    .object(["path": .string($0), "loss_weight": .number($1)])
                })
        }

        private func outcome(
            _ ranks: Int?, _ settings: JSONObject = [:], _ data: (_ files: [String]) -> JSON
        ) throws -> Outcome {
            let toy = try Toy()
            var all = settings
            all["train_file"] = data(try files(toy))
            all["max_steps"] = 7
            try toy.train(all, ranks: ranks)
            return try toy.outcome()
        }

        @Test("a weight of 1 on one file and of 0 on another trains to the bits of the one alone", arguments: [0, 1])
        func ends(place: Int) throws {
            let alone = try outcome(nil) { .string($0[place]) }
            for ranks in [nil, 3] as [Int?] {
                let joined = try outcome(ranks) { weighted($0, place == 0 ? [1, 0] : [0, 1]) }
                #expect(joined.weights == alone.weights, "\(ranks ?? 1) ranks")
                for (one, other) in zip(joined.steps, alone.steps) {
                    #expect(one["grad_norm"] == other["grad_norm"])
                    #expect(abs((one["loss"]?.double ?? .nan) - (other["loss"]?.double ?? .nan)) < 1e-12)
                    #expect(one["pairs"]?.integer == 12 || one["pairs"]?.integer ?? 0 < 12)
                }
            }
        }

        @Test("the gradient is the weighted sum of each file's, and the loss too; the same bits on 1, 2, 3 and 5 ranks")
        func sums() throws {
            func first(_ data: (_ files: [String]) -> JSON) throws -> (loss: Double, gradients: Tensors, toy: Toy) {
                let toy = try Toy()
                let folder = toy.folder.file("dump")
                try toy.train([
                    "train_file": data(try files(toy)), "debug_dump": .string(folder), "max_steps": 1,
                    "ref_model_name_or_path": .string(Goldens.model("mha-sharded")), "reproducible": true,
                ])
                let loss = try toy.losses().first ?? .nan
                return (loss, try Tensors(FileSystem.join(folder, "gradients-1.safetensors")), toy)
            }
            let parts = try (0..<2).map { place in try first { .string($0[place]) } }
            let whole = try first { weighted($0, [0.3, 0.7]) }
            #expect(abs(whole.loss - (0.3 * parts[0].loss + 0.7 * parts[1].loss)) < 1e-12)
            var worst: Float = 0
            for name in whole.gradients.names {
                let (a, b, sum) = (parts[0].gradients[name], parts[1].gradients[name], whole.gradients[name])
                let scale = sum.map { abs($0) }.max() ?? 0
                for place in sum.indices where scale > 1e-9 {
                    worst = max(worst, abs(sum[place] - (0.3 * a[place] + 0.7 * b[place])) / scale)
                }
            }
            #expect(worst < 1e-5)

            let alone = try outcome(nil) { weighted($0, [0.3, 0.7]) }
            for ranks in [2, 3, 5] {
                #expect(try outcome(ranks) { weighted($0, [0.3, 0.7]) } == alone, "\(ranks) ranks")
            }
        }

        @Test("a resumed run is the run; a checkpoint of other weights isn't gone on from")
        func resumed() throws {
            let whole = try outcome(nil, ["save_steps": 3]) { weighted($0, [0.3, 0.7]) }
            let toy = try Toy()
            let files = try files(toy)
            let settings: JSONObject = ["train_file": weighted(files, [0.3, 0.7]), "max_steps": 7, "save_steps": 3]
            try toy.train(settings, ranks: 2)
            for name in ["checkpoint-6", "checkpoint-7", "final"] { try FileSystem.removeTree(toy.output(name)) }
            #expect(try toy.train(settings).says("going on after step 3"))
            #expect(try toy.outcome() == whole)
            var others = settings
            others["train_file"] = weighted(files, [0.5, 0.5])
            let refused = try Program.run(["train", try toy.runFile(others)])
            #expect(refused.status == 2 && refused.says("data digest"))
        }

        @Test("loss weights that mean nothing are refused with status 2")
        func refusals() throws {
            let toy = try Toy()
            let files = try files(toy)
            #expect(
                try toy.refusal(of: [
                    "train_file": [["path": .string(files[0]), "loss_weight": 1], .string(files[1])]
                ]).contains("a loss_weight for each of the files, or for none"))
            #expect(try toy.refusal(of: ["train_file": weighted(files, [0, 0])]).contains("a loss_weight above 0"))
            #expect(
                try toy.refusal(of: ["train_file": weighted(files, [1, 1]), "loss_type": "bco_pair"]).contains(
                    "bco_pair compares rewards with a statistic of the whole batch"))
            #expect(
                try toy.refusal(of: ["eval_file": weighted(files, [1, 1])]).contains("an evaluation counts every pair once"))
        }
    }
}
