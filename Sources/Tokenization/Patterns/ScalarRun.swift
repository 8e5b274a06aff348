/// Runs of one set of scalars, greedy and at most so long: what most patterns are that aren't word patterns
/// (`\p{N}{1,3}`, `[一-龥]+`, ` {2,}`). Found by looking each scalar up in a table, some ten times faster than by a search.
package struct ScalarRun: Sendable {
    private let members: ScalarTable
    private let atLeast: Int
    private let atMost: Int

    /// - Returns: nil if the pattern isn't of that shape.
    /// - Throws: `Refusal` if libonig doesn't take its set.
    package init?(pattern: String) throws(RegularExpression.Refusal) {
        guard let (set, bounds) = Self.parts(of: pattern) else { return nil }
        members = try ScalarTable(set: set)
        (atLeast, atMost) = bounds
    }

    /// Leftmost runs inside a range.
    package func matches(in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var place = range.lowerBound
        while place < range.upperBound {
            let start = place
            var count = 0
            while place < range.upperBound, count < atMost {
                let (value, width) = text.scalar(at: place)
                guard members.contains(value) else {
                    if count == 0 { place += width }
                    break
                }
                place += width
                count += 1
            }
            if count >= atLeast { found.append(start..<place) }
        }
        return found
    }

    // MARK: - Shape

    /// The set of a pattern as libonig reads it, and how many of its scalars are a run.
    private static func parts(of pattern: String) -> (set: String, bounds: (Int, Int))? {
        var rest = Substring(pattern).unicodeScalars
        guard let first = rest.popFirst() else { return nil }
        switch first {
        case "[": guard skipBracket(&rest) else { return nil }
        case "\\":
            guard let letter = rest.popFirst(), "sSdDwWhHpP".unicodeScalars.contains(letter) else { return nil }
            if letter == "p" || letter == "P" {
                guard rest.first == "{", let close = rest.firstIndex(of: "}") else { return nil }
                rest = rest[rest.index(after: close)...]
            }
        case ".", "^", "$", "|", "?", "*", "+", "(", ")", "]", "{", "}": return nil
        default: break
        }
        let set = String(pattern.unicodeScalars[..<rest.startIndex])
        switch String(rest) {
        case "": return (set, (1, 1))
        case "+": return (set, (1, .max))
        case let text:
            guard text.first == "{", text.last == "}" else { return nil }
            let ends = text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), let low = Int(ends[0]), low > 0,
                let high = ends.last == "" ? .max : Int(ends[ends.count - 1]), low <= high
            else { return nil }
            return (set, (low, high))
        }
    }

    /// Passes over a bracket expression behind its "["; false for one whose end isn't plain to see.
    private static func skipBracket(_ rest: inout Substring.UnicodeScalarView) -> Bool {
        if rest.first == "^" { rest.removeFirst() }
        guard rest.first != "]" else { return false }
        while let next = rest.popFirst() {
            switch next {
            case "]": return true
            case "[": return false
            case "\\": if rest.popFirst() == nil { return false }
            default: break
            }
        }
        return false
    }
}

/// A bit for every scalar: whether it is in a set.
struct ScalarTable: Sendable {
    private let words: [UInt64]

    /// Asks libonig, which reads the set, for its members.
    init(set: String) throws(RegularExpression.Refusal) {
        let expression = try RegularExpression("(?:\(set))++")
        var text: [UInt8] = []
        text.reserveCapacity(0x440000)
        for value in UInt32(0)..<0x110000 {
            if let scalar = Unicode.Scalar(value) { text += UTF8.encode(scalar)! }
        }
        var words = [UInt64](repeating: 0, count: 0x110000 / 64)
        let failure: RegularExpression.Fault? = text.withUnsafeBufferPointer { bytes in
            var allowance = RegularExpression.Allowance(bytes: bytes.count)
            do throws(RegularExpression.Fault) {
                for match in try expression.matches(in: bytes, [bytes.indices], &allowance)[0] {
                    var place = match.lowerBound
                    while place < match.upperBound {
                        let (value, width) = bytes.scalar(at: place)
                        words[Int(value) / 64] |= 1 << UInt64(value % 64)
                        place += width
                    }
                }
                return nil
            } catch { return error }
        }
        if let failure { throw .init(reason: failure.reason) }
        self.words = words
    }

    @inline(__always)
    func contains(_ value: UInt32) -> Bool { words[Int(value >> 6)] >> UInt64(value & 63) & 1 == 1 }
}
