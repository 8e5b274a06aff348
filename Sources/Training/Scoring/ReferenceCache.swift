import Kernels
import Preferences
import Storage

/// Logps on disk, so that a model scores a comparison once: for every epoch, β, γ, w, objective, number of ranks and run.
///
/// One file per model and arithmetic, named by the model's digest. An entry's key is the digest of the comparison's token
/// ids and scored spans; its value is one sum of logps for each response. The file ends with a digest of all that stands
/// before it: a file that lost or changed a byte is set aside as a whole and computed anew.
struct ReferenceCache {
    /// The kernels' arithmetic by name and number. To be raised when a change of theirs moves the bits of logps: a run that
    /// mixes both would depend on what was in the cache.
    private static func name(of arithmetic: Arithmetic) -> String {
        switch arithmetic {
        case .float32: "float32-2"
        case .bfloat16: "bfloat16-1"
        }
    }

    private static let magic = Array("prefopt logps 1\n".utf8)

    let path: String
    private var entries: [Digest.Value: [Double]] = [:]
    /// Why an existing file was not used, if one wasn't.
    private(set) var rejected: String?

    /// Opens the cache of a model in a folder; an absent file is an empty cache, and so is a damaged one.
    init(folder: String, model: Digest.Value, arithmetic: Arithmetic) {
        path = FileSystem.join(folder, "\(model.hex.prefix(32))-\(ReferenceCache.name(of: arithmetic)).logps")
        guard FileSystem.exists(path) else { return }
        do {
            entries = try ReferenceCache.parse(FileSystem.read(path))
        } catch {
            rejected = "\(error)"
        }
    }

    /// The key of a comparison: its logps depend on it and on the model alone.
    static func key(of comparison: PreferenceSet.Comparison, in set: PreferenceSet) -> Digest.Value {
        var digest = Digest()
        func update(_ digest: inout Digest, _ words: ArraySlice<Int32>) {
            words.withUnsafeBytes { digest.update($0) }
        }
        update(&digest, [Int32(comparison.prompt.count), Int32(comparison.responses.count)])
        update(&digest, set.tokens[comparison.prompt])
        for response in set.responses[comparison.responses] {
            update(&digest, [Int32(response.tokens.count), Int32(response.spans.head)] + response.spans.gapNumbers[...])
            update(&digest, set.tokens[response.tokens])
        }
        return digest.finish()
    }

    /// Logps of a comparison's responses, if they are known.
    func logps(of key: Digest.Value, responses: Int) -> [Double]? {
        guard let values = entries[key], values.count == responses else { return nil }
        return values
    }

    mutating func insert(_ logps: [Double], for key: Digest.Value) { entries[key] = logps }

    /// Makes the cache's folder, where there is none.
    /// - Throws: `TrainingError.input` that names the key, also where no files can be made in it.
    static func prepare(_ folder: String) throws {
        do throws(StorageError) {
            try AtomicFile.makeFolder(folder)
        } catch {
            throw TrainingError.input("reference_cache: \(error)")
        }
    }

    /// Writes the cache, with what another run may have added meanwhile.
    /// - Throws: `StorageError`.
    func save() throws {
        try FileSystem.makeDirectories(FileSystem.parent(of: path))
        var all = entries
        if FileSystem.exists(path), let others = try? ReferenceCache.parse(FileSystem.read(path)) {
            all.merge(others) { ours, _ in ours }
        }
        var bytes = ReferenceCache.magic
        for (key, logps) in all.sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            bytes += key.bytes
            bytes.append(word: UInt64(logps.count))
            for value in logps { bytes.append(word: value.bitPattern) }
        }
        bytes += Digest.of(bytes).bytes
        try AtomicFile.write(bytes, to: path)
    }

    private struct Damage: Error, CustomStringConvertible { let description: String }

    private static func parse(_ bytes: [UInt8]) throws -> [Digest.Value: [Double]] {
        let size = Digest.Value.size
        let end = bytes.count - size
        guard end >= magic.count, bytes.starts(with: magic) else { throw Damage(description: "not a file of logps") }
        guard Digest.of(Array(bytes[..<end])).bytes == Array(bytes[end...]) else {
            throw Damage(description: "its checksum doesn't match its content")
        }
        var entries: [Digest.Value: [Double]] = [:]
        var place = magic.count
        while place < end {
            guard place + size + 8 <= end else { throw Damage(description: "an entry is cut short") }
            let key = Digest.Value(bytes: bytes[place..<place + size])
            let count = bytes.word(at: place + size)
            place += size + 8
            guard let key, count <= UInt64(end - place) / 8 else { throw Damage(description: "an entry is cut short") }
            entries[key] = (0..<Int(count)).map { Double(bitPattern: bytes.word(at: place + 8 * $0)) }
            place += 8 * Int(count)
        }
        return entries
    }
}

extension [UInt8] {
    fileprivate mutating func append(word: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) { append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }

    fileprivate func word(at place: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(self[place + $1]) << UInt64(8 * $1) }
    }
}
