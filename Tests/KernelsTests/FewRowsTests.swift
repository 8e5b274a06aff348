import Kernels
import Testing

/// Products of few rows against the same rows among many: every bit.
@Suite struct FewRowsTests {
    static let shapes = [
        (inputs: 8, outputs: 16), (inputs: 7, outputs: 5), (inputs: 320, outputs: 33), (inputs: 577, outputs: 40),
        (inputs: 64, outputs: 1000), (inputs: 1536, outputs: 48),
    ]

    /// The kinds in which a matrix may be stored.
    enum Kind: CaseIterable { case trained, float32, unaligned, bfloat16, float16, int8, normalFloat, someRows }

    @Test("a row's product has the same bits among few rows and many", arguments: shapes, Kind.allCases)
    func bits(shape: (inputs: Int, outputs: Int), kind: Kind) {
        var random = Random(UInt64(shape.inputs))
        let pool = ThreadPool(count: 2)
        let many = 20
        let x = Grid(many, shape.inputs, &random)
        let weight = Weight(kind, rows: shape.outputs, columns: shape.inputs, &random)
        let bias = Grid(1, shape.outputs, gap: 0, &random)
        let start = Grid(many, shape.outputs, &random)
        for (adding, withBias) in [(false, false), (true, false), (false, true), (true, true)] {
            let all = start.copy()
            weight.forward(x.matrix, withBias ? bias : nil, into: all.matrix, adding: adding, on: pool)
            for rows in [1, 2, 3, 4, 5, 7, 8, 9, 16] {
                let few = start.copy()
                weight.forward(
                    x.matrix.rows(0..<rows), withBias ? bias : nil, into: few.matrix.rows(0..<rows), adding: adding,
                    on: pool)
                for row in 0..<many {
                    for column in 0..<shape.outputs {
                        let expected = row < rows ? all[row, column] : start[row, column]
                        #expect(few[row, column].bitPattern == expected.bitPattern)
                    }
                }
                #expect(few.fenceHolds)
            }
        }
    }

    @Test("several maps of the same rows have the bits that each has alone", arguments: [1, 3, 8, 13])
    func together(rows: Int) {
        var random = Random(5)
        let pool = ThreadPool(count: 3)
        let x = Grid(rows, 330, &random)
        let shapes: [(Kind, outputs: Int, hasBias: Bool)] = [
            (.trained, 70, true), (.bfloat16, 16, false), (.int8, 5, true), (.normalFloat, 40, false),
        ]
        let weights = shapes.map { Weight($0.0, rows: $0.outputs, columns: 330, &random) }
        let biases = shapes.map { Grid(1, $0.outputs, gap: 0, &random) }
        for adding in [false, true] {
            let starts = shapes.map { Grid(rows, $0.outputs, &random) }
            let (alone, together) = (starts.map { $0.copy() }, starts.map { $0.copy() })
            var maps: [Linear.Map] = []
            for (number, shape) in shapes.enumerated() {
                let bias = shape.hasBias ? biases[number] : nil
                weights[number].forward(x.matrix, bias, into: alone[number].matrix, adding: adding, on: pool)
                if let map = weights[number].map(bias, into: together[number].matrix, adding: adding) {
                    maps.append(map)
                }
            }
            #expect(maps.count == shapes.count)
            maps.withUnsafeBufferPointer { Linear.forward(x.matrix, $0, adding: adding, on: pool) }
            for number in shapes.indices {
                for row in 0..<rows {
                    for column in 0..<shapes[number].outputs {
                        #expect(
                            alone[number][row, column].bitPattern == together[number][row, column].bitPattern)
                    }
                }
                #expect(together[number].fenceHolds)
            }
        }
    }

    @Test(
        "a matrix packed for decoding has the bits of the stored one, for few rows and many",
        arguments: StoredSample.Kind.allCases, [(5, 7), (36, 320), (70, 577), (200, 66)])
    func packed(kind: StoredSample.Kind, shape: (outputs: Int, inputs: Int)) {
        var random = Random(UInt64(shape.inputs))
        let (n, k) = shape
        for transposed in [false, true] {
            let sample = StoredSample(kind, n, k, transposed: transposed, &random)
            defer { withExtendedLifetime(sample) {} }
            var views = [sample.stored, sample.stored.rows(3..<n)]
            if n == 36 { views.append(sample.stored.partByPart(heads: 2, parts: 3)) }
            for view in views { expectPackedBits(of: view, &random) }
        }
    }

    private func expectPackedBits(of stored: StoredMatrix, _ random: inout Random) {
        let x = Grid(40, stored.columns, &random)
        let bias = Grid(1, stored.rows, gap: 0, &random)
        let start = Grid(40, stored.rows, &random)
        for level in CPULevel.allCases where level.isPresent {
            let pool = ThreadPool(count: 3, level: level)
            guard let bytes = stored.packedBytes(on: pool) else {
                Issue.record("floats are packed")
                return
            }
            let room = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            defer { room.deallocate() }
            room.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
            let packed = stored.packed(into: room, on: pool)
            for rows in [1, 2, 3, 6, 7, 13, 16, 17, 40] {
                for (adding, withBias) in [(false, false), (true, false), (false, true), (true, true)] {
                    let (expected, found) = (start.copy(), start.copy())
                    for (matrix, y) in [(stored, expected), (packed, found)] {
                        Linear.forward(
                            x.matrix.rows(0..<rows), weight: matrix, bias: withBias ? UnsafePointer(bias.pointer) : nil,
                            into: y.matrix.rows(0..<rows), adding: adding, on: pool)
                    }
                    #expect(found.bits == expected.bits, "\(rows) rows, \(level.rawValue)")
                }
            }
            let (expected, found) = (Grid(2, stored.columns), Grid(2, stored.columns))
            for (matrix, block) in [(stored, expected), (packed, found)] {
                matrix.widen(
                    rows: 0..<2, columns: 0..<stored.columns, into: block.pointer, stride: block.matrix.stride)
            }
            #expect(found.bits == expected.bits)
        }
    }

    @Test("numbers of eight bits stay as they are stored")
    func unpacked() {
        let pool = ThreadPool(count: 1)
        let codes = [Int8](repeating: 3, count: 16 * 8)
        let scales = [Float](repeating: 1, count: 16)
        codes.withUnsafeBytes { codes in
            scales.withUnsafeBytes { scales in
                guard let codes = codes.baseAddress, let scales = scales.baseAddress else { return }
                #expect(StoredMatrix.int8(codes, scales: scales, rows: 16, columns: 8).packedBytes(on: pool) == nil)
            }
        }
    }

    /// A weight matrix of random numbers, stored somehow.
    final class Weight {
        private let floats: Grid
        private let bytes: UnsafeMutableRawPointer
        private let stored: StoredMatrix?

        init(_ kind: Kind, rows: Int, columns: Int, _ random: inout Random) {
            let floats = Grid(rows, columns, gap: 0, &random)
            self.floats = floats
            let count = rows * columns
            bytes = .allocate(byteCount: 8 * count + 4096, alignment: 64)
            let x = UnsafePointer(floats.pointer)
            switch kind {
            case .trained: stored = nil
            case .float32: stored = .float32(x, rows: rows, columns: columns)
            case .unaligned:
                (bytes + 1).copyMemory(from: x, byteCount: 4 * count)
                stored = .float32(bytes + 1, rows: rows, columns: columns)
            case .bfloat16:
                Conversion.toBFloat16(x, into: bytes.assumingMemoryBound(to: UInt16.self), count: count)
                stored = .bfloat16(bytes, rows: rows, columns: columns)
            case .float16:
                Conversion.toFloat16(x, into: bytes.assumingMemoryBound(to: UInt16.self), count: count)
                stored = .float16(bytes, rows: rows, columns: columns)
            case .int8:
                let codes = bytes.assumingMemoryBound(to: Int8.self)
                let scales = (bytes + (count + 63) / 64 * 64).assumingMemoryBound(to: Float.self)
                for row in 0..<rows {
                    scales[row] = RowQuantization.quantize(
                        x + row * columns, into: codes + row * columns, count: columns)
                }
                stored = .int8(codes, scales: scales, rows: rows, columns: columns)
            case .normalFloat:
                let blocks = (count + NormalFloat.block - 1) / NormalFloat.block
                let codes = bytes.assumingMemoryBound(to: UInt8.self)
                let scaleCodes = codes + count
                let outer = (bytes + (count + blocks + 63) / 64 * 64).assumingMemoryBound(to: Float.self)
                var scales = [Float](repeating: 0, count: blocks)
                let mean = scales.withUnsafeMutableBufferPointer { scales in
                    NormalFloat.quantize(x, count: count, into: codes, scales: scales.baseAddress!)
                    return NormalFloat.quantizeScales(
                        scales.baseAddress!, count: blocks, into: scaleCodes, outerScales: outer)
                }
                stored = .normalFloat(
                    codes, scaleCodes: scaleCodes, outerScales: outer, scaleMean: mean, rows: rows, columns: columns)
            case .someRows:
                bytes.copyMemory(from: x, byteCount: 4 * count)
                (bytes + 4 * count).copyMemory(from: x, byteCount: 4 * count)
                stored = StoredMatrix.float32(bytes, rows: 2 * rows, columns: columns).rows(rows..<2 * rows)
            }
        }

        deinit { bytes.deallocate() }

        func forward(_ x: Matrix, _ bias: Grid?, into y: Matrix, adding: Bool, on pool: ThreadPool) {
            let bias = bias.map { UnsafePointer($0.pointer) }
            if let stored {
                Linear.forward(x, weight: stored, bias: bias, into: y, adding: adding, on: pool)
            } else {
                Linear.forward(x, weight: floats.matrix, bias: bias, into: y, adding: adding, on: pool)
            }
        }

        /// Nil where the matrix is stored transposed.
        func map(_ bias: Grid?, into y: Matrix, adding: Bool) -> Linear.Map? {
            guard stored?.isTransposed != true else { return nil }
            let bias = bias.map { UnsafePointer($0.pointer) }
            if let stored { return Linear.Map(stored, bias: bias, into: y, adding: adding) }
            return Linear.Map(floats.matrix, bias: bias, into: y, adding: adding)
        }
    }
}
