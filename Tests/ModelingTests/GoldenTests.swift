import Checkpoints
import Kernels
import Modeling
import Storage
import Testing

/// Logps and gradients against float64 torch, for the tiny checkpoints that `Tests/Goldens/make_model_goldens.py` made.
@Suite struct GoldenTests {
    static let models = ["gqa-untied", "tied-llama3", "linear-bf16", "mha-sharded"]

    @Test("logps equal torch's within 2e-4, packed together or one sequence at a time", arguments: models)
    func logps(name: String) throws {
        let golden = try Golden(name)
        let model = try golden.load()
        for batches in [[golden.sequences], golden.sequences.map { [$0] }] {
            var row = 0
            for batch in batches {
                for scores in try model.score(batch) {
                    for (response, expected) in zip(scores, golden.tokenLogps(row: row)) {
                        #expect(response.count == expected.count)
                        for (ours, theirs) in zip(response, expected) { #expect(abs(Double(ours) - theirs) < 2e-4) }
                    }
                    row += 1
                }
            }
            #expect(row == golden.sequences.count)
        }
    }

    @Test("gradients equal torch's within 2e-4 relative, kept or recomputed", arguments: models, [false, true])
    func gradients(name: String, recompute: Bool) throws {
        let golden = try Golden(name)
        let model = try golden.load()
        var compared = 0
        for objective in golden.objectives {
            guard let file = objective["gradients"]?.string else { continue }
            let expected = try SafetensorsFile(path: "\(Golden.directory)/\(file)")
            let ours = try model.gradients(golden.sequences, recompute: recompute) { row, response in
                let derivative = objective[response == 0 ? "d_chosen" : "d_rejected"]?.array?[row].double ?? 0
                return derivative / Double(golden.sequences.count)
            }
            for parameter in model.weights.table.parameters {
                let tensor = try #require(expected[parameter.name], "\(parameter.name) is in the golden file")
                let theirs = tensor.bytes.bindMemory(to: Float.self)
                let scale = theirs.map { abs($0) }.max() ?? 0
                let worst = zip(ours[parameter.range], theirs).map { abs($0 - $1) }.max() ?? 0
                #expect(worst <= 2e-4 * scale + 1e-9, "\(objective["name"]?.string ?? "") \(parameter.name)")
            }
            compared += 1
        }
        #expect(compared > 0)
    }

    @Test(
        "a token's logp has the same bits alone, packed, behind a shared prompt or its own, on one thread or several",
        arguments: models)
    func invariance(name: String) throws {
        let golden = try Golden(name)
        let packed = try golden.load(threads: 3).score(golden.sequences)
        let model = try golden.load(threads: 1)
        for (sequence, expected) in zip(golden.sequences, packed) {
            #expect(try model.score([sequence]) == [expected])
            for (response, logps) in zip(sequence.responses, expected) {
                #expect(try model.score([PackedSequence(prompt: sequence.prompt, responses: [response])]) == [[logps]])
            }
        }
    }

    @Test("a shared prompt gives the gradients of separate sequences", arguments: models)
    func sharing(name: String) throws {
        let golden = try Golden(name)
        let model = try golden.load()
        let separate = golden.sequences.flatMap { sequence in
            sequence.responses.map { PackedSequence(prompt: sequence.prompt, responses: [$0]) }
        }
        let shared = try model.gradients(golden.sequences, recompute: false) { row, response in
            response == 0 ? 0.3 + Double(row) * 0.1 : -0.4
        }
        let unshared = try model.gradients(separate, recompute: false) { place, _ in
            place % 2 == 0 ? 0.3 + Double(place / 2) * 0.1 : -0.4
        }
        let scale = shared.map { abs($0) }.max() ?? 0
        #expect(scale > 0)
        for (a, b) in zip(shared, unshared) { #expect(abs(a - b) <= 1e-5 * scale) }
    }

    @Test("one, two and three threads give the same bits")
    func threads() throws {
        let golden = try Golden("tied-llama3")
        let results = try [1, 2, 3].map { threads in
            try golden.load(threads: threads).gradients(golden.sequences, recompute: false) { row, response in
                response == 0 ? 0.25 : -0.5
            }.map(\.bitPattern)
        }
        #expect(results[0] == results[1])
        #expect(results[0] == results[2])
    }
}
