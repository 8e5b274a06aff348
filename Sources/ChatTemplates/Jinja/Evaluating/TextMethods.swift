/// Python's methods of text.
extension JinjaRenderer {
    func textMethod(
        _ name: String, of text: JinjaText, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        try makeRoom(text.bytes.count)
        try JinjaMethods.quick.contains(name) ? scan(text) : walk(text)
        switch name {
        case "format": return .string(try formatted(text, braces: values))
        case "format_map":
            guard case .dictionary(let members)? = try bind(values, to: ["mapping"], of: name)[0] else {
                throw fail("'format_map' needs a dictionary")
            }
            let named = members.members.compactMap { key, value in key.text.map { ($0.string, value) } }
            return .string(try formatted(text, braces: JinjaValues(named: named)))
        case "split", "rsplit":
            let bound = try bind(values, to: ["sep", "maxsplit"], required: 0, of: name)
            let limit = try bound[1].map { value throws(ChatTemplateError) in try integer(value, "'maxsplit'") } ?? -1
            return .list(
                try split(text, by: bound[0] ?? .none, limit: limit < 0 ? .max : limit, fromEnd: name == "rsplit"))
        case "splitlines":
            let bound = try bind(values, to: ["keepends"], required: 0, of: name)
            let keepsEnds = try isTrue(bound[0] ?? .bool(false))
            return .list(try list(text.lines(keepingEnds: keepsEnds).map { .string($0) }))
        case "replace", "expandtabs": break
        default:
            guard values.named.isEmpty else { throw fail("'\(name)' takes no named arguments") }
        }
        if let result = text.transformed(by: name) {
            _ = try bind(values, to: [], of: name)
            return .string(result)
        }
        if let answer = text.answer(to: name) {
            _ = try bind(values, to: [], of: name)
            return .bool(answer)
        }
        switch name {
        case "casefold": throw fail("'casefold' of letters beyond ASCII isn't supported")
        case "strip", "lstrip", "rstrip":
            let characters = try bind(values, to: ["chars"], required: 0, of: name)[0] ?? .none
            return .string(try stripped(text, characters, left: name != "rstrip", right: name != "lstrip"))
        case "startswith", "endswith": return .bool(try hasEnd(name, text, values))
        case "find", "rfind", "index", "rindex", "count": return .integer(try found(name, in: text, values))
        case "removeprefix":
            let prefix = try self.text(try bind(values, to: ["prefix"], of: name)[0], "the prefix")
            return .string(text.bytes.starts(with: prefix.bytes) ? JinjaText(text.bytes[prefix.bytes.count...]) : text)
        case "removesuffix":
            let suffix = try self.text(try bind(values, to: ["suffix"], of: name)[0], "the suffix")
            return .string(text.hasSuffix(suffix) ? JinjaText(text.bytes.dropLast(suffix.bytes.count)) : text)
        case "replace": return .string(try replaced(text, values))
        case "join":
            let parts = try all(try bind(values, to: ["iterable"], of: name)[0] ?? .none)
            return .string(try joined(parts, by: text))
        case "partition", "rpartition": return try partitioned(name, text, values)
        case "center", "ljust", "rjust", "zfill": return .string(try padded(name, text, values))
        case "expandtabs":
            let size = try bind(values, to: ["tabsize"], required: 0, of: name)[0] ?? .integer(8)
            return .string(try expandingTabs(text, size: try integer(size, "'tabsize'")))
        default: throw fail("the Python method '\(name)' of text isn't supported")
        }
    }

    func stripped(
        _ text: JinjaText, _ characters: JinjaValue, left: Bool = true, right: Bool = true
    ) throws(ChatTemplateError) -> JinjaText {
        if characters.isNone {
            let result = text.trimmed(left: left, right: right) { $0.isPythonSpace }
            try step((text.bytes.count - result.bytes.count) >> 3)
            return result
        }
        try walk(text)
        let set = Set(try self.text(characters, "the characters to strip").scalars)
        return text.trimmed(left: left, right: right) { set.contains($0) }
    }

    private func hasEnd(
        _ name: String, _ text: JinjaText, _ values: JinjaValues
    ) throws(ChatTemplateError) -> Bool {
        let bound = try bind(values, to: ["affix", "start", "end"], required: 1, of: name)
        var part = text
        if bound[1] != nil || bound[2] != nil {
            guard let places = try places(bound[1], bound[2], of: text.count) else { return false }
            part = JinjaText(
                text.bytes[text.byte(ofPosition: places.lowerBound)..<text.byte(ofPosition: places.upperBound)])
        }
        let candidates: [JinjaValue]
        if case .tuple(let list)? = bound[0] { candidates = list.elements } else { candidates = [bound[0] ?? .none] }
        for candidate in candidates {
            let affix = try self.text(candidate, "what '\(name)' looks for")
            if name == "startswith" ? part.bytes.starts(with: affix.bytes) : part.hasSuffix(affix) { return true }
        }
        return false
    }

    private func found(_ name: String, in text: JinjaText, _ values: JinjaValues) throws(ChatTemplateError) -> Int {
        let bound = try bind(values, to: ["sub", "start", "end"], required: 1, of: name)
        let needle = try self.text(bound[0], "what '\(name)' looks for")
        guard let places = try places(bound[1], bound[2], of: text.count) else {
            guard name.hasSuffix("index") else { return name == "count" ? 0 : -1 }
            throw fail("the text '\(needle.string.prefix(40))' is not found")
        }
        let start = text.byte(ofPosition: places.lowerBound)
        let part = JinjaText(text.bytes[start..<text.byte(ofPosition: places.upperBound)])
        if name == "count" {
            if needle.isEmpty { return places.count + 1 }
            return part.offsets(of: needle, limit: .max).count
        }
        let offset = name.hasPrefix("r") ? part.lastOffset(of: needle) : part.offset(of: needle)
        guard let offset else {
            if name.hasSuffix("find") { return -1 }
            throw fail("the text '\(needle.string.prefix(40))' is not found")
        }
        return places.lowerBound + part.position(ofByte: offset)
    }

    // MARK: - Parts

    private func split(
        _ text: JinjaText, by separator: JinjaValue, limit: Int, fromEnd: Bool
    ) throws(ChatTemplateError) -> JinjaList {
        if separator.isNone {
            try walk(text)
            return try list(text.words(limit: limit, fromEnd: fromEnd).map { .string($0) })
        }
        let separator = try self.text(separator, "the separator")
        guard !separator.isEmpty else { throw fail("the separator is empty") }
        let offsets =
            fromEnd ? text.offsetsFromEnd(of: separator, limit: limit) : text.offsets(of: separator, limit: limit)
        var parts: [JinjaValue] = []
        var start = 0
        for offset in offsets {
            parts.append(.string(JinjaText(text.bytes[start..<offset])))
            start = offset + separator.bytes.count
        }
        return try list(parts + [.string(JinjaText(text.bytes[start...]))])
    }

    private func partitioned(
        _ name: String, _ text: JinjaText, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        let separator = try self.text(try bind(values, to: ["sep"], of: name)[0], "the separator")
        guard !separator.isEmpty else { throw fail("the separator is empty") }
        let isFirst = name == "partition"
        let parts: [JinjaText]
        if let offset = isFirst ? text.offset(of: separator) : text.lastOffset(of: separator) {
            parts = [
                JinjaText(text.bytes[..<offset]), separator, JinjaText(text.bytes[(offset + separator.bytes.count)...]),
            ]
        } else {
            parts = isFirst ? [text, JinjaText(), JinjaText()] : [JinjaText(), JinjaText(), text]
        }
        return .tuple(try list(parts.map { .string($0) }))
    }

    private func replaced(_ text: JinjaText, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaText {
        guard values.named.allSatisfy({ $0.name == "count" }) else { throw fail("'replace' takes no named arguments") }
        let bound = try bind(values, to: ["old", "new", "count"], required: 2, of: "replace")
        let count = try bound[2].map { value throws(ChatTemplateError) in try integer(value, "'count'") } ?? -1
        return try replaced(
            text, try self.text(bound[0], "what is replaced"), by: try self.text(bound[1], "the replacement"),
            limit: count < 0 ? .max : count)
    }

    func replaced(
        _ text: JinjaText, _ old: JinjaText, by new: JinjaText, limit: Int
    ) throws(ChatTemplateError) -> JinjaText {
        var result = JinjaText()
        if old.isEmpty {
            // Between all scalars, and at both ends.
            try walk(text)
            let scalars = text.scalars
            try makeRoom(text.bytes.count + new.bytes.count * min(scalars.count + 1, limit))
            for (place, scalar) in scalars.enumerated() {
                if place < limit { result.append(new) }
                result.append(scalar)
            }
            if scalars.count < limit { result.append(new) }
            return result
        }
        let offsets = text.offsets(of: old, limit: limit)
        let (growth, isTooLarge) = offsets.count.multipliedReportingOverflow(by: new.bytes.count)
        try makeRoom(isTooLarge ? .max : text.bytes.count + growth)
        var start = 0
        for offset in offsets {
            result.append(text.bytes[start..<offset])
            result.append(new)
            start = offset + old.bytes.count
        }
        result.append(text.bytes[start...])
        return result
    }

    func joined(_ parts: [JinjaValue], by separator: JinjaText) throws(ChatTemplateError) -> JinjaText {
        var result = JinjaText()
        for (place, part) in parts.enumerated() {
            try step()
            let part = try text(part, "what 'join' puts together")
            guard result.bytes.count + part.bytes.count + separator.bytes.count <= Limit.text else {
                throw fail("a text would grow beyond \(Limit.text >> 20) MB")
            }
            if place > 0 { result.append(separator) }
            result.append(part)
        }
        try makeRoom(result.bytes.count)
        return result
    }

    // MARK: - Widths

    private func padded(_ name: String, _ text: JinjaText, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaText
    {
        let bound = try bind(values, to: name == "zfill" ? ["width"] : ["width", "fillchar"], required: 1, of: name)
        let width = try integer(bound[0] ?? .none, "the width")
        if name == "zfill" {
            try makeRoom(max(0, width))
            let hasSign = text.bytes.first == UInt8(ascii: "-") || text.bytes.first == UInt8(ascii: "+")
            let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: max(0, width - text.count))
            let sign = text.bytes.prefix(hasSign ? 1 : 0)
            return JinjaText(bytes: sign + zeros + text.bytes.dropFirst(sign.count))
        }
        let fill =
            try bound.count > 1
            ? bound[1].map { value throws(ChatTemplateError) in try self.text(value, "the filling") } : nil
        guard fill?.count ?? 1 == 1 else { throw fail("the filling must be one character") }
        return try padded(text, to: width, fill ?? " ", name == "ljust" ? "<" : name == "rjust" ? ">" : "^c")
    }

    /// - Parameter alignment: `<`, `>`, `^`, or `^c` for `str.center`, which puts an odd blank elsewhere.
    func padded(
        _ text: JinjaText, to width: Int, _ fill: JinjaText, _ alignment: String
    ) throws(ChatTemplateError) -> JinjaText {
        let missing = width - text.count
        guard missing > 0 else { return text }
        let (size, isTooLarge) = missing.multipliedReportingOverflow(by: fill.bytes.count)
        try makeRoom(isTooLarge ? .max : size)
        let left =
            switch alignment {
            case "<": 0
            case ">": missing
            case "^": missing / 2
            default: missing / 2 + (missing & width & 1)
            }
        var result = JinjaText()
        for _ in 0..<left { result.append(fill) }
        result.append(text)
        for _ in 0..<(missing - left) { result.append(fill) }
        return result
    }

    private func expandingTabs(_ text: JinjaText, size: Int) throws(ChatTemplateError) -> JinjaText {
        guard size < 1 << 10 else { throw fail("a tab of \(size) columns is too wide") }
        var result = JinjaText()
        var column = 0
        for scalar in text.scalars {
            if scalar == "\t" {
                let width = size > 0 ? size - column % size : 0
                column += width
                for _ in 0..<width { result.append(" " as Unicode.Scalar) }
            } else {
                result.append(scalar)
                column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
            }
            if result.bytes.count > Limit.text { try makeRoom(result.bytes.count) }
        }
        try makeRoom(result.bytes.count)
        return result
    }
}

extension JinjaText {
    func hasSuffix(_ suffix: JinjaText) -> Bool {
        bytes.count >= suffix.bytes.count && bytes.suffix(suffix.bytes.count).elementsEqual(suffix.bytes)
    }

    /// Byte offsets of occurrences that don't overlap, from the left.
    func offsets(of needle: JinjaText, limit: Int) -> [Int] {
        var result: [Int] = []
        var start = 0
        while result.count < limit, let offset = offset(of: needle, from: start) {
            result.append(offset)
            start = offset + needle.bytes.count
        }
        return result
    }

    /// The same from the right, in rising order.
    func offsetsFromEnd(of needle: JinjaText, limit: Int) -> [Int] {
        let reversed = JinjaText(bytes: bytes.reversed())
        return reversed.offsets(of: JinjaText(bytes: needle.bytes.reversed()), limit: limit)
            .map { bytes.count - needle.bytes.count - $0 }.reversed()
    }

    /// The parts between white space; the last one (the first, from the end) keeps what is left when the limit is reached.
    func words(limit: Int, fromEnd: Bool) -> [JinjaText] {
        var scalars = self.scalars[...]
        if fromEnd { scalars = scalars.reversed()[...] }
        var parts: [JinjaText] = []
        func add(_ part: ArraySlice<Unicode.Scalar>) {
            parts.append(JinjaText(scalars: fromEnd ? Array(part.reversed()) : Array(part)))
        }
        while true {
            scalars = scalars.drop { $0.isPythonSpace }
            guard !scalars.isEmpty else { break }
            if parts.count == limit {
                add(scalars)
                break
            }
            let word = scalars.prefix { !$0.isPythonSpace }
            add(word)
            scalars = scalars[word.endIndex...]
        }
        return fromEnd ? parts.reversed() : parts
    }

    package func lines(keepingEnds: Bool) -> [JinjaText] {
        var lines: [JinjaText] = []
        let scalars = self.scalars
        var start = 0
        var place = 0
        while place < scalars.count {
            guard scalars[place].isPythonLineBreak else {
                place += 1
                continue
            }
            var next = place + 1
            if scalars[place] == "\r", next < scalars.count, scalars[next] == "\n" { next += 1 }
            lines.append(JinjaText(scalars: scalars[start..<(keepingEnds ? next : place)]))
            place = next
            start = next
        }
        if start < scalars.count { lines.append(JinjaText(scalars: scalars[start...])) }
        return lines
    }
}
