import CCrypto

/// SHA-256 of bytes given piece by piece.
package struct Digest: ~Copyable {
    /// 32 bytes that stand for a content.
    package struct Value: Hashable, Sendable, CustomStringConvertible {
        package static let size = 32
        package let bytes: [UInt8]

        fileprivate init(_ bytes: [UInt8]) { self.bytes = bytes }

        /// A digest's own 32 bytes, as they were stored; `nil` for any other number of them.
        package init?(bytes: some Collection<UInt8>) {
            guard bytes.count == Value.size else { return nil }
            self.bytes = Array(bytes)
        }

        /// Reads 64 hexadecimal digits; `nil` for anything else.
        package init?(hex: String) {
            let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            guard hex.utf8.count == 2 * Value.size, digits.count == 2 * Value.size else { return nil }
            self.bytes = (0..<Value.size).map { UInt8(digits[2 * $0] << 4 | digits[2 * $0 + 1]) }
        }

        /// 64 lower-case hexadecimal digits.
        package var hex: String {
            let digits = Array("0123456789abcdef".utf8)
            return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        }

        package var description: String { hex }
    }

    private let state: OpaquePointer

    package init() {
        // SHA-256 is built into libcrypto; both calls fail only when there is no memory left.
        state = EVP_MD_CTX_new()
        let started = EVP_DigestInit_ex(state, EVP_sha256(), nil)
        precondition(started == 1, "libcrypto has no SHA-256")
    }

    deinit { EVP_MD_CTX_free(state) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        EVP_DigestUpdate(state, start, bytes.count)
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// A text's UTF-8 bytes and their count, so that no two lists of texts give the same digest.
    package mutating func update(field text: String) {
        withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { update($0) }
        update(Array(text.utf8))
    }

    package consuming func finish() -> Value {
        var bytes = [UInt8](repeating: 0, count: Value.size)
        EVP_DigestFinal_ex(state, &bytes, nil)
        return Value(bytes)
    }

    package static func of(_ bytes: UnsafeRawBufferPointer) -> Value {
        var digest = Digest()
        digest.update(bytes)
        return digest.finish()
    }

    package static func of(_ bytes: [UInt8]) -> Value { bytes.withUnsafeBytes { of($0) } }
}
