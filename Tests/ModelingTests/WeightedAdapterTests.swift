import Checkpoints
import Kernels
import Modeling
import Objectives
import Storage
import Testing

/// Adapters with a part for each of several objectives, under weights of each sequence's own.
@Suite struct WeightedAdapterTests {
    /// A frozen golden model with such adapters, all parts random.
    private struct Case {
        let architecture: Architecture
        let frozen: FrozenWeights
        let weights: Weights
        let transformer: Transformer
        let pool = ThreadPool(count: 2)
        let sequences: [PackedSequence]
        /// Of each sequence.
        let mixtures: [[Float]]

        init(_ name: String = "gqa-untied") throws {
            let directory = try ModelDirectory(path: "\(Golden.directory)/models/\(name)")
            architecture = try Architecture(config: directory.config, file: "config.json")
            frozen = try FrozenWeights(directory, architecture: architecture, on: pool)
            var config = AdapterConfig(loraRank: 2, loraAlpha: 3, targets: AdapterTargets(.allLinear))
            config.initialization = .random
            config.divide(among: ["kind", "brief"])
            #expect(config.loraRank == 6 && config.scaling == 1.5)
            var random = Fixed(state: 5)
            weights = try Weights(
                adapting: frozen, architecture, Adaptation(config, for: architecture, of: directory), using: &random, on: pool)
            transformer = try Transformer(architecture, weights: weights, on: frozen, positions: 256, pool: pool)
            sequences = try Golden(name).sequences
            mixtures = sequences.indices.map { [0.25 + 0.125 * Float($0 % 5), 0.75 - 0.125 * Float($0 % 5)] }
        }

        private func space(_ transformer: Transformer, _ purpose: Workspace.Purpose) throws -> Workspace {
            try Workspace(
                architecture, low: transformer.lowRank, extent: BatchExtent(sequences, for: architecture),
                purpose: purpose, on: pool)
        }

        /// Σ logps of each response.
        func logps() throws -> [[Double]] {
            let batch = PackedBatch(sequences, for: architecture, weights: mixtures)
            return sums(transformer.score(batch, in: try space(transformer, .scoring)))
        }

        /// The same under the plain adapter that these are at some weights, for sequences that all have them.
        func plainLogps(_ mixture: [Float]) throws -> [[Double]] {
            guard case .adapters(let adaptation) = weights.table.trainable else { return [] }
            let config = adaptation.config.keeping(parts: 3)
            #expect(config.objectives.isEmpty && config.scaling == 1.5)
            var random = Fixed(state: 5)
            let plain = try Weights(
                adapting: frozen, architecture, Adaptation(config, for: architecture, of: frozen.directory), using: &random,
                on: pool)
            plain.values.update(from: weights.values, count: weights.count)
            for parameter in plain.table.parameters where parameter.name.hasSuffix("lora_B.weight") {
                for place in parameter.range {
                    let part = (place - parameter.range.lowerBound) % 6 / 2
                    if part < 2 { plain.values[place] *= mixture[part] }
                }
            }
            let model = try Transformer(architecture, weights: plain, on: frozen, positions: 256, pool: pool)
            return sums(model.score(PackedBatch(sequences, for: architecture), in: try space(model, .scoring)))
        }

        private func sums(_ logps: [[[Float]]]) -> [[Double]] {
            logps.map { $0.map { $0.reduce(0) { $0 + Double($1) } } }
        }

        /// MODPO's loss of a sequence under its weights, with its derivative by the logps.
        func loss(_ sequence: Int, _ logps: [Double]) throws -> JudgementOutput {
            let objective = try Objective(.modpo, ["beta": 1], preferenceWeight: nil)
            let mixture = mixtures[sequence].map { Double($0) }
            let responses = zip(logps, sequences[sequence].responses).enumerated().map { place, item in
                ResponseInput(
                    logps: item.0, referenceLogps: -40 - Double(place), length: item.1.length,
                    marginReward: mixture[1] * (place == 0 ? 0.7 : -0.2))
            }
            return objective.evaluate(
                JudgementInput(.pair, responses, preferenceWeight: mixture[0]), in: BatchStatistics(meanLength: 1))
        }

        func total() throws -> Double {
            try logps().enumerated().reduce(0) { sum, item in try sum + loss(item.offset, item.element).loss }
        }

        func gradients(recompute: Bool) throws -> [Float] {
            var gradients = [Float](repeating: 0, count: weights.count)
            let space = try space(transformer, .training(recompute: recompute))
            var failure: (any Error)?
            gradients.withUnsafeMutableBufferPointer { buffer in
                transformer.step(
                    PackedBatch(sequences, for: architecture, weights: mixtures), in: space,
                    gradients: buffer.baseAddress!
                ) { sequence, logps, output in
                    do {
                        for (place, slope) in try loss(sequence, Array(logps)).gradients.enumerated() { output[place] = slope }
                    } catch { failure = error }
                }
            }
            if let failure { throw failure }
            return gradients
        }
    }

    private struct Fixed: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6364136223846793005 &+ 1442695040888963407
            return (state ^ (state >> 29)) &* 0x9E37_79B9_7F4A_7C15
        }
    }

    @Test("under its weights each sequence has the logps of the plain adapter at them", arguments: ["gqa-untied", "tied-llama3"])
    func plain(name: String) throws {
        let test = try Case(name)
        let packed = try test.logps()
        for mixture in Set(test.mixtures) {
            let plain = try test.plainLogps(mixture)
            for sequence in test.sequences.indices where test.mixtures[sequence] == mixture {
                for (one, other) in zip(packed[sequence], plain[sequence]) { #expect(abs(one - other) < 1e-4) }
            }
        }
        let other = try test.plainLogps([1, 0])
        #expect(zip(packed.joined(), other.joined()).contains { abs($0 - $1) > 1e-2 }, "weights matter")
    }

    @Test("the gradient of MODPO's loss under weights of each pair's own equals central differences, kept or recomputed")
    func differences() throws {
        let test = try Case()
        let gradients = try test.gradients(recompute: false)
        #expect(try test.gradients(recompute: true) == gradients)
        var greatest = 0.0
        for parameter in test.weights.table.parameters {
            // Of each of the three parts the element of the steepest slope.
            for part in 0..<3 {
                let isA = parameter.name.hasSuffix("lora_A.weight")
                let places = parameter.range.filter { ($0 - parameter.range.lowerBound) % 6 / 2 == part }
                let place = try #require(places.max { abs(gradients[$0]) < abs(gradients[$1]) })
                let (value, step) = (test.weights.values[place], Float(0x1p-8))
                test.weights.values[place] = value + step
                let above = try test.total()
                test.weights.values[place] = value - step
                let below = try test.total()
                test.weights.values[place] = value
                let slope = (above - below) / Double(2 * step)
                #expect(
                    abs(slope - Double(gradients[place])) < 1e-2 * max(1, abs(slope)),
                    "\(parameter.name), \(isA ? "A" : "B"), part \(part)")
                greatest = max(greatest, abs(slope))
            }
        }
        #expect(greatest > 1, "the slopes are no rounding errors")
    }
}
