import Kernels
import Synchronization

/// Quantises one float matrix on all threads.
struct MatrixQuantization {
    private let matrix: StoredMatrix
    private let name: String
    private let directory: String
    private let pool: ThreadPool

    init(_ matrix: StoredMatrix, name: String, directory: String, pool: ThreadPool) {
        (self.matrix, self.name, self.directory, self.pool) = (matrix, name, directory, pool)
    }

    /// A quantised matrix's parts, in the order of its files: of whole numbers, and of float32 scales.
    struct Parts {
        let codes: [Memory]
        let scales: [Memory]
    }

    /// - Throws: `ModelError.nonFinite` or `MemoryError`.
    func int8() throws -> Parts {
        let columns = matrix.columns
        let (codes, scales) = (try Memory(bytes: matrix.rows * columns), try Memory(bytes: 4 * matrix.rows))
        let (numbers, factors) = (codes.bind(to: Int8.self).baseAddress!, scales.bind(to: Float.self).baseAddress!)
        try eachPiece { rows, values in
            for row in rows {
                factors[row] = RowQuantization.quantize(
                    values + (row - rows.lowerBound) * columns, into: numbers + row * columns, count: columns)
            }
        }
        return Parts(codes: [codes], scales: [scales])
    }

    /// - Throws: `ModelError.nonFinite` or `MemoryError`.
    func normalFloat() throws -> Parts {
        let columns = matrix.columns
        let shape = NormalFloatShape(elements: matrix.rows * columns)
        let (codes, scaleCodes) = (try Memory(bytes: shape.codes), try Memory(bytes: shape.scales))
        let (scales, outer) = (try Memory(bytes: 4 * shape.scales), try Memory(bytes: 4 * shape.outerScales))
        let (bytes, factors) = (codes.bind(to: UInt8.self).baseAddress!, scales.bind(to: Float.self).baseAddress!)
        try eachPiece { rows, values in
            let start = rows.lowerBound * columns
            NormalFloat.quantize(
                values, count: rows.count * columns, into: bytes + start / 2,
                scales: factors + start / NormalFloat.block)
        }
        let mean = try Memory(bytes: 4)
        mean.bind(to: Float.self)[0] = NormalFloat.quantizeScales(
            factors, count: shape.scales, into: scaleCodes.bind(to: UInt8.self).baseAddress!,
            outerScales: outer.bind(to: Float.self).baseAddress!)
        withExtendedLifetime((codes, scales, scaleCodes, outer)) {}
        return Parts(codes: [codes, scaleCodes], scales: [outer, mean])
    }

    /// Calls `body` with the float32 values of whole blocks of rows, on all threads.
    /// - Throws: `ModelError.nonFinite`.
    private func eachPiece(_ body: (Range<Int>, UnsafePointer<Float>) -> Void) throws(ModelError) {
        // A multiple of a block's elements, so that no block lies in two pieces.
        let height = NormalFloat.block
        let columns = matrix.columns
        let damaged = Atomic<Bool>(false)
        let room = UnsafeMutablePointer<Float>.allocate(capacity: pool.count * height * columns)
        defer { room.deallocate() }
        pool.run((matrix.rows + height - 1) / height) { item, thread in
            let rows = item * height..<min(matrix.rows, (item + 1) * height)
            let values = room + thread * height * columns
            matrix.widen(rows: rows, columns: 0..<columns, into: values, stride: columns)
            guard Conversion.isFinite(values, count: rows.count * columns) else {
                return damaged.store(true, ordering: .relaxed)
            }
            body(rows, values)
        }
        guard !damaged.load(ordering: .relaxed) else { throw .nonFinite(directory: directory, name: name) }
    }
}
