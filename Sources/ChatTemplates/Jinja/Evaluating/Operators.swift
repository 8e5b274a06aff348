import Glibc

extension JinjaRenderer {
    func isTrue(_ value: JinjaValue) throws(ChatTemplateError) -> Bool {
        switch value {
        case .undefined, .none: return false
        case .bool(let flag): return flag
        case .integer(let number): return number != 0
        case .float(let number): return number != 0
        case .string(let text): return !text.isEmpty
        case .list(let list), .tuple(let list): return !list.elements.isEmpty
        case .dictionary(let dictionary): return !dictionary.members.isEmpty
        case .view(let view): return !view.dictionary.members.isEmpty
        case .range(let range): return range.count > 0
        case .loop(let state): return try state.elements.counted() > 0
        case .generator, .namespace, .cycler, .function: return true
        }
    }

    // MARK: - Arithmetic

    func signed(_ value: JinjaValue, isNegative: Bool) throws(ChatTemplateError) -> JinjaValue {
        try requireDefined(value)
        if let number = value.exactInteger { return .integer(isNegative ? try exact(0, number, -) : number) }
        guard case .float(let number) = value else { throw fail("a value of type \(value.kind) has no sign") }
        return .float(isNegative ? -number : number)
    }

    /// Python's integers have no bound; ours do, and going beyond is an error.
    private func exact(
        _ a: Int, _ b: Int, _ sign: (Int, Int) -> Int
    ) throws(ChatTemplateError) -> Int {
        guard a != .min, b != .min else { throw tooLarge }
        return sign(a, b)
    }

    private var tooLarge: ChatTemplateError { fail("a whole number grows beyond 64 bits") }

    func arithmetic(
        _ sign: JinjaArithmetic, _ left: JinjaValue, _ right: JinjaValue
    ) throws(ChatTemplateError) -> JinjaValue {
        try requireDefined(left)
        if case .modulo = sign, let format = left.text { return .string(try formatted(format, percent: right)) }
        try requireDefined(right)
        if let a = left.exactInteger, let b = right.exactInteger { return try integers(sign, a, b) }
        if let a = left.number, let b = right.number { return .float(try floats(sign, a, b)) }
        switch (sign, left, right) {
        case (.add, .string(let a), .string(let b)):
            try makeRoom(a.bytes.count + b.bytes.count)
            return .string(joined(a, b))
        case (.add, .list(let a), .list(let b)): return .list(try list(a.elements + b.elements))
        case (.add, .tuple(let a), .tuple(let b)): return .tuple(try list(a.elements + b.elements))
        case (.multiply, _, _):
            if let count = right.exactInteger { return try repeated(left, count) }
            if let count = left.exactInteger { return try repeated(right, count) }
        default: break
        }
        throw fail("'\(sign.rawValue)' doesn't work between \(left.kind) and \(right.kind)")
    }

    /// Text that a filter declared HTML keeps what is added to it from being taken for HTML.
    private func joined(_ a: JinjaText, _ b: JinjaText) -> JinjaText {
        var result = a.isMarkup || !b.isMarkup ? a : a.escapedForHTML
        result.append(b.isMarkup || !a.isMarkup ? b : b.escapedForHTML)
        result.isMarkup = a.isMarkup || b.isMarkup
        return result
    }

    private func repeated(_ value: JinjaValue, _ count: Int) throws(ChatTemplateError) -> JinjaValue {
        let count = max(0, count)
        switch value {
        case .string(let text):
            let (size, isTooLarge) = text.bytes.count.multipliedReportingOverflow(by: count)
            try makeRoom(isTooLarge ? .max : size)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(size)
            if size > 0 { bytes += text.bytes }
            while bytes.count < size { bytes += bytes.prefix(size - bytes.count) }
            var result = JinjaText(bytes: bytes)
            result.isMarkup = text.isMarkup
            return .string(result)
        case .list(let elements): return .list(try list(try repeated(elements.elements, count)))
        case .tuple(let elements): return .tuple(try list(try repeated(elements.elements, count)))
        default: throw fail("a value of type \(value.kind) can't be repeated")
        }
    }

    private func repeated(_ elements: [JinjaValue], _ count: Int) throws(ChatTemplateError) -> [JinjaValue] {
        let (size, isTooLarge) = elements.count.multipliedReportingOverflow(by: count)
        guard !isTooLarge, size <= Limit.elements else { throw fail("a list would grow too long") }
        return elements.isEmpty ? [] : (0..<count).flatMap { _ in elements }
    }

    private func integers(_ sign: JinjaArithmetic, _ a: Int, _ b: Int) throws(ChatTemplateError) -> JinjaValue {
        let result: (partialValue: Int, overflow: Bool)
        switch sign {
        case .add: result = a.addingReportingOverflow(b)
        case .subtract: result = a.subtractingReportingOverflow(b)
        case .multiply: result = a.multipliedReportingOverflow(by: b)
        case .divide:
            guard b != 0 else { throw fail("division by zero") }
            return .float(Double(a) / Double(b))
        case .floorDivide, .modulo:
            guard b != 0 else { throw fail("division by zero") }
            guard b != -1 else { return .integer(sign == .modulo ? 0 : try exact(0, a, -)) }
            let (quotient, rest) = a.quotientAndRemainder(dividingBy: b)
            let isBelow = rest != 0 && (rest < 0) != (b < 0)
            return .integer(sign == .modulo ? (isBelow ? rest + b : rest) : (isBelow ? quotient - 1 : quotient))
        case .power: return try power(a, b)
        }
        guard !result.overflow else { throw tooLarge }
        return .integer(result.partialValue)
    }

    private func power(_ base: Int, _ exponent: Int) throws(ChatTemplateError) -> JinjaValue {
        if exponent < 0 {
            guard base != 0 else { throw fail("division by zero") }
            return .float(pow(Double(base), Double(exponent)))
        }
        if base == 0 || base == 1 { return .integer(exponent == 0 ? 1 : base) }
        if base == -1 { return .integer(exponent % 2 == 0 ? 1 : -1) }
        guard exponent < 64 else { throw tooLarge }
        var result = 1
        for _ in 0..<exponent {
            let (product, isTooLarge) = result.multipliedReportingOverflow(by: base)
            guard !isTooLarge else { throw tooLarge }
            result = product
        }
        return .integer(result)
    }

    private func floats(_ sign: JinjaArithmetic, _ a: Double, _ b: Double) throws(ChatTemplateError) -> Double {
        switch sign {
        case .add: return a + b
        case .subtract: return a - b
        case .multiply: return a * b
        case .divide, .floorDivide, .modulo:
            guard b != 0 else { throw fail("division by zero") }
            if sign == .divide { return a / b }
            var rest = fmod(a, b)
            if rest != 0, (rest < 0) != (b < 0) { rest += b }
            if sign == .modulo { return rest == 0 ? copysign(0, b) : rest }
            let quotient = (a - rest) / b
            let whole = quotient.rounded(.down)
            return quotient == 0 ? copysign(0, a / b) : quotient - whole > 0.5 ? whole + 1 : whole
        case .power:
            if a == 0, b < 0 { throw fail("division by zero") }
            let result = pow(a, b)
            guard !(a < 0 && b != b.rounded()) else { throw fail("a power of a negative number isn't real") }
            guard result.isFinite || !a.isFinite || !b.isFinite else { throw fail("the result is too large") }
            return result
        }
    }

    // MARK: - Comparisons

    func compare(
        _ comparison: JinjaComparison, _ left: JinjaValue, _ right: JinjaValue
    ) throws(ChatTemplateError) -> Bool {
        switch comparison {
        case .equal: try equal(left, right)
        case .unequal: !(try equal(left, right))
        case .less: try isLess(left, right, sign: "<")
        case .greater: try isLess(right, left, sign: ">")
        case .lessOrEqual: try isLess(left, right, orEqual: true, sign: "<=")
        case .greaterOrEqual: try isLess(right, left, orEqual: true, sign: ">=")
        case .isIn: try contains(right, left)
        case .isNotIn: !(try contains(right, left))
        }
    }

    /// Python's `<`, or `<=`.
    func isLess(
        _ a: JinjaValue, _ b: JinjaValue, orEqual: Bool = false, sign: String = "<"
    ) throws(ChatTemplateError) -> Bool {
        try step()
        try requireDefined(a)
        try requireDefined(b)
        switch (a, b) {
        case (.string(let a), .string(let b)):
            try scan(a)
            return orEqual ? a <= b : a < b
        case (.list(let first), .list(let second)), (.tuple(let first), .tuple(let second)):
            for (a, b) in zip(first.elements, second.elements) where !(try equal(a, b)) {
                return try isLess(a, b, orEqual: orEqual, sign: sign)
            }
            let (a, b) = (first.elements.count, second.elements.count)
            return orEqual ? a <= b : a < b
        default: break
        }
        if let a = a.exactInteger, let b = b.exactInteger { return orEqual ? a <= b : a < b }
        guard let x = a.number, let y = b.number else {
            throw fail("'\(sign)' doesn't work between \(a.kind) and \(b.kind)")
        }
        return orEqual ? x <= y : x < y
    }

    /// Python's `in`.
    func contains(_ container: JinjaValue, _ value: JinjaValue) throws(ChatTemplateError) -> Bool {
        switch container {
        case .string(let text):
            guard let part = value.text else { throw fail("only text can be in a text, not \(value.kind)") }
            try scan(text)
            try scan(part)
            return text.contains(part)
        case .dictionary(let dictionary):
            try requireHashable(value)
            return dictionary[value] != nil
        case .view(let view) where view.part == .keys:
            try requireHashable(value)
            return view.dictionary[value] != nil
        case .range(let range):
            if let number = value.exactInteger { return range.contains(number) }
            guard case .float(let number) = value, let whole = Int(exactly: number) else { return false }
            return range.contains(whole)
        default:
            let elements = try elements(of: container)
            while let element = try elements.next() {
                if try equal(element, value) { return true }
            }
            return false
        }
    }

    // MARK: - Elements

    /// The elements that Python's `iter` gives.
    func elements(of value: JinjaValue) throws(ChatTemplateError) -> JinjaElements {
        switch value {
        case .undefined: return JinjaElements([])
        case .string(let text):
            try step(text.bytes.count)
            try makeRoom(text.bytes.count)
            return JinjaElements(text.scalars.map { .string(JinjaText(scalars: [$0])) })
        case .list(let list), .tuple(let list): return JinjaElements(list.elements)
        case .dictionary(let dictionary): return JinjaElements(dictionary.members.map(\.key))
        case .view(let view):
            try step(view.dictionary.members.count)
            return JinjaElements(view.elements)
        case .range(let range):
            var place = 0
            return JinjaElements(count: range.count) { () throws(ChatTemplateError) in
                guard place < range.count else { return nil }
                place += 1
                return range[place - 1]
            }
        case .generator(let generator):
            return JinjaElements(count: nil) { [self] () throws(ChatTemplateError) in
                try step()
                return try nested { () throws(ChatTemplateError) in try generator.next() }
            }
        default: throw fail("a value of type \(value.kind) has no elements to go through")
        }
    }

    /// All elements, as a list.
    func all(_ value: JinjaValue) throws(ChatTemplateError) -> [JinjaValue] {
        if case .list(let list) = value { return list.elements }
        let elements = try elements(of: value)
        var result: [JinjaValue] = []
        while let element = try elements.next() {
            try step()
            guard result.count < Limit.elements else { throw fail("a list would grow too long") }
            result.append(element)
        }
        return result
    }

    /// Python's `len`.
    func length(_ value: JinjaValue) throws(ChatTemplateError) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text):
            try scan(text)
            return text.count
        case .list(let list), .tuple(let list): return list.elements.count
        case .dictionary(let dictionary): return dictionary.members.count
        case .view(let view): return view.dictionary.members.count
        case .range(let range): return range.count
        case .loop(let state): return try state.elements.counted()
        default: throw fail("a value of type \(value.kind) has no length")
        }
    }
}
