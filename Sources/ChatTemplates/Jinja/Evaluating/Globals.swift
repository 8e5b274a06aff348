import Glibc

/// The functions that every template has.
enum JinjaGlobals {
    static var functions: [(name: String, value: JinjaValue)] {
        [
            ("range", .function(.range)), ("dict", .function(.dictionary)), ("namespace", .function(.namespace)),
            ("cycler", .function(.cycler)), ("joiner", .function(.joiner)), ("raise_exception", .function(.raise)),
            ("strftime_now", .function(.now)),
        ]
    }

    /// The longest range that Jinja's sandbox makes.
    static let rangeLimit = 100_000
}

extension JinjaRenderer {
    func callGlobal(_ function: JinjaFunction, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
        switch function {
        case .range: return .range(try range(values))
        case .dictionary: return .dictionary(try dictionary(try members(values, of: "dict")))
        case .namespace:
            let members = try members(values, of: "namespace").map { ($0.key.text ?? JinjaText(), $0.value) }
            for (name, _) in members { try requirePublic(name) }
            let namespace = JinjaNamespace([])
            for (name, value) in members { namespace[name] = value }
            keep(namespace)
            return .namespace(namespace)
        case .cycler:
            guard values.named.isEmpty, !values.positional.isEmpty else {
                throw fail("'cycler' needs at least one item")
            }
            try requireDepth(1 + (values.positional.lazy.map(\.depth).max() ?? 0))
            return .cycler(JinjaCycler(values.positional))
        case .joiner:
            let separator = try bind(values, to: ["sep"], required: 0, of: "joiner")[0] ?? .text(", ")
            try requireDepth(separator.depth + 1)
            return .function(.joining(JinjaJoiner(separator: separator)))
        case .joining(let joiner):
            _ = try bind(values, to: [], of: "joiner")
            defer { joiner.isUsed = true }
            return joiner.isUsed ? joiner.separator : .string(JinjaText())
        case .raise:
            let message = try bind(values, to: ["message"], of: "raise_exception")[0] ?? .none
            throw .raised(try string(message).string)
        case .now:
            let format = try bind(values, to: ["format"], of: "strftime_now")[0] ?? .none
            return .string(JinjaText(try JinjaClock.now(try text(format, "the format of a date").string, self)))
        case .macro, .method: return .none
        }
    }

    private func range(_ values: JinjaValues) throws(ChatTemplateError) -> JinjaRange {
        guard values.named.isEmpty, 1...3 ~= values.positional.count else {
            throw fail("'range' takes one to three whole numbers")
        }
        var numbers: [Int] = []
        for value in values.positional { numbers.append(try integer(value, "a bound of 'range'")) }
        let range = JinjaRange(
            start: numbers.count > 1 ? numbers[0] : 0, stop: numbers.count > 1 ? numbers[1] : numbers[0],
            step: numbers.count > 2 ? numbers[2] : 1)
        guard range.step != 0, range.step != .min else { throw fail("the step of 'range' can't be \(range.step)") }
        guard numbers.allSatisfy({ $0.magnitude < 1 << 36 }), range.count <= JinjaGlobals.rangeLimit else {
            throw fail("'range' of more than \(JinjaGlobals.rangeLimit) numbers")
        }
        return range
    }

    /// The arguments of `dict(…)`: a dictionary or pairs, and named values.
    private func members(
        _ values: JinjaValues, of name: String
    ) throws(ChatTemplateError) -> [(key: JinjaValue, value: JinjaValue)] {
        guard values.positional.count <= 1 else { throw fail("'\(name)' takes one positional argument at most") }
        var members: [(key: JinjaValue, value: JinjaValue)] = []
        if case .dictionary(let dictionary)? = values.positional.first {
            members = dictionary.members
        } else if let pairs = values.positional.first {
            try requireDefined(pairs)
            for pair in try all(pairs) {
                let pair = try all(pair)
                guard pair.count == 2 else { throw fail("'\(name)' takes pairs of two") }
                members.append((pair[0], pair[1]))
            }
        }
        return members + values.named.map { (.text($0.name), $0.value) }
    }
}

enum JinjaClock {
    /// Python's `datetime.now().strftime(format)`: local time, without a zone.
    fileprivate static func now(_ format: String, _ renderer: JinjaRenderer) throws(ChatTemplateError) -> String {
        guard format.utf8.count < 1 << 12 else { throw renderer.fail("the format of a date is too long") }
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME, &clock)
        var moment = tm()
        localtime_r(&clock.tv_sec, &moment)
        var text = ""
        var letters = format[...]
        while let letter = letters.popFirst() {
            guard letter == "%", let kind = letters.popFirst() else {
                text.append(letter)
                continue
            }
            switch kind {
            case "f":
                let digits = String(clock.tv_nsec / 1000)
                text += String(repeating: "0", count: 6 - digits.count) + digits
            case "z", "Z": break
            case "%": text += "%"
            default:
                // Flags of the C library's, such as %-d.
                var directive = "%" + String(kind)
                while let last = directive.last, "-_0^#".contains(last), let next = letters.popFirst() {
                    directive.append(next)
                }
                text += formatted(directive, moment)
            }
        }
        return text
    }

    private static func formatted(_ format: String, _ moment: tm) -> String {
        var moment = moment
        return String(unsafeUninitializedCapacity: 256) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { strftime($0.baseAddress, 256, format, &moment) }
        }
    }
}
