/// Reading scalars from bytes that are known to be UTF-8.
extension UnsafeBufferPointer<UInt8> {
    /// The scalar that starts at a byte, and its width in bytes.
    @inline(__always)
    func scalar(at place: Int) -> (value: UInt32, width: Int) {
        let first = UInt32(self[place])
        if first < 0x80 { return (first, 1) }
        let second = UInt32(self[place + 1] & 0x3F)
        if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
        let third = UInt32(self[place + 2] & 0x3F)
        if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
        return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(self[place + 3] & 0x3F), 4)
    }

    /// Where the scalar that holds a byte starts.
    @inline(__always)
    func scalarStart(at place: Int) -> Int {
        var start = place
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// The first scalar boundary at or after a place.
    @inline(__always)
    func scalarEnd(at place: Int) -> Int {
        var end = place
        while end < count, self[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }
}

extension Unicode.Scalar {
    /// A scalar read from text that is known to be valid.
    init(known value: UInt32) { self = Unicode.Scalar(value) ?? "\u{FFFD}" }
}

extension String {
    /// `withUTF8` for a body whose errors have a type.
    mutating func withBytes<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUTF8 { bytes in
            Swift.Result { () throws(Failure) in try body(bytes) }
        }.get()
    }
}
