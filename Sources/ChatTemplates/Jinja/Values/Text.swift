import Glibc

/// A Python string: Unicode scalars, kept as UTF-8 so that joining, comparing and searching are byte work. Positions are
/// counted in scalars, as Python counts them; Swift's own `String` counts and compares grapheme clusters.
struct JinjaText: Sendable, Hashable, Comparable, ExpressibleByStringLiteral {
    /// Valid UTF-8.
    private(set) var bytes: [UInt8]
    /// Whether a filter declared the text HTML (`safe`, `escape`): adding another text to it escapes that one.
    var isMarkup = false

    init(bytes: [UInt8] = []) { self.bytes = bytes }
    init(_ string: String) { bytes = Array(string.utf8) }
    init(_ part: ArraySlice<UInt8>) { bytes = Array(part) }
    init(stringLiteral value: String) { self.init(value) }

    init(scalars: some Sequence<Unicode.Scalar>) {
        bytes = []
        for scalar in scalars { append(scalar) }
    }

    var string: String { String(decoding: bytes, as: UTF8.self) }
    var isEmpty: Bool { bytes.isEmpty }
    var isASCII: Bool { bytes.allSatisfy { $0 < 0x80 } }

    /// Python's `len`.
    var count: Int { bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }

    var scalars: [Unicode.Scalar] {
        isASCII ? bytes.map { Unicode.Scalar($0) } : Array(string.unicodeScalars)
    }

    mutating func append(_ text: JinjaText) { bytes += text.bytes }
    mutating func append(_ part: some Sequence<UInt8>) { bytes += part }
    mutating func append(byte: UInt8) { bytes.append(byte) }
    mutating func append(_ string: String) { bytes += string.utf8 }

    mutating func append(_ scalar: Unicode.Scalar) {
        if scalar.isASCII { bytes.append(UInt8(scalar.value)) } else { bytes += UTF8.encode(scalar)! }
    }

    static func == (a: JinjaText, b: JinjaText) -> Bool { a.bytes == b.bytes }
    /// UTF-8 sorts as its scalars do.
    static func < (a: JinjaText, b: JinjaText) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
    func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

// MARK: - Searching

extension JinjaText {
    /// Byte offset of the first occurrence at or after a byte offset. Linear in the text whatever the needle, by Knuth,
    /// Morris and Pratt's table of how much of a failed match still counts: a hostile needle costs no more than another.
    func offset(of needle: JinjaText, from start: Int = 0) -> Int? {
        let needle = needle.bytes
        guard needle.count <= bytes.count - start else { return nil }
        guard let first = needle.first else { return start }
        var kept = [Int](repeating: 0, count: needle.count)
        var matched = 0
        for place in 1..<max(1, needle.count) {
            while matched > 0, needle[place] != needle[matched] { matched = kept[matched - 1] }
            if needle[place] == needle[matched] { matched += 1 }
            kept[place] = matched
        }
        return bytes.withUnsafeBytes { text in
            var place = start
            var matched = 0
            while place < text.count {
                if matched == 0 {
                    guard let found = memchr(text.baseAddress! + place, Int32(first), text.count - place) else {
                        return nil
                    }
                    place = UnsafeRawPointer(found) - text.baseAddress!
                }
                while matched > 0, text[place] != needle[matched] { matched = kept[matched - 1] }
                if text[place] == needle[matched] { matched += 1 }
                place += 1
                if matched == needle.count { return place - matched }
            }
            return nil
        }
    }

    /// Byte offset of the last occurrence.
    func lastOffset(of needle: JinjaText) -> Int? {
        let reversed = JinjaText(bytes: bytes.reversed()).offset(of: JinjaText(bytes: needle.bytes.reversed()))
        return reversed.map { bytes.count - needle.bytes.count - $0 }
    }

    func contains(_ needle: JinjaText) -> Bool { offset(of: needle) != nil }

    /// Scalars before a byte offset.
    func position(ofByte offset: Int) -> Int { JinjaText(bytes[..<offset]).count }

    /// Byte offset of the scalar at a position between 0 and `count`.
    func byte(ofPosition position: Int) -> Int {
        if isASCII { return position }
        var left = position
        for (offset, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
            if left == 0 { return offset }
            left -= 1
        }
        return bytes.count
    }
}

// MARK: - White space

extension JinjaText {
    /// The text without scalars of one kind at its ends.
    func trimmed(left: Bool = true, right: Bool = true, _ isIn: (Unicode.Scalar) -> Bool) -> JinjaText {
        var (start, end) = (0, bytes.count)
        if left {
            while start < end, case let next = self.next(after: start), isIn(scalar(start..<next)) { start = next }
        }
        if right {
            while end > start, case let last = previous(before: end), isIn(scalar(last..<end)) { end = last }
        }
        return end - start == bytes.count ? self : JinjaText(bytes[start..<end])
    }
}

extension JinjaText {
    private func next(after offset: Int) -> Int {
        var next = offset + 1
        while next < bytes.count, bytes[next] & 0xC0 == 0x80 { next += 1 }
        return next
    }

    private func previous(before offset: Int) -> Int {
        var previous = offset - 1
        while previous > 0, bytes[previous] & 0xC0 == 0x80 { previous -= 1 }
        return previous
    }

    private func scalar(_ range: Range<Int>) -> Unicode.Scalar {
        if range.count == 1 { return Unicode.Scalar(bytes[range.lowerBound]) }
        return String(decoding: bytes[range], as: UTF8.self).unicodeScalars.first ?? " "
    }
}

extension Unicode.Scalar {
    /// Python's `str.isspace`, which is also `\s` of its regular expressions.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Where Python's `str.splitlines` ends a line.
    var isPythonLineBreak: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
