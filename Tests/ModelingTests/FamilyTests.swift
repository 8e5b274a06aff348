import Checkpoints
import Kernels
import Modeling
import Scratch
import Storage
import Testing

/// Logps and gradients of the families against float64 torch, for the tiny checkpoints that
/// `Tests/Goldens/make_family_goldens.py` made: each has some arithmetic that the others lack.
@Suite struct FamilyTests {
    static let names = (try? FileSystem.list("\(Golden.directory)/families").sorted()) ?? []

    @Test("every family has a golden and a word in docs/models.md")
    func complete() throws {
        let families = try FamilyTests.names.map { try Case($0, threads: 1).model.architecture.family.name }
        #expect(Set(families) == Set(Family.all.map(\.name)))
        let page = String(decoding: try FileSystem.read("\(Golden.directory)/../../docs/models.md"), as: UTF8.self)
        for family in Family.all { #expect(page.contains("`\(family.name)`"), "\(family.name)") }
    }

    struct Case {
        let model: GoldenModel
        let golden: SafetensorsFile
        let sequences: [PackedSequence]

        init(_ name: String, threads: Int = 2) throws {
            let path = "\(Golden.directory)/families/\(name)"
            let golden = try SafetensorsFile(path: "\(path)/golden.safetensors")
            self.golden = golden
            model = try GoldenModel(path: "\(path)/model", threads: threads)
            var sequences: [PackedSequence] = []
            while let prompt = golden["ids.\(sequences.count).prompt"] {
                let row = sequences.count
                let responses = try ["chosen", "rejected"].map { side in
                    PackedSequence.Response(tokens: try Case.ids(#require(golden["ids.\(row).\(side)"])))
                }
                sequences.append(PackedSequence(prompt: Case.ids(prompt), responses: responses))
            }
            self.sequences = sequences
        }

        private static func ids(_ tensor: TensorView) -> ArraySlice<Int32> {
            ArraySlice((0..<tensor.count).map { tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) })
        }

        func logps(row: Int, side: String) throws -> [Double] {
            let tensor = try #require(golden["logps.\(row).\(side)"])
            return (0..<tensor.count).map { tensor.bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
        }

        /// The derivative that the golden gradients belong to.
        static func derivative(_ row: Int, _ response: Int) -> Double { response == 0 ? 0.3 + 0.1 * Double(row) : -0.4 }
    }

    @Test("logps equal torch's within 2e-4, packed together or one sequence at a time", arguments: names)
    func logps(name: String) throws {
        let test = try Case(name)
        #expect(test.sequences.count == 3)
        for batches in [[test.sequences], test.sequences.map { [$0] }] {
            let scores = try batches.flatMap { try test.model.score($0) }
            for (row, responses) in scores.enumerated() {
                for (side, ours) in zip(["chosen", "rejected"], responses) {
                    let theirs = try test.logps(row: row, side: side)
                    #expect(ours.count == theirs.count)
                    for (a, b) in zip(ours, theirs) { #expect(abs(Double(a) - b) < 2e-4) }
                }
            }
        }
    }

    @Test("gradients equal torch's to the golden's own precision", arguments: names)
    func gradients(name: String) throws {
        let test = try Case(name)
        let ours = try test.model.gradients(test.sequences, recompute: false, derivative: Case.derivative)
        let parameters = test.model.weights.table.parameters
        // A key's bias that no position turns has no gradient but rounding.
        let scales = try parameters.map { parameter in
            let scale = try #require(test.golden["scale.\(parameter.name)"], "\(parameter.name)")
            return Float(scale.bytes.loadUnaligned(as: Double.self))
        }
        let floor = 1e-4 * (scales.max() ?? 0)
        for (parameter, scale) in zip(parameters, scales) {
            let expected = try #require(test.golden["gradient.\(parameter.name)"])
            #expect(expected.shape == parameter.shape)
            var stored = [Float](repeating: 0, count: parameter.range.count)
            parameter.copy(storedRows: 0..<parameter.storedRows, from: ours, into: &stored)
            let worst = stored.indices.reduce(Float(0)) { worst, i in
                let bits = expected.bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
                return max(worst, abs(stored[i] - Float(Float16(bitPattern: bits)) * scale))
            }
            // Half a unit of float16 is 2.4e-4 of the scale.
            #expect(worst <= 4.5e-4 * max(scale, floor), "\(parameter.name): \(worst) of \(scale)")
        }
    }

    @Test("recomputed blocks give the gradients of kept ones, bit for bit", arguments: names)
    func recomputing(name: String) throws {
        let test = try Case(name)
        let kept = try test.model.gradients(test.sequences, recompute: false, derivative: Case.derivative)
        let recomputed = try test.model.gradients(test.sequences, recompute: true, derivative: Case.derivative)
        #expect(kept.map(\.bitPattern) == recomputed.map(\.bitPattern))
    }

    @Test("a shared prompt gives the logps and gradients of separate sequences", arguments: names)
    func sharing(name: String) throws {
        let test = try Case(name)
        let separate = test.sequences.flatMap { sequence in
            sequence.responses.map { PackedSequence(prompt: sequence.prompt, responses: [$0]) }
        }
        let together = try test.model.score(test.sequences).flatMap { $0 }
        for (a, b) in zip(together, try test.model.score(separate).flatMap({ $0 })) {
            for (x, y) in zip(a, b) { #expect(abs(x - y) < 2e-5) }
        }
        let shared = try test.model.gradients(test.sequences, recompute: false, derivative: Case.derivative)
        let unshared = try test.model.gradients(separate, recompute: false) { place, _ in
            Case.derivative(place / 2, place % 2)
        }
        let scale = shared.map { abs($0) }.max() ?? 0
        for (a, b) in zip(shared, unshared) { #expect(abs(a - b) <= 1e-5 * scale) }
    }

    @Test("one and three threads give the same bits", arguments: names)
    func threads(name: String) throws {
        let results = try [1, 3].map { threads in
            let test = try Case(name, threads: threads)
            return try test.model.gradients(test.sequences, recompute: true, derivative: Case.derivative)
                .map(\.bitPattern)
        }
        #expect(results[0] == results[1])
    }

    @Test("a saved model has its source's tensors and, loaded again, its weights", arguments: names)
    func saving(name: String) throws {
        let folder = try TemporaryDirectory()
        let source = try ModelDirectory(path: "\(Golden.directory)/families/\(name)/model")
        let model = try GoldenModel(path: source.path, threads: 1)
        try saveModel(model.weights, like: source, to: folder.path, as: .float16)
        let saved = try ModelDirectory(path: folder.path)
        #expect(saved.config == source.config)
        #expect(saved.tensorNames == source.tensorNames)
        for tensor in source.tensorNames {
            let (before, after) = (try #require(source.tensor(tensor)), try #require(saved.tensor(tensor)))
            #expect(before.shape == after.shape && before.bytes.elementsEqual(after.bytes), "\(tensor)")
        }
    }
}
