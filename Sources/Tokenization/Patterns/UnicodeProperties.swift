/// The classes of characters that patterns name, as the `tokenizers` library has them: Unicode 16.
///
/// libonig has the Unicode of its own version, and to Unicode 14 some ten thousand letters, digits and signs of the last
/// years are unassigned. So a name whose members changed is replaced by their ranges. Names whose members are neither
/// known here nor the same in both versions are refused.
enum UnicodeProperties {
    /// Names whose members are the same in Unicode 14 and 16.
    private static let unchanged: Set = [
        "any", "ascii", "z", "zs", "zl", "zp", "cc", "co", "separator", "space", "whitespace", "xdigit", "cntrl",
        "blank",
        "extendedpictographic", "armenian", "bengali", "bopomofo", "braille", "cherokee", "ethiopic", "georgian",
        "greek",
        "gujarati", "gurmukhi", "hangul", "hebrew", "javanese", "khmer", "malayalam", "mongolian", "oriya", "sinhala",
        "syriac", "tamil", "telugu", "thaana", "thai", "tibetan",
    ]

    // MARK: - Patterns

    /// A pattern in which ranges stand for the classes that depend on the version of Unicode.
    /// - Throws: `Refusal` for a class whose members aren't known.
    static func spelledOut(in pattern: String) throws(RegularExpression.Refusal) -> String {
        var rest = Substring(pattern).unicodeScalars
        var result = ""
        var depth = 0
        // Ignoring case adds members to a bracket, and none to a class that stands alone.
        let ignoresCase = pattern.firstMatch(of: /\(\?[a-z]*i/) != nil
        func taken(_ text: String) -> Bool {
            guard rest.starts(with: text.unicodeScalars) else { return false }
            rest.removeFirst(text.unicodeScalars.count)
            return true
        }
        while let next = rest.popFirst() {
            switch next {
            case "\\":
                guard let letter = rest.popFirst() else { throw .init(reason: "ends with \\") }
                result += try escape(
                    letter, &rest,
                    depth > 0 ? .bracket : ignoresCase ? .alone(keepsCase: true) : .alone(keepsCase: false))
            case "[" where depth > 0 && rest.first == ":":
                result += try posixClass(&rest)
            case "[":
                depth += 1
                result += taken("^") ? "[^" : "["
                // A bracket that comes first is a member.
                if taken("]") { result += "]" }
            case "]":
                depth = max(0, depth - 1)
                result += "]"
            case "(" where depth == 0 && rest.first == "?":
                let options = rest.dropFirst().prefix { $0.properties.isAlphabetic || $0 == "-" }
                if let option = options.first(where: { "WDSPy".unicodeScalars.contains($0) }) {
                    throw .init(reason: "has the option \(option), which isn't supported; supported are i, m and x")
                }
                result += "("
            default: result.unicodeScalars.append(next)
            }
        }
        return result
    }

    /// The place of a class.
    private enum Place: Equatable {
        case bracket
        case alone(keepsCase: Bool)
    }

    private static func escape(
        _ letter: Unicode.Scalar, _ rest: inout Substring.UnicodeScalarView, _ place: Place
    ) throws(RegularExpression.Refusal) -> String {
        switch letter {
        case "d": return try property("Nd", isNegated: false, place)
        case "D": return try property("Nd", isNegated: true, place)
        case "w": return try property("Word", isNegated: false, place)
        case "W": return try property("Word", isNegated: true, place)
        case "b" where place != .bracket, "B" where place != .bracket:
            let word = try property("Word", isNegated: false, place)
            return letter == "b"
                ? "(?:(?<=\(word))(?!\(word))|(?<!\(word))(?=\(word))"
                    + ")" : "(?:(?<=\(word))(?=\(word))|(?<!\(word))(?!\(word)))"
        case "X", "y", "Y":
            throw .init(reason: "has \\\(letter), which isn't supported: it depends on the version of Unicode")
        case "p", "P":
            guard rest.first == "{", let close = rest.firstIndex(of: "}") else {
                throw .init(reason: "has \\\(letter) without a name in braces")
            }
            var name = String(rest[rest.index(after: rest.startIndex)..<close])
            rest = rest[rest.index(after: close)...]
            let isInverted = name.hasPrefix("^")
            if isInverted { name.removeFirst() }
            return try property(name, isNegated: isInverted != (letter == "P"), place)
        default: return "\\" + String(Character(letter))
        }
    }

    /// `[:name:]` inside a bracket expression, behind its "[".
    private static func posixClass(
        _ rest: inout Substring.UnicodeScalarView
    ) throws(RegularExpression.Refusal) -> String {
        rest.removeFirst()
        guard let end = rest.firstIndex(of: ":"), rest[end...].starts(with: ":]".unicodeScalars) else { return "[:" }
        let name = String(rest[..<end])
        rest = rest[rest.index(end, offsetBy: 2)...]
        let names = ["digit": "Nd", "space": "White_Space", "word": "Word", "punct": "punctuation or symbol"]
        guard let property = names[name.hasPrefix("^") ? String(name.dropFirst()) : name] else {
            throw .init(
                reason:
                    "has [:\(name):], which isn't supported; supported are \(names.keys.sorted().joined(separator: ", "))"
            )
        }
        return try self.property(property, isNegated: name.hasPrefix("^"), .bracket)
    }

    // MARK: - Properties

    private static func property(
        _ name: String, isNegated: Bool, _ place: Place
    ) throws(RegularExpression.Refusal) -> String {
        let plain = String(name.lowercased().filter { !" -_".contains($0) })
        if unchanged.contains(plain) { return "\\\(isNegated ? "P" : "p"){\(name)}" }
        let members: [ClosedRange<UInt32>]
        if let classes = ScalarClass(property: plain) {
            // To libonig the superscripts and fractions of Latin-1 are word characters, except inside a bracket.
            let leavesOut = plain == "word" && place == .bracket
            members = ScalarClassTable.unicode.ranges { value, own in
                own.isAny(of: classes) && !(leavesOut && value < 0x100 && own.isAny(of: .otherNumber))
            }
        } else if let script = scripts[plain] {
            members = script
        } else {
            throw .init(
                reason: "has \\p{\(name)}, which isn't supported; supported are general categories, Word, Punct, "
                    + "\((scripts.keys + unchanged.filter { $0.count > 2 }).sorted().joined(separator: ", "))")
        }
        let ranges = members.map { "\\x{\(String($0.lowerBound, radix: 16))}-\\x{\(String($0.upperBound, radix: 16))}" }
        let set = "[\(isNegated ? "^" : "")\(ranges.joined())]"
        return place == .alone(keepsCase: true) ? "(?-i:\(set))" : set
    }
}
