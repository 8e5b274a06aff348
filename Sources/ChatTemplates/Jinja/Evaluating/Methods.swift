/// The Python methods of values.
struct JinjaMethods {
    let known: Set<String>
    /// Those that would change the value: the sandbox keeps them away.
    var changing: Set<String> = []
    /// Those that Python has and this interpreter hasn't.
    var missing: Set<String> = []

    static func of(_ value: JinjaValue) -> JinjaMethods? {
        switch value {
        case .string: text
        case .list: list
        case .tuple, .range: tuple
        case .dictionary: dictionary
        case .float: float
        case .integer, .bool: integer
        default: nil
        }
    }

    /// Methods of text that search and copy bytes, and don't walk through scalars.
    static let quick: Set<String> = [
        "count", "endswith", "find", "index", "isascii", "join", "lstrip", "partition", "removeprefix", "removesuffix",
        "replace", "rpartition", "rstrip", "split", "startswith", "strip",
    ]

    private static let text = JinjaMethods(
        known: [
            "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "format_map",
            "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
            "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "partition",
            "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip",
            "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill",
        ],
        missing: ["encode", "maketrans", "translate"])
    private static let list = JinjaMethods(
        known: ["copy", "count", "index"],
        changing: ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"])
    private static let tuple = JinjaMethods(known: ["count", "index"])
    private static let dictionary = JinjaMethods(
        known: ["copy", "get", "items", "keys", "values"],
        changing: ["clear", "pop", "popitem", "setdefault", "update"], missing: ["fromkeys"])
    private static let float = JinjaMethods(
        known: ["is_integer", "conjugate"], missing: ["as_integer_ratio", "fromhex", "hex"])
    private static let integer = JinjaMethods(
        known: ["bit_length", "conjugate"],
        missing: ["as_integer_ratio", "bit_count", "denominator", "from_bytes", "numerator", "to_bytes"])
}

extension JinjaRenderer {
    func method(
        _ name: JinjaText, of receiver: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        let name = name.string
        switch receiver {
        case .string(let text): return try textMethod(name, of: text, values)
        case .dictionary(let dictionary): return try dictionaryMethod(name, of: dictionary, values)
        case .list(let list) where name == "copy":
            _ = try bind(values, to: [], of: name)
            return .list(try self.list(list.elements))
        case .list, .tuple, .range: return try sequenceMethod(name, of: receiver, values)
        case .loop(let state): return try loopMethod(name, of: state, values)
        case .cycler(let cycler):
            _ = try bind(values, to: [], of: name)
            let item = cycler.items[cycler.place]
            cycler.place = name == "reset" ? 0 : (cycler.place + 1) % cycler.items.count
            return name == "reset" ? .none : item
        default:
            _ = try bind(values, to: [], of: name)
            switch (name, receiver) {
            case ("is_integer", .float(let number)): return .bool(number.isFinite && number == number.rounded())
            case ("bit_length", _):
                let number = receiver.exactInteger ?? 0
                return .integer(Int.bitWidth - number.magnitude.leadingZeroBitCount)
            default: return receiver
            }
        }
    }

    private func dictionaryMethod(
        _ name: String, of dictionary: JinjaDictionary, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        guard values.named.isEmpty else { throw fail("'\(name)' takes no named arguments") }
        if name == "get" {
            let bound = try bind(values, to: ["key", "default"], required: 1, of: name)
            try requireHashable(bound[0] ?? .none)
            return dictionary[bound[0] ?? .none] ?? bound[1] ?? .none
        }
        _ = try bind(values, to: [], of: name)
        switch name {
        case "keys": return .view(JinjaView(part: .keys, dictionary: dictionary))
        case "values": return .view(JinjaView(part: .values, dictionary: dictionary))
        case "items": return .view(JinjaView(part: .items, dictionary: dictionary))
        default: return .dictionary(try self.dictionary(dictionary.members))
        }
    }

    private func sequenceMethod(
        _ name: String, of receiver: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        guard values.named.isEmpty else { throw fail("'\(name)' takes no named arguments") }
        let bound = try bind(values, to: ["value", "start", "stop"], required: 1, of: name)
        let elements = try all(receiver)
        if name == "count" {
            var count = 0
            for element in elements where try equal(element, bound[0] ?? .none) { count += 1 }
            return .integer(count)
        }
        let range = try places(bound[1], bound[2], of: elements.count) ?? 0..<0
        for place in range where try equal(elements[place], bound[0] ?? .none) { return .integer(place) }
        throw fail("the value is not in the list")
    }

    /// The places that Python's optional `start` and `stop` arguments speak of; nil when they start behind the end.
    func places(
        _ start: JinjaValue?, _ stop: JinjaValue?, of count: Int
    ) throws(ChatTemplateError) -> Range<Int>? {
        func bound(_ value: JinjaValue?, otherwise: Int) throws(ChatTemplateError) -> Int {
            guard let value, !value.isNone else { return otherwise }
            let number = try integer(value, "a position")
            return min(max(number < 0 ? number + count : number, 0), count)
        }
        if let start = start?.exactInteger, start > count { return nil }
        let first = try bound(start, otherwise: 0)
        return first..<max(first, try bound(stop, otherwise: count))
    }

    private func loopMethod(
        _ name: String, of state: JinjaLoopState, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        guard values.named.isEmpty else { throw fail("'loop.\(name)' takes no named arguments") }
        if name == "cycle" {
            guard !values.positional.isEmpty else { throw fail("'loop.cycle' needs an argument") }
            return values.positional[state.index % values.positional.count]
        }
        if let last = state.lastChanged, last.count == values.positional.count {
            var isSame = true
            for (a, b) in zip(last, values.positional) where !(try equal(a, b)) { isSame = false }
            if isSame { return .bool(false) }
        }
        state.lastChanged = values.positional
        return .bool(true)
    }

    // MARK: - Arguments

    func integer(_ value: JinjaValue, _ words: String) throws(ChatTemplateError) -> Int {
        try requireDefined(value)
        guard let number = value.exactInteger else { throw fail("\(words) must be a whole number, not \(value.kind)") }
        // Nothing that is counted comes near; so sums of positions and widths can't overflow.
        guard number.magnitude < 1 << 60 else { throw fail("\(words) is too large: \(number)") }
        return number
    }

    package func text(_ value: JinjaValue?, _ words: String) throws(ChatTemplateError) -> JinjaText {
        guard let text = value?.text else { throw fail("\(words) must be text, not \(value?.kind ?? "nothing")") }
        return text
    }
}
