/// `value.name`, `value[key]` and slices, with the order of Python attributes and elements that Jinja's sandbox has.
extension JinjaRenderer {
    /// `value.name`: what Python knows as an attribute wins over a key, so `schema.items` is the method.
    func attribute(_ name: JinjaText, of value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
        try requireDefined(value)
        if let own = try ownAttribute(name, of: value) { return own }
        if case .dictionary(let dictionary) = value, let element = dictionary[name] { return element }
        return .undefined(.member(kind: value.kind, name: name))
    }

    /// `value[key]`: an element, and only then an attribute of that name.
    func element(_ key: JinjaValue, of value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
        try requireDefined(value)
        switch value {
        case .dictionary(let dictionary):
            if key.isHashable {
                try requireHashable(key)
                if let element = dictionary[key] { return element }
            }
        case .list(let list), .tuple(let list):
            if let place = key.exactInteger.flatMap({ position($0, of: list.elements.count) }) {
                return list.elements[place]
            }
        case .range(let range):
            if let place = key.exactInteger.flatMap({ position($0, of: range.count) }) { return range[place] }
        case .string(let text):
            if let number = key.exactInteger {
                try scan(text)
                if let place = position(number, of: text.count) {
                    let start = text.byte(ofPosition: place)
                    let end = text.bytes[(start + 1)...].firstIndex { $0 & 0xC0 != 0x80 } ?? text.bytes.count
                    return .string(JinjaText(text.bytes[start..<end]))
                }
            }
        default: break
        }
        guard let name = key.text else { return .undefined(.element(kind: value.kind)) }
        return try ownAttribute(name, of: value) ?? .undefined(.member(kind: value.kind, name: name))
    }

    private func position(_ number: Int, of count: Int) -> Int? {
        let place = number < 0 ? number + count : number
        return 0..<count ~= place ? place : nil
    }

    /// - Throws: for attributes that Python has and that aren't implemented here.
    private func ownAttribute(_ name: JinjaText, of value: JinjaValue) throws(ChatTemplateError) -> JinjaValue? {
        if case .namespace(let namespace) = value { return namespace[name] }
        let string = name.string
        if string.hasPrefix("__"), string.hasSuffix("__"), string.utf8.count > 4 {
            if case .dictionary(let dictionary) = value, dictionary[name] != nil { return nil }
            return .undefined(.unsafe(kind: value.kind, name: name))
        }
        switch value {
        case .loop(let state): return try loopAttribute(string, of: state)
        case .cycler(let cycler):
            switch string {
            case "current": return cycler.items[cycler.place]
            case "pos": return .integer(cycler.place)
            case "items": return .tuple(try list(cycler.items))
            case "next", "reset": return .function(.method(value, name))
            default: return nil
            }
        case .range(let range):
            switch string {
            case "start": return .integer(range.start)
            case "stop": return .integer(range.stop)
            case "step": return .integer(range.step)
            default: break
            }
        case .function(.macro(let macro, _)):
            switch string {
            case "name": return macro.name.map { .text($0) } ?? JinjaValue.none
            case "arguments":
                return .tuple(try list(macro.parameters.map { .text(syntax.names[$0.name]) }))
            case "catch_kwargs": return .bool(macro.takesKwargs)
            case "catch_varargs": return .bool(macro.takesVarargs)
            case "caller": return .bool(macro.takesCaller)
            default: return nil
            }
        case .integer, .bool, .float:
            switch string {
            case "real": return value
            case "imag": if case .float = value { return .float(0) } else { return .integer(0) }
            default: break
            }
        default: break
        }
        guard let methods = JinjaMethods.of(value) else { return nil }
        if methods.known.contains(string) { return .function(.method(value, name)) }
        if methods.changing.contains(string) { return .undefined(.unsafe(kind: value.kind, name: name)) }
        if methods.missing.contains(string) {
            throw fail("the Python method '\(string)' of a value of type \(value.kind) isn't supported")
        }
        return nil
    }

    private func loopAttribute(_ name: String, of state: JinjaLoopState) throws(ChatTemplateError) -> JinjaValue? {
        switch name {
        case "index": return .integer(state.index + 1)
        case "index0": return .integer(state.index)
        case "revindex": return .integer(try state.elements.counted() - state.index)
        case "revindex0": return .integer(try state.elements.counted() - state.index - 1)
        case "first": return .bool(state.index == 0)
        case "last": return .bool(try state.elements.peek() == nil)
        case "length": return .integer(try state.elements.counted())
        case "depth": return .integer(state.depth + 1)
        case "depth0": return .integer(state.depth)
        case "previtem": return state.previous ?? .undefined(.other("there is no previous item"))
        case "nextitem": return try state.elements.peek() ?? .undefined(.other("there is no next item"))
        case "cycle", "changed": return .function(.method(.loop(state), JinjaText(name)))
        default: return nil
        }
    }

    // MARK: - Slices

    func slice(
        _ value: JinjaValue, _ start: Int?, _ stop: Int?, _ step: Int?
    ) throws(ChatTemplateError) -> JinjaValue {
        try requireDefined(value)
        guard step != 0 else { throw fail("the step of a slice can't be 0") }
        let step = min(max(step ?? 1, -Limit.text), Limit.text)
        func bounds(of count: Int) -> (first: Int, end: Int) {
            func bound(_ number: Int?, otherwise: Int) -> Int {
                guard let number else { return otherwise }
                let place = number < 0 ? number.addingReportingOverflow(count).partialValue : number
                return step > 0 ? min(max(place, 0), count) : min(max(place, -1), count - 1)
            }
            return (
                bound(start, otherwise: step > 0 ? 0 : count - 1), bound(stop, otherwise: step > 0 ? count : -1)
            )
        }
        func places(of count: Int) -> [Int] {
            let (first, end) = bounds(of: count)
            return Array(stride(from: first, to: end, by: step))
        }
        switch value {
        case .string(let text):
            try text.isASCII && step == 1 ? scan(text) : walk(text)
            try makeRoom(text.bytes.count)
            if text.isASCII {
                let places = places(of: text.bytes.count)
                if step == 1 { return .string(JinjaText(text.bytes[(places.first ?? 0)..<((places.last ?? -1) + 1)])) }
                return .string(JinjaText(bytes: places.map { text.bytes[$0] }))
            }
            let scalars = text.scalars
            return .string(JinjaText(scalars: places(of: scalars.count).map { scalars[$0] }))
        case .list(let list):
            return .list(try self.list(places(of: list.elements.count).map { list.elements[$0] }))
        case .tuple(let list):
            return .tuple(try self.list(places(of: list.elements.count).map { list.elements[$0] }))
        case .range(let range):
            let (first, end) = bounds(of: range.count)
            return .range(
                JinjaRange(
                    start: range.start + first * range.step, stop: range.start + end * range.step,
                    step: range.step * step))
        default: throw fail("a value of type \(value.kind) can't be sliced")
        }
    }
}
