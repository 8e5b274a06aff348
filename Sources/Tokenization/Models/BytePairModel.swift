import Storage

/// The vocabulary and merges of a byte-pair encoding.
///
/// A byte-level model's tokens are kept as the bytes that they stand for, so that its symbols are the bytes of the
/// text; any other model's symbols are scalars, those outside the vocabulary falling back to bytes or to `unknown`.
struct BytePairModel: Sendable {
    /// Every token as it is written in the file.
    let written: TokenTable
    /// Every token that a text can hold, as bytes of that text.
    let words: TokenTable
    /// From a pair of ids (left one in the upper half) to rank (upper half) and merged id.
    let merges: FlatTable
    /// Whether merging a token's own symbols gives that token, so that a piece of that text needs no merging.
    var isWhole: [Bool] = []

    let isByteLevel: Bool
    /// Ids of single bytes; −1 where there is none.
    let byteIDs: [Int32]
    /// Ids of the tokens `<0x00>` to `<0xFF>`; empty without byte fallback.
    let fallbackIDs: [Int32]
    let unknown: Int32?
    let fusesUnknown: Bool
    let ignoresMerges: Bool
    /// Whether a text may be cut before every "▁" that doesn't follow another one, since no merge crosses that place.
    let cutsBeforeMetaspace: Bool

    static let metaspace: [UInt8] = [0xE2, 0x96, 0x81]

    init(_ field: FileField, byteLevel: Bool) throws(TokenizerError) {
        if let dropout = field["dropout"].value.double, dropout != 0 {
            throw field["dropout"].unsupported("dropout \(dropout)", supported: "null and 0")
        }
        for name in ["continuing_subword_prefix", "end_of_word_suffix"] where !field[name].isNull {
            let affix = try field[name].string()
            guard affix.isEmpty else { throw field[name].unsupported("\"\(affix)\"", supported: "null and \"\"") }
        }
        isByteLevel = byteLevel
        ignoresMerges = try field["ignore_merges"].bool(default: false)
        fusesUnknown = try field["fuse_unk"].bool(default: false)

        let written = try TokenTable(vocabulary: field["vocab"])
        self.written = written
        var words = TokenTable(capacity: written.bytes.count)
        if byteLevel {
            for id in 0..<Int32(written.bytes.count) where written.bytes.contains(id) {
                if let bytes = ByteAlphabet.bytes(of: written.bytes[id]) { words.insert(bytes, id: id) }
            }
        } else {
            words = written
        }
        self.words = words
        byteIDs = byteLevel ? (0...255).map { words.id(of: [UInt8($0)]) } : []

        unknown = field["unk_token"].isNull ? nil : try written.knownToken(field["unk_token"])
        fallbackIDs = try field["byte_fallback"].bool(default: false) && !byteLevel ? written.fallbackIDs : []

        (merges, cutsBeforeMetaspace) = try BytePairModel.merges(field["merges"], written, byteLevel: byteLevel)
        isWhole = wholeTokens()
    }

    // MARK: - Reading

    /// Merges in order of rank, each `"left right"` or `["left", "right"]`. A pair that appears twice has its later
    /// rank, as in the library.
    private static func merges(
        _ field: FileField, _ written: TokenTable, byteLevel: Bool
    ) throws(TokenizerError) -> (FlatTable, cutsBeforeMetaspace: Bool) {
        guard let list = field.value.array else {
            _ = try field.list()
            return (FlatTable(capacity: 0), false)
        }
        var table = FlatTable(capacity: list.count)
        var cuts = !byteLevel && written.id(of: metaspace) >= 0
        var rank: UInt64 = 0
        for (index, value) in list.enumerated() {
            if case .string(let text) = value, text.utf8.starts(with: "#version".utf8) { continue }
            func place() -> FileField { FileField(file: field.file, key: "\(field.key)[\(index)]", value: value) }
            let parts: [[UInt8]]
            switch value {
            case .string(let text):
                parts = text.utf8.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
            case .array(let pair): parts = pair.compactMap(\.string).map { Array($0.utf8) }
            default: throw .wrongKind(file: field.file, key: place().key, expected: "a pair", found: value.kind)
            }
            guard parts.count == 2 else { throw place().inconsistent("must name two tokens") }
            let merged = parts[0] + parts[1]
            var ids: [Int32] = []
            for token in [parts[0], parts[1], merged] {
                let id = written.id(of: token)
                guard id >= 0 else {
                    let name = String(decoding: token, as: UTF8.self)
                    throw place().inconsistent("needs the token \"\(name)\", which is not in the vocabulary")
                }
                ids.append(id)
            }
            table.set(FlatTable.pair(ids[0], ids[1]), rank << 32 | UInt64(ids[2]))
            rank += 1
            if cuts, merged.hasMetaspaceInside { cuts = false }
        }
        return (table, cuts)
    }

    private func wholeTokens() -> [Bool] {
        var isWhole = [Bool](repeating: false, count: words.bytes.count)
        let merging = BytePairMerging(self)
        for id in 0..<Int32(isWhole.count) where words.bytes.contains(id) && !words.bytes[id].isEmpty {
            isWhole[Int(id)] = words.bytes[id].withUnsafeBufferPointer { merging.isWhole(id, $0) }
        }
        return isWhole
    }
}

extension [UInt8] {
    /// Whether "▁" follows anything but "▁".
    fileprivate var hasMetaspaceInside: Bool {
        let mark = BytePairModel.metaspace
        var place = 1
        while place + 3 <= count {
            if self[place] == mark[0], self[place + 1] == mark[1], self[place + 2] == mark[2],
                place < 3 || Array(self[place - 3..<place]) != mark
            {
                return true
            }
            place += 1
        }
        return false
    }
}
