/// SentencePiece's precompiled normaliser: a map from short texts to texts, as a trie in a double array followed by the
/// texts themselves, each ended by a zero byte.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let texts: [UInt8]

    /// Reads the Base64 text of `precompiled_charsmap`: the trie's size in bytes, the trie, the texts.
    init(_ field: FileField) throws(TokenizerError) {
        guard let bytes = CharacterMap.base64(try field.string().utf8), bytes.count >= 4 else {
            throw field.inconsistent("is not Base64 of a character map")
        }
        func word(_ place: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
        }
        let size = Int(word(0))
        guard size % 4 == 0, size > 0, 4 + size <= bytes.count else {
            throw field.inconsistent("holds \(bytes.count) bytes; its trie alone claims \(size)")
        }
        units = stride(from: 4, to: 4 + size, by: 4).map(word)
        texts = Array(bytes[(4 + size)...])
    }

    private static func base64(_ text: some Collection<UInt8>) -> [UInt8]? {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var values = [UInt32?](repeating: nil, count: 256)
        for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt32(value) }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for letter in text where letter != UInt8(ascii: "=") {
            guard let value = values[Int(letter)] else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }

    /// The value of the shortest key in the map that a text begins with. Nil if there is none.
    private func value(of key: some Sequence<UInt8>) -> ArraySlice<UInt8>? {
        func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & (1 << 9)) >> 6)) }
        var node = offset(units[0])
        for byte in key {
            guard byte != 0 else { return nil }
            node ^= Int(byte)
            guard node < units.count else { return nil }
            let unit = units[node]
            guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { return nil }
            node ^= offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard node < units.count else { return nil }
            let start = min(Int(units[node] & (1 << 31 - 1)), texts.count)
            return texts[start...].prefix { $0 != 0 }
        }
        return nil
    }

    /// Replaces whole characters where the map has them, else single scalars. As in the library, a character counts as
    /// found if the map has what it begins with, and what a scalar less or more does to the offsets shows behind it.
    func apply(to text: inout AlignedText) {
        var result: [(value: UInt32, change: Int)] = []
        var isChanged = false
        func append(_ value: ArraySlice<UInt8>, insteadOf count: Int) {
            isChanged = true
            let scalars = String(decoding: value, as: UTF8.self).unicodeScalars
            for (index, scalar) in scalars.enumerated() { result.append((scalar.value, index < count ? 0 : 1)) }
            if scalars.count < count, !result.isEmpty { result[result.count - 1].change += scalars.count - count }
        }
        for character in String(decoding: text.bytes, as: UTF8.self) {
            if character.utf8.count < 6, let value = value(of: character.utf8) {
                append(value, insteadOf: character.unicodeScalars.count)
                continue
            }
            for scalar in character.unicodeScalars {
                if let value = value(of: UTF8.encode(scalar)!) {
                    append(value, insteadOf: 1)
                } else {
                    result.append((scalar.value, 0))
                }
            }
        }
        if isChanged { text = AlignedText(result, madeOf: text.scalarOrigins) }
    }
}
