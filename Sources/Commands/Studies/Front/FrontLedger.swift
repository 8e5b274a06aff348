import Storage

/// The cost of a method's final models in tokens: each final model by itself, and the stages that all of them share. A
/// token forward is 2 multiply-adds a parameter, backward 4, and one that is generated 2.
struct FrontLedger {
    struct Cost {
        var forward = 0.0
        var backward = 0.0
        var generated = 0.0
        var seconds = 0.0
        /// Multiply-adds a parameter.
        var work: Double { 2 * forward + 4 * backward + 2 * generated }

        static func + (a: Cost, b: Cost) -> Cost {
            Cost(
                forward: a.forward + b.forward, backward: a.backward + b.backward, generated: a.generated + b.generated,
                seconds: a.seconds + b.seconds)
        }

        func divided(by count: Int) -> Cost {
            let n = Double(max(1, count))
            return Cost(forward: forward / n, backward: backward / n, generated: generated / n, seconds: seconds / n)
        }

        var json: JSON {
            [
                "forward": .number(forward), "backward": .number(backward), "generated": .number(generated),
                "seconds": .number(seconds),
            ]
        }
    }

    let method: String
    let finalModels: Int
    let perModel: Cost
    let shared: Cost
    let remark: String

    /// With the shared stages spread over the final models.
    var amortised: Cost { perModel + shared.divided(by: finalModels) }

    var json: JSONObject {
        [
            "method": .string(method), "final_models": .integer(finalModels), "tokens_of_a_final_model": perModel.json,
            "tokens_of_shared_stages": shared.json, "remark": .string(remark),
        ]
    }
}

/// The tokens that the training of runs took.
struct TrainingTokens {
    /// Forward and backward both.
    let trained: Double
    /// Of one pass over the run's rows: what a model that scores them takes.
    let epoch: Double
    let seconds: Double

    /// - Throws: `StorageError`.
    init(folder: String, seconds: Double) throws {
        let rows = try RunMetrics(folder: folder).rows
        trained = rows.reduce(0) { $0 + ($1["tokens"]?.double ?? 0) }
        let epochs = rows.compactMap { $0["epoch"]?.double }.max() ?? 1
        epoch = trained / max(epochs, .leastNonzeroMagnitude)
        self.seconds = seconds
    }

    var cost: FrontLedger.Cost { .init(forward: trained, backward: trained, seconds: seconds) }
}
