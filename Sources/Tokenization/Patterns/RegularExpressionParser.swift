/// Reads a regular expression as Oniguruma's Ruby syntax has it, refusing what isn't implemented.
struct RegularExpressionParser {
    /// What a pattern consists of.
    indirect enum Node {
        case scalar(ScalarSet)
        case sequence([Node])
        case choice([Node])
        case repeated(Node, atLeast: Int, atMost: Int, RegularExpression.Greed)
        case look(Node, isNegated: Bool)
        case atomic(Node)
        case behind(ScalarSet, isNegated: Bool)
        case anchor(RegularExpression.Anchor)

        /// Whether it can match without taking a scalar.
        var mayBeEmpty: Bool {
            switch self {
            case .scalar: false
            case .sequence(let parts): parts.allSatisfy(\.mayBeEmpty)
            case .choice(let parts): parts.contains(where: \.mayBeEmpty)
            case .repeated(let part, let atLeast, _, _): atLeast == 0 || part.mayBeEmpty
            case .atomic(let part): part.mayBeEmpty
            case .look, .behind, .anchor: true
            }
        }
    }

    /// What stands in the way of a pattern: for the message that refuses it.
    struct Unsupported: Error {
        let part: String
    }

    private var rest: Substring.UnicodeScalarView
    private var ignoresCase = false
    private var depth = 0

    private static let deepest = 100
    private static let mostSteps = 20_000

    /// - Throws: `Unsupported`, also for a pattern that matches an empty text: nothing could be split there.
    static func parse(_ text: String) throws(Unsupported) -> RegularExpression {
        var parser = RegularExpressionParser(rest: Substring(text).unicodeScalars)
        let node = try parser.choice()
        if let next = parser.rest.first { throw Unsupported(part: "\(next) without a beginning") }
        if node.mayBeEmpty { throw Unsupported(part: "an empty match") }
        var steps: [RegularExpression.Step] = []
        try append(node, to: &steps)
        steps.append(.accept)
        return RegularExpression(steps: steps)
    }

    // MARK: - Reading

    private mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.unicodeScalars) else { return false }
        rest.removeFirst(text.unicodeScalars.count)
        return true
    }

    private mutating func choice() throws(Unsupported) -> Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw Unsupported(part: "groups nested so deeply") }
        var parts = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private mutating func sequence() throws(Unsupported) -> Node {
        var parts: [Node] = []
        while let next = rest.first, next != "|", next != ")" {
            // `(?i)` holds up to the end of the group, alternatives included.
            if take("(?i)") {
                let before = ignoresCase
                ignoresCase = true
                parts.append(try choice())
                ignoresCase = before
                continue
            }
            parts.append(try quantified(try element()))
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func element() throws(Unsupported) -> Node {
        guard let next = rest.popFirst() else { throw Unsupported(part: "an end in the middle") }
        switch next {
        case "(": return try group()
        case "[": return .scalar(try folded(try bracket()))
        case ".": return .scalar(ScalarSet.newline.inverted)
        case "^": return .anchor(.lineStart)
        case "$": return .anchor(.lineEnd)
        case "*", "+", "?": throw Unsupported(part: "\(next) after nothing")
        case "\\":
            if let anchor = anchor() { return .anchor(anchor) }
            return .scalar(try folded(try escape()))
        default:
            let isCased = !next.isASCII && (next.properties.lowercaseMapping != next.properties.uppercaseMapping)
            if ignoresCase, isCased { throw Unsupported(part: "(?i) of \(next)") }
            return .scalar(try folded(ScalarSet(next)))
        }
    }

    private func folded(_ set: ScalarSet) throws(Unsupported) -> ScalarSet {
        guard ignoresCase else { return set }
        guard let folded = set.ignoringCase else { throw Unsupported(part: "(?i) of such a set") }
        return folded
    }

    private mutating func group() throws(Unsupported) -> Node {
        let before = ignoresCase
        defer { ignoresCase = before }
        var kind: (Node) throws(Unsupported) -> Node = { node throws(Unsupported) in node }
        if take("?:") {
        } else if take("?i:") {
            ignoresCase = true
        } else if take("?=") {
            kind = { node throws(Unsupported) in .look(node, isNegated: false) }
        } else if take("?!") {
            kind = { node throws(Unsupported) in .look(node, isNegated: true) }
        } else if take("?>") {
            kind = { node throws(Unsupported) in .atomic(node) }
        } else if take("?<=") {
            kind = { node throws(Unsupported) in .behind(try Self.oneScalar(node), isNegated: false) }
        } else if take("?<!") {
            kind = { node throws(Unsupported) in .behind(try Self.oneScalar(node), isNegated: true) }
        } else if rest.first == "?" {
            throw Unsupported(part: "(\(String(rest.prefix(3)))")
        }
        let node = try choice()
        guard take(")") else { throw Unsupported(part: "( without an end") }
        return try kind(node)
    }

    private static func oneScalar(_ node: Node) throws(Unsupported) -> ScalarSet {
        switch node {
        case .scalar(let set): return set
        case .choice(let parts):
            var sets: [ScalarSet] = []
            for part in parts { sets.append(try oneScalar(part)) }
            return ScalarSet(anyOf: sets)
        default: throw Unsupported(part: "look-behind of more than one character")
        }
    }

    private mutating func quantified(_ element: Node) throws(Unsupported) -> Node {
        var node = element
        while true {
            let bounds: ClosedRange<Int>
            var isInterval = false
            if take("*") {
                bounds = 0...Int.max
            } else if take("+") {
                bounds = 1...Int.max
            } else if take("?") {
                bounds = 0...1
            } else if let interval = interval() {
                bounds = interval
                isInterval = true
            } else {
                return node
            }
            switch element {
            case .look, .behind, .anchor: throw Unsupported(part: "a repeated anchor")
            default: break
            }
            // After an interval, "+" is a quantifier of its own in this syntax.
            let greed: RegularExpression.Greed = take("?") ? .lazy : !isInterval && take("+") ? .possessive : .greedy
            if bounds.upperBound == .max, node.mayBeEmpty { throw Unsupported(part: "endless empty matches") }
            node = .repeated(node, atLeast: bounds.lowerBound, atMost: bounds.upperBound, greed)
        }
    }

    /// `{n}`, `{n,}`, `{,m}` or `{n,m}`; anything else after a brace is text.
    private mutating func interval() -> ClosedRange<Int>? {
        guard rest.first == "{", let close = rest.firstIndex(of: "}") else { return nil }
        let bounds = String(rest[rest.index(after: rest.startIndex)..<close])
            .split(separator: ",", omittingEmptySubsequences: false)
        guard let first = bounds.first, bounds.count <= 2, let last = bounds.last, !(first.isEmpty && last.isEmpty),
            let low = first.isEmpty ? 0 : Int(first), let high = last.isEmpty ? Int.max : Int(last), low >= 0,
            low <= high
        else { return nil }
        rest = rest[rest.index(after: close)...]
        return low...high
    }

    private mutating func anchor() -> RegularExpression.Anchor? {
        let anchors: [Unicode.Scalar: RegularExpression.Anchor] = [
            "A": .textStart, "z": .textEnd, "Z": .beforeLastNewline, "b": .wordEdge, "B": .notWordEdge,
        ]
        guard let next = rest.first, let anchor = anchors[next] else { return nil }
        rest.removeFirst()
        return anchor
    }

    // MARK: - Sets

    /// What stands after a backslash, as a set.
    private mutating func escape() throws(Unsupported) -> ScalarSet {
        guard let letter = rest.popFirst() else { throw Unsupported(part: "a \\ at the end") }
        switch letter {
        case "s": return .space
        case "S": return ScalarSet.space.inverted
        case "d": return .digit
        case "D": return ScalarSet.digit.inverted
        case "w": return .word
        case "W": return ScalarSet.word.inverted
        case "h": return .hexadecimal
        case "H": return ScalarSet.hexadecimal.inverted
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "t": return ScalarSet("\t")
        case "f": return ScalarSet("\u{0C}")
        case "v": return ScalarSet("\u{0B}")
        case "a": return ScalarSet("\u{07}")
        case "e": return ScalarSet("\u{1B}")
        case "x": return try code(braced: true, digits: 2)
        case "u": return try code(braced: false, digits: 4)
        case "p", "P": return try property(isNegated: letter == "P")
        case _ where letter.isASCII && !letter.isWord || !letter.isASCII: return ScalarSet(letter)
        default: throw Unsupported(part: "\\\(letter)")
        }
    }

    private mutating func code(braced: Bool, digits: Int) throws(Unsupported) -> ScalarSet {
        var text: String
        if braced, take("{") {
            guard let close = rest.firstIndex(of: "}") else { throw Unsupported(part: "\\x{") }
            text = String(rest[..<close])
            rest = rest[rest.index(after: close)...]
        } else {
            text = String(rest.prefix { $0.properties.isASCIIHexDigit }.prefix(digits))
            rest.removeFirst(text.utf8.count)
        }
        guard let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw Unsupported(part: "the code \(text)")
        }
        return ScalarSet(scalar)
    }

    private mutating func property(isNegated: Bool) throws(Unsupported) -> ScalarSet {
        var isNegated = isNegated
        guard take("{"), let close = rest.firstIndex(of: "}") else { throw Unsupported(part: "\\p without a name") }
        if take("^") { isNegated.toggle() }
        let name = String(rest[..<close])
        rest = rest[rest.index(after: close)...]
        guard let set = ScalarSet(property: name) else { throw Unsupported(part: "\\p{\(name)}") }
        return isNegated ? set.inverted : set
    }

    /// A bracket expression behind its "[".
    private mutating func bracket() throws(Unsupported) -> ScalarSet {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw Unsupported(part: "groups nested so deeply") }
        let isNegated = take("^")
        var conditions: [ScalarSet] = []
        var members: [ScalarSet] = []
        var isFirst = true
        while true {
            if take("&&") {
                conditions.append(ScalarSet(anyOf: members))
                members = []
                continue
            }
            guard let next = rest.popFirst() else { throw Unsupported(part: "[ without an end") }
            if next == "]", !isFirst {
                let set = ScalarSet(anyOf: members, conditions: conditions)
                return isNegated ? set.inverted : set
            }
            isFirst = false
            if next == "[" {
                if rest.first == ":" { throw Unsupported(part: "[[:…:]]") }
                members.append(try bracket())
                continue
            }
            let low = next == "\\" ? try escape() : ScalarSet(next)
            guard rest.first == "-", let start = low.onlyScalar, let after = rest.dropFirst().first, after != "]",
                after != "["
            else {
                members.append(low)
                continue
            }
            rest.removeFirst(2)
            let high = after == "\\" ? try escape() : ScalarSet(after)
            guard let end = high.onlyScalar, start <= end else {
                throw Unsupported(part: "the range \(start)-\(after)")
            }
            members.append(ScalarSet([start.value...end.value]))
        }
    }

    // MARK: - Steps

    private static func append(_ node: Node, to steps: inout [RegularExpression.Step]) throws(Unsupported) {
        guard steps.count < mostSteps else { throw Unsupported(part: "a pattern as large") }
        switch node {
        case .scalar(let set): steps.append(.scalar(set))
        case .sequence(let parts): for part in parts { try append(part, to: &steps) }
        case .choice(let parts):
            var jumps: [Int] = []
            for part in parts.dropLast() {
                let fork = steps.count
                steps.append(.accept)
                try append(part, to: &steps)
                jumps.append(steps.count)
                steps.append(.accept)
                steps[fork] = .either(fork + 1, steps.count)
            }
            try append(parts[parts.count - 1], to: &steps)
            for jump in jumps { steps[jump] = .jump(steps.count) }
        case .repeated(.scalar(let set), let atLeast, let atMost, let greed):
            steps.append(.run(set, atLeast: atLeast, atMost: atMost, greed))
        case .repeated(let part, let atLeast, let atMost, .possessive):
            try append(.atomic(.repeated(part, atLeast: atLeast, atMost: atMost, .greedy)), to: &steps)
        case .repeated(let part, let atLeast, let atMost, let greed):
            try appendRepeated(part, atLeast, atMost, isLazy: greed == .lazy, to: &steps)
        case .look(let part, let isNegated):
            let end = try appendHeld(part, to: &steps)
            steps[end.start] = .look(end: end.end, isNegated: isNegated)
        case .atomic(let part):
            let end = try appendHeld(part, to: &steps)
            steps[end.start] = .atomic(end: end.end)
        case .behind(let set, let isNegated): steps.append(.behind(set, isNegated: isNegated))
        case .anchor(let anchor): steps.append(.anchor(anchor))
        }
    }

    /// Steps with an end of their own, behind a place for the step that holds them.
    private static func appendHeld(
        _ node: Node, to steps: inout [RegularExpression.Step]
    ) throws(Unsupported) -> (start: Int, end: Int) {
        let start = steps.count
        steps.append(.accept)
        try append(node, to: &steps)
        steps.append(.accept)
        return (start, steps.count)
    }

    private static func appendRepeated(
        _ part: Node, _ atLeast: Int, _ atMost: Int, isLazy: Bool, to steps: inout [RegularExpression.Step]
    ) throws(Unsupported) {
        func fork(_ place: Int, end: Int) {
            steps[place] = isLazy ? .either(end, place + 1) : .either(place + 1, end)
        }
        for _ in 0..<atLeast { try append(part, to: &steps) }
        if atMost == .max {
            let place = steps.count
            steps.append(.accept)
            try append(part, to: &steps)
            steps.append(.jump(place))
            fork(place, end: steps.count)
            return
        }
        var forks: [Int] = []
        for _ in atLeast..<atMost {
            forks.append(steps.count)
            steps.append(.accept)
            try append(part, to: &steps)
        }
        for place in forks { fork(place, end: steps.count) }
    }
}
