/// Values, and what may follow them: `.name`, `[…]`, `(…)`, `|filter`, `is test`.
extension JinjaParser {
    mutating func primary() throws(ChatTemplateError) -> JinjaExpression {
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

    mutating func postfix(_ value: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
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

    private mutating func arguments() throws(ChatTemplateError) -> JinjaArguments {
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

    mutating func filtered(_ value: JinjaExpression) throws(ChatTemplateError) -> JinjaExpression {
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
}
