/// GPT-2's alphabet: byte-level tokenizers write every byte as one visible character, in their vocabulary and merges.
enum ByteAlphabet {
    /// The byte that a scalar stands for, or nil.
    static func byte(of scalar: Unicode.Scalar) -> UInt8? {
        switch scalar.value {
        case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: UInt8(scalar.value)
        // The 68 other bytes, in ascending order, are written as U+0100 and up.
        case 0x100...0x120: UInt8(scalar.value - 0x100)
        case 0x121...0x142: UInt8(scalar.value - 0x121 + 0x7F)
        case 0x143: 0xAD
        default: nil
        }
    }

    /// The bytes that a text stands for; nil if it holds a scalar outside the alphabet.
    static func bytes(of text: some Collection<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            guard let byte = byte(of: scalar) else { return nil }
            result.append(byte)
        }
        return result
    }
}
