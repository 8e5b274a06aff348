import Foundation
import Kernels
import Testing

/// Fixtures/updates.json, made by Fixtures/make_updates.py.
struct TorchUpdates: Decodable, Sendable {
    struct Run: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let rate, beta1, beta2, epsilon, decay: Double
        /// Step → the weights after it.
        let after: [String: [Double]]
        var testDescription: String { "\(name), weight decay \(decay)" }
    }

    let start: [Double]
    let gradients: [[Double]]
    let runs: [Run]

    static let fixture: Result<TorchUpdates, any Error> = Result {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let bytes = try Data(contentsOf: folder.appendingPathComponent("Fixtures/updates.json"))
        return try JSONDecoder().decode(TorchUpdates.self, from: bytes)
    }
}

/// A parameter vector with whatever state its optimizer keeps.
private struct Weights {
    let values, first, second: Grid

    init(_ start: [Float]) {
        values = Grid(start)
        (first, second) = (Grid(1, start.count), Grid(1, start.count))
    }

    func update(_ run: TorchUpdates.Run, gradients: Grid, factor: Float = 1, step: Int, on pool: ThreadPool) {
        let count = values.columns
        switch run.name {
        case "adamw":
            Update.adamW(
                values.pointer, gradients: gradients.pointer, factor: factor, first: first.pointer,
                second: second.pointer,
                count: count,
                rate: run.rate, beta1: run.beta1, beta2: run.beta2, epsilon: run.epsilon, decay: run.decay,
                step: step, on: pool)
        case "rmsprop":
            Update.rmsProp(
                values.pointer, gradients: gradients.pointer, factor: factor, second: second.pointer, count: count,
                rate: run.rate, alpha: run.beta2, epsilon: run.epsilon, decay: run.decay, on: pool)
        default:
            Update.sgd(
                values.pointer, gradients: gradients.pointer, factor: factor, count: count, rate: run.rate,
                decay: run.decay, on: pool)
        }
    }
}

@Suite struct UpdateTests {
    @Test("twenty updates equal torch's to float32 rounding", arguments: 0..<6)
    func torch(number: Int) throws {
        let fixture = try TorchUpdates.fixture.get()
        let run = fixture.runs[number]
        let weights = Weights(fixture.start.map { Float($0) })
        let pool = ThreadPool(count: 2)
        for (place, row) in fixture.gradients.enumerated() {
            let step = place + 1
            weights.update(run, gradients: Grid(row.map { Float($0) }), step: step, on: pool)
            guard let expected = run.after[String(step)] else { continue }
            for (i, (value, torch)) in zip(weights.values.floats, expected).enumerated() {
                // Half a last place of the weight and a few of the change, each step.
                let change = abs(torch - fixture.start[i])
                let room = Double(step) * Double(Float(torch).ulp) / 2 + change * 4e-7
                #expect(abs(Double(value) - torch) <= room, "\(run.testDescription), step \(step), weight \(i)")
            }
        }
        #expect(weights.values.fenceHolds && weights.first.fenceHolds && weights.second.fenceHolds)
    }

    @Test("updates have the same bits on any number of threads, and in runs of any length", arguments: 0..<6)
    func threads(number: Int) throws {
        let run = try TorchUpdates.fixture.get().runs[number]
        let count = 40_003
        expectSameBits(run.testDescription) { pool in
            var random = Random(5)
            let weights = Weights(random.floats(count))
            for step in 1...3 { weights.update(run, gradients: Grid(random.floats(count)), step: step, on: pool) }
            return [weights.values, weights.first, weights.second]
        }
        // A weight's bits don't depend on its place in the vector either: the last ones stand alone in a shorter one.
        var random = Random(5)
        let (start, gradients) = (random.floats(count), random.floats(count))
        let (whole, tail) = (Weights(start), Weights(Array(start.suffix(13))))
        let pool = ThreadPool(count: 2)
        whole.update(run, gradients: Grid(gradients), step: 1, on: pool)
        tail.update(run, gradients: Grid(Array(gradients.suffix(13))), step: 1, on: pool)
        #expect(Array(whole.values.floats.suffix(13)) == tail.values.floats)
    }

    @Test("a NaN gradient makes the weight a NaN", arguments: 0..<6)
    func notFinite(number: Int) throws {
        let run = try TorchUpdates.fixture.get().runs[number]
        for place in 0..<11 {
            let (weights, gradients) = (Weights([Float](repeating: 1, count: 11)), Grid(1, 11))
            gradients[0, place] = .nan
            weights.update(run, gradients: gradients, step: 1, on: ThreadPool(count: 1))
            for i in 0..<11 { #expect(weights.values[0, i].isNaN == (i == place)) }
        }
    }

    @Test("an update takes the gradients times the factor of clipping, and leaves zeros", arguments: 0..<6)
    func factor(number: Int) throws {
        let run = try TorchUpdates.fixture.get().runs[number]
        var random = Random(5)
        let (start, g) = (random.floats(1003), random.floats(1003))
        let pool = ThreadPool(count: 2)
        let (clipped, scaled) = (Weights(start), Weights(start))
        let gradients = Grid(g)
        clipped.update(run, gradients: gradients, factor: 0.25, step: 1, on: pool)
        scaled.update(run, gradients: Grid(g.map { $0 * 0.25 }), step: 1, on: pool)
        #expect(clipped.values.floats == scaled.values.floats && clipped.second.floats == scaled.second.floats)
        #expect(gradients.floats.allSatisfy { $0 == 0 } && gradients.fenceHolds)
    }
}
