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
    func link(_ links: inout Int) throws(ChatTemplateError) {
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
