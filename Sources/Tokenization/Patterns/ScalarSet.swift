/// A set of scalars as a bracket expression describes it: ranges, classes and other sets, or all but those.
struct ScalarSet: Sendable, Equatable {
    private var ranges: [ClosedRange<UInt32>] = []
    private var classes: ScalarClass = []
    private var members: [ScalarSet] = []
    /// Sets that a scalar must be in as well (`&&`).
    private var conditions: [ScalarSet] = []
    private var isNegated = false
    /// For ASCII, whether each scalar is in the set.
    private var ascii: (low: UInt64, high: UInt64) = (0, 0)

    init(_ scalar: Unicode.Scalar) { self.init([scalar.value...scalar.value]) }

    init(_ ranges: [ClosedRange<UInt32>]) {
        self.ranges = ranges
        tabulate()
    }

    init(_ classes: ScalarClass) {
        self.classes = classes
        tabulate()
    }

    /// A scalar that is in one of the members and meets all conditions.
    init(anyOf members: [ScalarSet], conditions: [ScalarSet] = []) {
        // Most brackets hold single scalars and ranges only.
        if members.allSatisfy(\.isPlain) { ranges = members.flatMap(\.ranges) } else { self.members = members }
        self.conditions = conditions
        tabulate()
    }

    /// Whether ranges say all about the set.
    private var isPlain: Bool { classes.isEmpty && members.isEmpty && conditions.isEmpty && !isNegated }

    var inverted: ScalarSet {
        var result = self
        result.isNegated.toggle()
        result.ascii = (~ascii.low, ~ascii.high)
        return result
    }

    @inline(__always)
    func contains(_ value: UInt32) -> Bool {
        if value < 64 { return ascii.low >> UInt64(value) & 1 == 1 }
        if value < 128 { return ascii.high >> UInt64(value - 64) & 1 == 1 }
        return search(value)
    }

    private func search(_ value: UInt32) -> Bool {
        let inside =
            !ScalarClassTable.unicode[value].isDisjoint(with: classes) || ranges.contains { $0.contains(value) }
            || members.contains { $0.contains(value) }
        return (inside && conditions.allSatisfy { $0.contains(value) }) != isNegated
    }

    private mutating func tabulate() {
        for value in UInt32(0)..<64 {
            if search(value) { ascii.low |= 1 << UInt64(value) }
            if search(value + 64) { ascii.high |= 1 << UInt64(value) }
        }
    }

    /// The scalar of a set that is written as exactly one.
    var onlyScalar: Unicode.Scalar? {
        guard isPlain, ranges.count == 1, ranges[0].count == 1 else { return nil }
        return Unicode.Scalar(ranges[0].lowerBound)
    }

    /// The same set without regard to case, for `(?i)`; nil where that takes more than ASCII.
    var ignoringCase: ScalarSet? {
        var added: [ClosedRange<UInt32>] = []
        for letter in UInt32(0x61)...0x7A where contains(letter) != contains(letter - 0x20) {
            added += [letter...letter, letter - 0x20...letter - 0x20]
        }
        // The long s and the Kelvin sign are letters of the English alphabet to Unicode's case folding.
        if contains(0x73) || contains(0x53) { added.append(0x17F...0x17F) }
        if contains(0x6B) || contains(0x4B) { added.append(0x212A...0x212A) }
        guard isPlain, ranges.allSatisfy({ $0.upperBound < 0x80 }) else {
            // Classes and negated sets are left as they are if that is right for ASCII.
            return added.isEmpty || !added.contains { $0.upperBound < 0x80 } ? self : nil
        }
        return added.isEmpty ? self : ScalarSet(ranges + added)
    }

    static func == (a: ScalarSet, b: ScalarSet) -> Bool {
        a.ranges == b.ranges && a.classes == b.classes && a.members == b.members && a.conditions == b.conditions
            && a.isNegated == b.isNegated
    }
}

extension ScalarSet {
    static let space = ScalarSet(.space)
    static let word = ScalarSet(.word)
    static let digit = ScalarSet(.digit)
    static let hexadecimal = ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
    static let newline = ScalarSet([0x0A...0x0A])

    /// The scalars of the Han script, which no property of Swift's tells.
    static let han = ScalarSet([
        0x2E80...0x2E99, 0x2E9B...0x2EF3, 0x2F00...0x2FD5, 0x3005...0x3005, 0x3007...0x3007, 0x3021...0x3029,
        0x3038...0x303B, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFA6D, 0xFA70...0xFAD9, 0x16FE2...0x16FE3,
        0x16FF0...0x16FF1, 0x20000...0x2A6DF, 0x2A700...0x2B739, 0x2B740...0x2B81D, 0x2B820...0x2CEA1,
        0x2CEB0...0x2EBE0,
        0x2EBF0...0x2EE5D, 0x2F800...0x2FA1D, 0x30000...0x3134A, 0x31350...0x323AF,
    ])

    /// `\p{name}`; nil for a name that isn't known.
    init?(property name: some StringProtocol) {
        let lower = name.lowercased()
        switch lower {
        case "han", "script=han", "sc=han": self = .han
        case "letter": self.init(.letter)
        case "mark": self.init(.mark)
        case "number": self.init(.number)
        case "punctuation", "punct": self.init(.punctuation)
        case "space", "white_space": self = .space
        case "word": self = .word
        default:
            guard let first = lower.first, lower.utf8.count <= 2,
                let classes = ScalarClass(category: first.uppercased() + lower.dropFirst())
            else { return nil }
            self.init(classes)
        }
    }
}
