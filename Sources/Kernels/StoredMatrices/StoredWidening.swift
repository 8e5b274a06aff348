import CVector

/// Stored numbers as floats, block by block.
extension StoredMatrix {
    /// - Parameter columnsApart: the target's lines are columns, `stride` floats apart; else rows.
    @inline(__always)
    package func widen(
        _ rows: Range<Int>, _ columns: Range<Int>, columnsApart: Bool, into target: UnsafeMutablePointer<Float>,
        _ stride: Int
    ) {
        guard isByHead else {
            let rows = start + rows.lowerBound..<start + rows.upperBound
            return widenStored(rows, columns, columnsApart, into: target, stride)
        }
        var row = rows.lowerBound
        while row < rows.upperBound {
            let stored = tensorRow(row)
            let count = min(partHeight - stored % partHeight, rows.upperBound - row)
            let offset = row - rows.lowerBound
            widenStored(
                stored..<stored + count, columns, columnsApart,
                into: target + (columnsApart ? offset : offset * stride), stride)
            row += count
        }
    }

    /// The same for rows of the tensor.
    private func widenStored(
        _ rows: Range<Int>, _ columns: Range<Int>, _ columnsApart: Bool, into target: UnsafeMutablePointer<Float>,
        _ stride: Int
    ) {
        if columnsApart == isTransposed {
            let (lines, places) = isTransposed ? (columns, rows) : (rows, columns)
            widenLines(lines, places, into: target, stride)
        } else {
            turn(rows, columns, into: target, stride)
        }
    }

    /// Some elements of each of some lines, as they lie.
    private func widenLines(
        _ lines: Range<Int>, _ places: Range<Int>, into target: UnsafeMutablePointer<Float>, _ stride: Int
    ) {
        switch elements {
        case .float32(let base):
            for line in lines {
                UnsafeMutableRawPointer(target + (line - lines.lowerBound) * stride).copyMemory(
                    from: base + 4 * (line * lineLength + places.lowerBound), byteCount: 4 * places.count)
            }
        case .bfloat16(let base):
            for line in lines {
                Conversion.fromBFloat16(
                    base + 2 * (line * lineLength + places.lowerBound),
                    into: target + (line - lines.lowerBound) * stride, count: places.count)
            }
        case .float16(let base):
            for line in lines {
                Conversion.fromFloat16(
                    base + 2 * (line * lineLength + places.lowerBound),
                    into: target + (line - lines.lowerBound) * stride, count: places.count)
            }
        case .int8(let quantized):
            for line in lines {
                quantized.widen(
                    row: line, columns: places, rowLength: lineLength,
                    into: target + (line - lines.lowerBound) * stride)
            }
        case .normalFloat(let blocks):
            for line in lines {
                let start = line * lineLength
                blocks.widen(
                    start + places.lowerBound..<start + places.upperBound,
                    into: target + (line - lines.lowerBound) * stride)
            }
        case .grouped(let integers):
            integers.widen(columns: lines, rows: places, outputs: lineLength, into: target, stride)
        case .packed(let packed):
            for line in lines {
                packed.widen(line: line, places, into: target + (line - lines.lowerBound) * stride)
            }
        }
    }

    /// Lines across the stored ones, eight by eight: for what products don't ask for.
    private func turn(
        _ rows: Range<Int>, _ columns: Range<Int>, into target: UnsafeMutablePointer<Float>, _ stride: Int
    ) {
        let (lines, places) = isTransposed ? (columns, rows) : (rows, columns)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { block in
            guard let block = block.baseAddress else { return }
            for line in Swift.stride(from: lines.lowerBound, to: lines.upperBound, by: 8) {
                for place in Swift.stride(from: places.lowerBound, to: places.upperBound, by: 8) {
                    let height = min(8, lines.upperBound - line)
                    let width = min(8, places.upperBound - place)
                    widenLines(line..<line + height, place..<place + width, into: block, 8)
                    let corner = target + (place - places.lowerBound) * stride + line - lines.lowerBound
                    for i in 0..<width {
                        for j in 0..<height { corner[i * stride + j] = block[8 * j + i] }
                    }
                }
            }
        }
    }
}
