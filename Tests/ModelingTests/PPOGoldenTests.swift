import Checkpoints
import Foundation
import Kernels
import Modeling
import Objectives
import Storage
import Testing

/// One batch of PPO, from the numbers of the drawn tokens to the gradients of the model and its value head, against what
/// `Tests/Goldens/make_ppo_goldens.py` computed by TRL's formulas in float64.
@Suite struct PPOGoldenTests {
    /// A response with what was known of it when it was drawn, and what is to be found.
    private struct Row {
        let sequence: PackedSequence
        let score: Double
        private let json: JSON

        init(_ json: JSON) {
            func ids(_ name: String) -> ArraySlice<Int32> {
                ArraySlice((json[name]?.array ?? []).compactMap { $0.integer.map { Int32($0) } })
            }
            sequence = PackedSequence(prompt: ids("prompt"), responses: [.init(tokens: ids("response"))])
            score = json["score"]?.double ?? .nan
            self.json = json
        }

        subscript(name: String) -> [Double] { (json[name]?.array ?? []).compactMap(\.double) }
    }

    private let golden: JSON
    private let rows: [Row]
    private let model: GoldenModel
    private let objective: ClippedObjective

    init() throws {
        golden = try JSON.parse(FileSystem.read("\(Golden.directory)/gqa-untied.ppo.json"))
        rows = (golden["rows"]?.array ?? []).map { Row($0) }
        model = try GoldenModel(path: "\(Golden.directory)/models/gqa-untied", threads: 2, readsValues: true)
        let head = try #require(model.weights.table.valueHead)
        for (place, value) in zip(head.range, golden["value_head"]?.array ?? []) {
            model.weights.values[place] = Float(value.double ?? .nan)
        }
        let constants = golden["constants"]
        objective = ClippedObjective(
            cliprange: constants?["cliprange"]?.double ?? .nan,
            cliprangeValue: constants?["cliprange_value"]?.double ?? .nan,
            valueWeight: constants?["vf_coef"]?.double ?? .nan)
    }

    private func constant(_ name: String) -> Double { golden["constants"]?[name]?.double ?? .nan }
    private func number(_ name: String) -> Double { golden[name]?.double ?? .nan }

    /// The numbers that every token is trained by, from our formulas.
    private var tokens: [[ClippedObjective.Token]] {
        let estimates = rows.map { row in
            var rewards = zip(row["logps"], row["reference_logps"]).map { -constant("kl_coef") * ($0 - $1) }
            rewards[rewards.count - 1] += row.score
            return GeneralizedAdvantage.estimate(
                rewards: rewards, values: row["values"], gamma: constant("gamma"), lambda: constant("lam"))
        }
        let advantages = Whitening.whitened(estimates.map(\.advantages))
        return rows.enumerated().map { place, row in
            row["logps"].indices.map { t in
                ClippedObjective.Token(
                    logp: row["logps"][t], value: row["values"][t], advantage: advantages[place][t],
                    target: estimates[place].returns[t])
            }
        }
    }

    private static func differ(_ a: [Double], _ b: [Double]) -> Double {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test("advantages, returns and both losses equal torch's in float64")
    func formulas() {
        var (policy, value, policyClipped, valueClipped, count) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (row, tokens) in zip(rows, tokens) {
            #expect(Self.differ(tokens.map(\.advantage), row["advantages"]) < 1e-12)
            #expect(Self.differ(tokens.map(\.target), row["returns"]) < 1e-12)
            for (t, token) in tokens.enumerated() {
                let slope = objective.slope(at: row["new_logps"][t], row["new_values"][t], of: token)
                policy += slope.policyLoss
                value += slope.valueLoss
                policyClipped += slope.policyIsClipped ? 1 : 0
                valueClipped += slope.valueIsClipped ? 1 : 0
                count += 1
            }
        }
        #expect(abs(policy / count - number("policy_loss")) < 1e-12)
        #expect(abs(value / count - number("value_loss")) < 1e-12)
        #expect(abs(policyClipped / count - number("policy_clipped")) < 1e-12)
        #expect(abs(valueClipped / count - number("value_clipped")) < 1e-12)
        #expect(policyClipped > 0 && valueClipped > 0)
    }

    @Test("the model's logps and values equal torch's within 1e-4")
    func states() throws {
        let sequences = rows.map(\.sequence)
        let space = try Workspace(
            model.architecture, extent: BatchExtent(sequences, for: model.architecture), purpose: .scoring, on: model.pool)
        let found = model.transformer.scoreStates(PackedBatch(sequences, for: model.architecture), in: space)
        for (row, states) in zip(rows, found) {
            #expect(Self.differ(states[0].logps.map { Double($0) }, row["new_logps"]) < 1e-4)
            #expect(Self.differ(states[0].values.map { Double($0) }, row["new_values"]) < 1e-4)
        }
    }

    @Test("gradients of the model and of its value head equal torch's within 1e-4, kept or recomputed")
    func gradients() throws {
        let theirs = try SafetensorsFile(path: "\(Golden.directory)/gqa-untied.ppo.safetensors")
        for recompute in [false, true] {
            let (loss, ours) = try step(recompute: recompute)
            #expect(abs(loss - number("loss")) < 1e-4)
            var compared = 0
            for parameter in model.weights.table.trainedParameters {
                guard let tensor = theirs[parameter.name] else { continue }
                let worst = zip(ours[parameter.range], tensor.bytes.bindMemory(to: Float.self)).map { abs($0 - $1) }
                #expect((worst.max() ?? .infinity) < 1e-4, "\(parameter.name)")
                compared += 1
            }
            #expect(compared == 4)
        }
    }

    @Test("the gradient equals central differences, also at another temperature")
    func differences() throws {
        for temperature in [1, 0.8] {
            model.transformer.temperature = temperature
            let gradients = try step(recompute: false).gradients
            var steepest = 0.0
            for parameter in model.weights.table.trainedParameters where parameter.range.count > 3 {
                let place = parameter.range.lowerBound + parameter.range.count / 3
                let (value, step) = (model.weights.values[place], Float(0x1p-10))
                model.weights.values[place] = value + step
                let above = try self.step(recompute: false).loss
                model.weights.values[place] = value - step
                let below = try self.step(recompute: false).loss
                model.weights.values[place] = value
                let slope = (above - below) / Double(2 * step)
                // So small a step that none crosses the edge of a clip.
                #expect(
                    abs(slope - Double(gradients[place])) < 2e-2 * max(0.05, abs(slope)), "\(parameter.name) \(temperature)")
                steepest = max(steepest, abs(slope))
            }
            #expect(steepest > 0.05)
        }
    }

    /// Loss and gradients of the batch as one micro-batch.
    private func step(recompute: Bool) throws -> (loss: Double, gradients: [Float]) {
        let (sequences, tokens, a) = (rows.map(\.sequence), tokens, model.architecture)
        let space = try Workspace(
            a, extent: BatchExtent(sequences, for: a), purpose: .training(recompute: recompute), on: model.pool)
        var gradients = [Float](repeating: 0, count: model.weights.count)
        var loss = 0.0
        let share = 1 / Double(tokens.reduce(0) { $0 + $1.count })
        gradients.withUnsafeMutableBufferPointer { buffer in
            model.transformer.step(
                PackedBatch(sequences, for: a), in: space, gradients: buffer.baseAddress!,
                tokenLoss: { sequence, logps, values, logpGradients, valueGradients in
                    for (t, token) in tokens[sequence].enumerated() {
                        let slope = objective.slope(at: Double(logps[t]), Double(values[t]), of: token)
                        loss += share * (slope.policyLoss + objective.valueWeight * slope.valueLoss)
                        logpGradients[t] = Float(share * slope.logp)
                        valueGradients[t] = Float(share * slope.value)
                    }
                })
        }
        return (loss, gradients)
    }
}
