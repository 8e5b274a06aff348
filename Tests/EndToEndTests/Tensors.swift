import Storage

/// A float32 safetensors file, read in the plainest way: eight bytes of length, a JSON header, the numbers.
struct Tensors {
    private let bytes: [UInt8]
    private let header: JSON
    private let start: Int
    private let prefix: String

    /// - Parameter prefix: of the names to be seen, and taken off them.
    init(_ path: String, under prefix: String = "") throws {
        self.prefix = prefix
        bytes = try FileSystem.read(path)
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        start = 8 + length
        header = try JSON.parse(Array(bytes[8..<start]))
    }

    var names: [String] {
        (header.object?.names ?? []).filter { $0 != "__metadata__" && $0.hasPrefix(prefix) }
            .map { String($0.dropFirst(prefix.count)) }
    }

    subscript(name: String) -> [Float] {
        let entry = header[prefix + name]
        let offsets = (entry?["data_offsets"]?.array ?? []).compactMap(\.integer)
        guard offsets.count == 2, entry?["dtype"] == "F32" else { return [] }
        return bytes[start + offsets[0]..<start + offsets[1]].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// max |a − b| / max |b| of the worst tensor; infinity when names or sizes differ.
    func distance(from other: Tensors) -> Float {
        guard names.sorted() == other.names.sorted() else { return .infinity }
        var worst: Float = 0
        for name in names {
            let (a, b) = (self[name], other[name])
            guard a.count == b.count, !a.isEmpty else { return .infinity }
            let scale = b.map { abs($0) }.max() ?? 0
            let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 0
            guard difference.isFinite else { return .infinity }
            if difference > 1e-9 { worst = max(worst, difference / max(scale, .leastNormalMagnitude)) }
        }
        return worst
    }
}
