/// Expressions, loosest first: `… if … else`, `or`, `and`, `not`, comparisons, `+ -`, `~`, `* / // %`, `**`, unary `+ -`,
/// then what follows a value: `.name`, `[…]`, `(…)`, `|filter`, `is test`.
extension JinjaParser {
    /// An expression, or several with commas between them, which make a tuple.
    mutating func tuple(
        withConditional: Bool = true, ending: String? = nil, inParentheses: Bool = false
    ) throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        var parts: [JinjaExpression] = []
        var isTuple = false
        while true {
            if !parts.isEmpty { try expect(sign: ",") }
            if current.kind == .outputEnd || current.kind == .tagEnd || isSign(")") { break }
            if let ending, isName(ending) { break }
            parts.append(withConditional ? try expression() : try disjunction())
            guard isSign(",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let only = parts.first { return only }
            guard inParentheses else { throw unexpected("an expression") }
        }
        return JinjaExpression(line: start, form: .tuple(parts))
    }

    mutating func expression() throws(ChatTemplateError) -> JinjaExpression {
        try nested { parser throws(ChatTemplateError) in try parser.conditional() }
    }

    private mutating func conditional() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        let unknownBefore = unknown.count
        var value = try disjunction()
        var links = 0
        while skip(name: "if") {
            try link(&links)
            let test = try disjunction()
            let otherwise = skip(name: "else") ? try expression() : nil
            value = JinjaExpression(line: start, form: .conditional(test: test, value, otherwise: otherwise))
            unknown.removeLast(unknown.count - unknownBefore)
        }
        return value
    }

    /// Counts the operators of one chain: the tree leans to the left, and evaluating it takes stack.
    private func link(_ links: inout Int) throws(ChatTemplateError) {
        links += 1
        guard links <= JinjaParser.depthLimit else { throw error("an expression has too many operators in a row") }
    }

    private mutating func disjunction() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        var left = try conjunction()
        var links = 0
        while skip(name: "or") {
            try link(&links)
            left = JinjaExpression(line: start, form: .or(left, try conjunction()))
        }
        return left
    }

    private mutating func conjunction() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        var left = try negation()
        var links = 0
        while skip(name: "and") {
            try link(&links)
            left = JinjaExpression(line: start, form: .and(left, try negation()))
        }
        return left
    }

    private mutating func negation() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        guard skip(name: "not") else { return try comparison() }
        let value = try nested { parser throws(ChatTemplateError) in try parser.negation() }
        return JinjaExpression(line: start, form: .not(value))
    }

    private mutating func comparison() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        let first = try sum()
        var rest: [(JinjaComparison, JinjaExpression)] = []
        while let comparison = takeComparison() { rest.append((comparison, try sum())) }
        return rest.isEmpty ? first : JinjaExpression(line: start, form: .comparison(first, rest))
    }

    private mutating func takeComparison() -> JinjaComparison? {
        switch current.kind {
        case .sign(let sign):
            guard let comparison = JinjaComparison(rawValue: sign) else { return nil }
            advance()
            return comparison
        case .name("in"):
            advance()
            return .isIn
        case .name("not") where next.kind == .name("in"):
            advance()
            advance()
            return .isNotIn
        default: return nil
        }
    }

    private mutating func sum() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        var left = try concatenation()
        var links = 0
        while let sign = takeArithmetic([.add, .subtract]) {
            try link(&links)
            left = JinjaExpression(line: start, form: .arithmetic(sign, left, try concatenation()))
        }
        return left
    }

    private mutating func concatenation() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        var parts = [try product()]
        while skip(sign: "~") { parts.append(try product()) }
        return parts.count == 1 ? parts[0] : JinjaExpression(line: start, form: .concatenation(parts))
    }

    private mutating func product() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        var left = try power()
        var links = 0
        while let sign = takeArithmetic([.multiply, .divide, .floorDivide, .modulo]) {
            try link(&links)
            left = JinjaExpression(line: start, form: .arithmetic(sign, left, try power()))
        }
        return left
    }

    private mutating func power() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        var left = try unary()
        var links = 0
        while takeArithmetic([.power]) != nil {
            try link(&links)
            left = JinjaExpression(line: start, form: .arithmetic(.power, left, try unary()))
        }
        return left
    }

    private mutating func takeArithmetic(_ allowed: [JinjaArithmetic]) -> JinjaArithmetic? {
        guard case .sign(let text) = current.kind, let sign = JinjaArithmetic(rawValue: text), allowed.contains(sign)
        else { return nil }
        advance()
        return sign
    }

    private mutating func unary(withFilters: Bool = true) throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        var value: JinjaExpression
        if isSign("-") || isSign("+") {
            let isNegative = isSign("-")
            advance()
            let operand = try nested { parser throws(ChatTemplateError) in try parser.unary(withFilters: false) }
            value = JinjaExpression(line: start, form: isNegative ? .negative(operand) : .positive(operand))
        } else {
            value = try primary()
        }
        value = try postfix(value)
        return withFilters ? try filtered(value) : value
    }

    // MARK: - Values

    private mutating func primary() throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        func constant(_ value: JinjaConstant) -> JinjaExpression {
            JinjaExpression(line: start, form: .constant(value))
        }
        switch current.kind {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return constant(.bool(true))
            case "false", "False": return constant(.bool(false))
            case "none", "None": return constant(.none)
            default: return JinjaExpression(line: start, form: .name(names.read(name)))
            }
        case .string(var text):
            advance()
            while case .string(let more) = current.kind {
                text.append(more)
                advance()
            }
            return constant(.text(text))
        case .integer(let value):
            advance()
            return constant(.integer(value))
        case .float(let value):
            advance()
            return constant(.float(value))
        case .sign("("):
            advance()
            let value = try nested { parser throws(ChatTemplateError) in try parser.tuple(inParentheses: true) }
            try expect(sign: ")")
            return value
        case .sign("["):
            advance()
            let elements = try list(until: "]") { parser throws(ChatTemplateError) in try parser.expression() }
            return JinjaExpression(line: start, form: .list(elements))
        case .sign("{"):
            advance()
            let members = try list(until: "}") { parser throws(ChatTemplateError) in
                let key = try parser.expression()
                try parser.expect(sign: ":")
                return (key, try parser.expression())
            }
            return JinjaExpression(line: start, form: .dictionary(members))
        default: throw unexpected("a value")
        }
    }

    /// Elements with commas between them, and one after the last if they like, up to a sign.
    private mutating func list<T>(
        until end: String, _ element: (inout JinjaParser) throws(ChatTemplateError) -> T
    ) throws(ChatTemplateError) -> [T] {
        var elements: [T] = []
        while !isSign(end) {
            if !elements.isEmpty { try expect(sign: ",") }
            if isSign(end) { break }
            elements.append(try element(&self))
        }
        advance()
        return elements
    }

    private mutating func postfix(_ value: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
        var value = value
        var links = 0
        while isSign(".") || isSign("[") || isSign("(") {
            try link(&links)
            value = isSign("(") ? try call(value) : try member(of: value)
        }
        return value
    }

    private mutating func call(_ function: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        return JinjaExpression(line: start, form: .call(function, try arguments()))
    }

    private mutating func member(of value: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        if skip(sign: ".") {
            switch current.kind {
            case .name(let name):
                advance()
                return JinjaExpression(line: start, form: .attribute(value, JinjaText(name)))
            case .integer(let place):
                advance()
                let index = JinjaExpression(line: start, form: .constant(.integer(place)))
                return JinjaExpression(line: start, form: .subscripted(value, index))
            default: throw unexpected("a name or a number")
            }
        }
        advance()
        let first = isSign(":") ? nil : try expression()
        if let first, !isSign(":") {
            guard isSign(",") else {
                try expect(sign: "]")
                return JinjaExpression(line: start, form: .subscripted(value, first))
            }
            advance()
            let rest = try list(until: "]") { parser throws(ChatTemplateError) in try parser.expression() }
            let index = JinjaExpression(line: start, form: .tuple([first] + rest))
            return JinjaExpression(line: start, form: .subscripted(value, index))
        }
        try expect(sign: ":")
        let stop = isSign(":") || isSign("]") ? nil : try expression()
        let step = skip(sign: ":") && !isSign("]") ? try expression() : nil
        try expect(sign: "]")
        return JinjaExpression(line: start, form: .slice(value, first, stop, step))
    }

    mutating func arguments() throws(ChatTemplateError) -> JinjaArguments {
        var result = JinjaArguments()
        let start = line
        func require(_ condition: Bool) throws(ChatTemplateError) {
            guard condition else { throw error("arguments in the wrong order", line: start) }
        }
        try expect(sign: "(")
        var isFirst = true
        while !isSign(")") {
            if !isFirst {
                try expect(sign: ",")
                if isSign(")") { break }
            }
            isFirst = false
            if skip(sign: "*") {
                try require(result.list == nil && result.dictionary == nil)
                result.list = try expression()
            } else if skip(sign: "**") {
                try require(result.dictionary == nil)
                result.dictionary = try expression()
            } else if case .name(let name) = current.kind, next.kind == .sign("=") {
                try require(result.dictionary == nil)
                advance()
                advance()
                guard !result.named.contains(where: { $0.name == name }) else {
                    throw error("the argument '\(name)' is given twice", line: start)
                }
                result.named.append((name, try expression()))
            } else {
                try require(result.list == nil && result.dictionary == nil && result.named.isEmpty)
                result.positional.append(try expression())
            }
        }
        try expect(sign: ")")
        return result
    }

    // MARK: - Filters and tests

    private mutating func filtered(_ value: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
        var value = value
        var links = 0
        while true {
            if isSign("|") {
                let start = line
                advance()
                value = JinjaExpression(line: start, form: .filter(value, try filterCall()))
            } else if isName("is") {
                value = try test(value)
            } else if isSign("(") {
                value = try call(value)
            } else {
                return value
            }
            try link(&links)
        }
    }

    /// The filters of a block: `{% set x | trim %}`, `{% filter upper | trim %}`.
    mutating func filterChain(startsInline: Bool) throws(ChatTemplateError) -> [JinjaCall] {
        var filters = startsInline ? [try filterCall()] : []
        while skip(sign: "|") { filters.append(try filterCall()) }
        return filters
    }

    private mutating func filterCall() throws(ChatTemplateError) -> JinjaCall {
        let start = line
        let name = try dottedName()
        if !JinjaFilters.names.contains(name) { noteUnknown("there is no filter '\(name)'", line: start) }
        return JinjaCall(name: name, arguments: isSign("(") ? try arguments() : JinjaArguments(), line: start)
    }

    private mutating func test(_ value: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
        let start = line
        advance()
        let isNegated = skip(name: "not")
        let name = try dottedName()
        if !JinjaTests.names.contains(name) { noteUnknown("there is no test '\(name)'", line: start) }
        var given = JinjaArguments()
        switch current.kind {
        case .sign("("): given = try arguments()
        case .name("else"), .name("or"), .name("and"): break
        case .name("is"): throw error("tests can't follow each other with 'is'")
        case .name, .string, .integer, .float, .sign("["), .sign("{"):
            given.positional = [try postfix(try primary())]
        default: break
        }
        let test = JinjaExpression(
            line: start, form: .test(value, JinjaCall(name: name, arguments: given, line: start)))
        return isNegated ? JinjaExpression(line: start, form: .not(test)) : test
    }

    private mutating func dottedName() throws(ChatTemplateError) -> String {
        var name = try expectName()
        while skip(sign: ".") { name += "." + (try expectName()) }
        return name
    }

    private mutating func noteUnknown(_ reason: String, line: Int) {
        if !names.isConditional { unknown.append((reason, line)) }
    }

    // MARK: - Targets of assignments

    /// A name, or several with commas between them; with `members`, also `namespace.name`.
    mutating func target(ending: String? = nil, members: Bool = false) throws(ChatTemplateError) -> JinjaTarget {
        var parts: [JinjaTarget] = []
        var isTuple = false
        while true {
            if !parts.isEmpty { try expect(sign: ",") }
            if current.kind == .tagEnd || isSign(")") || isSign("=") { break }
            if let ending, isName(ending) { break }
            parts.append(try targetPart(members: members))
            guard isSign(",") else { break }
            isTuple = true
        }
        if !isTuple, let only = parts.first { return only }
        guard isTuple else { throw unexpected("a name to assign to") }
        return .tuple(parts)
    }

    private mutating func targetPart(members: Bool) throws(ChatTemplateError) -> JinjaTarget {
        if skip(sign: "(") {
            let inner = try nested { parser throws(ChatTemplateError) in try parser.target() }
            try expect(sign: ")")
            return inner
        }
        let name = try expectName()
        if members, skip(sign: ".") { return .member(names.read(name), JinjaText(try expectName())) }
        try requireAssignable(name)
        return .name(names.number(of: name))
    }

    func requireAssignable(_ name: String) throws(ChatTemplateError) {
        guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
            throw error("can't assign to '\(name)'")
        }
    }
}

extension JinjaTarget {
    /// The variables that an assignment sets.
    var names: [Int] {
        switch self {
        case .name(let name): [name]
        case .member: []
        case .tuple(let parts): parts.flatMap(\.names)
        }
    }
}
