import CKernels

/// A frozen matrix's rows in panels, a panel's elements of equal depth side by side: what decoding reads as one stream of
/// memory, in huge pages, where rows as a file has them would have to be turned in registers.
struct PackedLines {
    let base: UnsafeRawPointer
    /// Lines of a panel; those that the last one lacks are zeros.
    let width: Int
    /// Elements of a line.
    let depth: Int
    let elements: prefopt_elements

    /// Bytes of a panel.
    var panelBytes: Int { width * depth * elements.bytes }

    /// Bytes of some lines' panels.
    static func bytes(lines: Int, depth: Int, width: Int, _ elements: prefopt_elements) -> Int {
        (lines + width - 1) / width * width * depth * elements.bytes
    }

    /// The panels from one on, from a depth on.
    @inline(__always)
    func from(panel: Int, depth: Int) -> prefopt_packed_lines {
        prefopt_packed_lines(
            base: base + panel * panelBytes + depth * width * elements.bytes, panel_bytes: panelBytes,
            elements: elements)
    }

    /// A panel's depths from one on, as rows.
    @inline(__always)
    func depths(panel: Int, from depth: Int) -> prefopt_rows {
        prefopt_rows(
            base: base + panel * panelBytes + depth * width * elements.bytes, factors: nil, stride: width,
            elements: elements)
    }

    /// Some elements of a line as floats.
    func widen(line: Int, _ places: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        let column = base + line / width * panelBytes + line % width * elements.bytes
        for (i, place) in places.enumerated() {
            let element = column + place * width * elements.bytes
            switch elements {
            case prefopt_bfloat16:
                target[i] = Float(bitPattern: UInt32(element.loadUnaligned(as: UInt16.self)) << 16)
            case prefopt_float16: target[i] = Float(element.loadUnaligned(as: Float16.self))
            default: target[i] = element.loadUnaligned(as: Float.self)
            }
        }
    }
}

extension prefopt_elements {
    /// Bytes of an element.
    var bytes: Int {
        switch self {
        case prefopt_float32: 4
        case prefopt_bfloat16, prefopt_float16: 2
        default: 1
        }
    }
}

extension StoredMatrix {
    /// Bytes of the matrix packed for decoding with a pool's kernels; nil where it stays as it is: numbers of eight bits or
    /// fewer.
    package func packedBytes(on pool: ThreadPool) -> Int? {
        floats.map {
            PackedLines.bytes(
                lines: rows, depth: columns, width: Int(pool.kernels.float32.columns), $0.elements)
        }
    }

    /// The same matrix, packed for decoding; every product has the same bits.
    ///
    /// - Parameter memory: zeroed, of `packedBytes`; the matrix is used no longer than it.
    package func packed(into memory: UnsafeMutableRawPointer, on pool: ThreadPool) -> StoredMatrix {
        guard let (base, elements) = floats else { return self }
        let lines = PackedLines(
            base: memory, width: Int(pool.kernels.float32.columns), depth: columns, elements: elements)
        pool.run((rows + lines.width - 1) / lines.width) { (panel: Int) in
            let target = memory + panel * lines.panelBytes
            switch elements {
            case prefopt_float32: pack(panel, of: lines, from: base, into: target, as: UInt32.self)
            default: pack(panel, of: lines, from: base, into: target, as: UInt16.self)
            }
        }
        return StoredMatrix(packed: lines, rows: rows)
    }

    /// Copies a panel's lines, some depths at a time: these stay in the first cache while line after line is put there.
    private func pack<Bits: FixedWidthInteger>(
        _ panel: Int, of lines: PackedLines, from base: UnsafeRawPointer, into target: UnsafeMutableRawPointer,
        as bits: Bits.Type
    ) {
        let size = MemoryLayout<Bits>.size
        let first = panel * lines.width
        let step = size * (isTransposed ? lineLength : 1)
        for depth in stride(from: 0, to: columns, by: 128) {
            let end = min(columns, depth + 128)
            for line in first..<min(rows, first + lines.width) {
                let row = tensorRow(line)
                var source = base + (isTransposed ? size * row : size * row * lineLength) + depth * step
                var place = target + size * (depth * lines.width + line - first)
                for _ in depth..<end {
                    place.storeBytes(of: source.loadUnaligned(as: Bits.self), as: Bits.self)
                    source += step
                    place += size * lines.width
                }
            }
        }
    }

    private var floats: (base: UnsafeRawPointer, elements: prefopt_elements)? {
        switch elements {
        case .float32(let base): (base, prefopt_float32)
        case .bfloat16(let base): (base, prefopt_bfloat16)
        case .float16(let base): (base, prefopt_float16)
        case .int8, .normalFloat, .grouped, .packed: nil
        }
    }
}
