/// The order of a stored tensor's elements in the parameter vector.
package enum TensorLayout: Sendable, Equatable {
    case same
    /// A matrix [inputs, outputs] in the file, [outputs, inputs] in the vector.
    case transposed
    /// Rows that belong to heads and to parts (q, k, v): head by head in the file, part by part in the vector.
    case byHead(heads: Int, parts: Int)
}

extension ParameterTable.Parameter {
    /// Rows of the stored tensor; a vector's elements are its rows.
    package var storedRows: Int { shape.first ?? 1 }
    /// Elements of a stored row.
    package var storedColumns: Int { shape.dropFirst().reduce(1, *) }

    /// Stored rows in pieces of about `elements` elements, in order.
    package func pieces(of elements: Int = 1 << 18) -> [Range<Int>] {
        let height = max(1, elements / max(1, storedColumns))
        return stride(from: 0, to: storedRows, by: height).map { $0..<min(storedRows, $0 + height) }
    }

    /// Copies some of the stored rows out of a vector, in the file's order.
    package func copy(
        storedRows rows: Range<Int>, from vector: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
    ) {
        let (source, columns) = (vector + range.lowerBound, storedColumns)
        switch layout {
        case .same: target.update(from: source + rows.lowerBound * columns, count: rows.count * columns)
        case .transposed:
            for column in 0..<columns {
                let line = source + column * storedRows + rows.lowerBound
                for row in 0..<rows.count { target[row * columns + column] = line[row] }
            }
        case .byHead(let heads, let parts):
            for row in rows {
                (target + (row - rows.lowerBound) * columns).update(
                    from: source + vectorRow(row, heads, parts) * columns, count: columns)
            }
        }
    }

    /// The inverse: puts some stored rows into a vector.
    package func put(
        storedRows rows: Range<Int>, _ piece: UnsafePointer<Float>, into vector: UnsafeMutablePointer<Float>
    ) {
        let (target, columns) = (vector + range.lowerBound, storedColumns)
        switch layout {
        case .same: (target + rows.lowerBound * columns).update(from: piece, count: rows.count * columns)
        case .transposed:
            for column in 0..<columns {
                let line = target + column * storedRows + rows.lowerBound
                for row in 0..<rows.count { line[row] = piece[row * columns + column] }
            }
        case .byHead(let heads, let parts):
            for row in rows {
                (target + vectorRow(row, heads, parts) * columns).update(
                    from: piece + (row - rows.lowerBound) * columns, count: columns)
            }
        }
    }

    /// The vector's row of a stored row, where rows go by head, part and element.
    private func vectorRow(_ row: Int, _ heads: Int, _ parts: Int) -> Int {
        let width = storedRows / (heads * parts)
        let (place, element) = row.quotientAndRemainder(dividingBy: width)
        let (head, part) = place.quotientAndRemainder(dividingBy: parts)
        return (part * heads + head) * width + element
    }

    /// The inverse of `vectorRow`; the row itself in a layout that leaves rows alone.
    package func storedRow(ofVectorRow row: Int) -> Int {
        guard case .byHead(let heads, let parts) = layout else { return row }
        let width = storedRows / (heads * parts)
        let (place, element) = row.quotientAndRemainder(dividingBy: width)
        let (part, head) = place.quotientAndRemainder(dividingBy: heads)
        return (head * parts + part) * width + element
    }
}
