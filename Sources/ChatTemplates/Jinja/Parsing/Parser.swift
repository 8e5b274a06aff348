/// Builds the tree of a template: the statements. `JinjaExpressionParser.swift` has the expressions.
struct JinjaParser {
    /// Statements and expressions inside each other, and links of one chain of operators.
    static let depthLimit = 150

    var tokens: [JinjaToken]
    var position = 0
    var names = JinjaNames()
    var depth = 0
    /// Filters and tests that don't exist. Jinja forgives them inside conditions, as long as they don't run.
    var unknown: [(name: String, line: Int)] = []
    private var loops = 0
    private var marksGenerations = false

    /// - Throws: `ChatTemplateError.syntax` with the line.
    static func parse(_ template: String) throws(ChatTemplateError) -> JinjaSyntax {
        var parser = JinjaParser(tokens: try JinjaLexer.tokens(of: template))
        _ = parser.names.enterScope()
        let body = try parser.statements(until: [])
        if let first = parser.unknown.first { throw .syntax(line: first.line, reason: first.name) }
        return JinjaSyntax(
            body: body, names: parser.names.list, hidden: parser.names.hidden(),
            marksGenerations: parser.marksGenerations)
    }

    // MARK: - Tokens

    var current: JinjaToken { tokens[position] }
    var next: JinjaToken { tokens[min(position + 1, tokens.count - 1)] }
    var line: Int { current.line }

    mutating func advance() { if position < tokens.count - 1 { position += 1 } }

    func isSign(_ sign: String) -> Bool { current.kind == .sign(sign) }
    func isName(_ name: String) -> Bool { current.kind == .name(name) }

    mutating func skip(sign: String) -> Bool {
        guard isSign(sign) else { return false }
        advance()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        advance()
        return true
    }

    mutating func expect(sign: String) throws(ChatTemplateError) {
        guard skip(sign: sign) else { throw unexpected("'\(sign)'") }
    }

    mutating func expect(name: String) throws(ChatTemplateError) {
        guard skip(name: name) else { throw unexpected("'\(name)'") }
    }

    mutating func expect(_ kind: JinjaToken.Kind, _ words: String) throws(ChatTemplateError) {
        guard current.kind == kind else { throw unexpected(words) }
        advance()
    }

    mutating func expectName() throws(ChatTemplateError) -> String {
        guard case .name(let name) = current.kind else { throw unexpected("a name") }
        advance()
        return name
    }

    func error(_ reason: String, line: Int? = nil) -> ChatTemplateError {
        .syntax(line: line ?? current.line, reason: reason)
    }

    func unexpected(_ expected: String) -> ChatTemplateError { error("expected \(expected), found \(current)") }

    /// Keeps a hostile template from exhausting the stack.
    mutating func nested<T>(
        _ body: (inout JinjaParser) throws(ChatTemplateError) -> T
    ) throws(ChatTemplateError) -> T {
        guard depth < JinjaParser.depthLimit else { throw error("the template is nested too deeply") }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    // MARK: - Bodies

    /// Statements up to a tag of one of these names, which becomes the current token.
    private mutating func statements(until ends: [String]) throws(ChatTemplateError) -> [JinjaStatement] {
        var result: [JinjaStatement] = []
        while true {
            switch current.kind {
            case .data(let text):
                advance()
                result.append(.text(text))
            case .outputStart:
                advance()
                let value = try tuple()
                try expect(.outputEnd, "'}}'")
                result.append(.output(value))
            case .tagStart:
                advance()
                if case .name(let name) = current.kind, ends.contains(name) { return result }
                result += try nested { parser throws(ChatTemplateError) in try parser.statement() }
                try expect(.tagEnd, "'%}'")
            case .end where ends.isEmpty: return result
            default: throw error("the template ends before '\(ends.last ?? "")'")
            }
        }
    }

    /// The body of a tag, with the tag that ends it.
    private mutating func block(until ends: String...) throws(ChatTemplateError) -> [JinjaStatement] {
        _ = skip(sign: ":")
        try expect(.tagEnd, "'%}'")
        return try statements(until: ends)
    }

    /// A block with a scope of its own; `prepare` runs inside the scope, before the body.
    private mutating func scoped(
        until end: String, _ prepare: (inout JinjaParser) throws(ChatTemplateError) -> Void = { _ in }
    ) throws(ChatTemplateError) -> JinjaBody {
        let scope = names.enterScope()
        defer { names.leaveScope() }
        try prepare(&self)
        let statements = try block(until: end)
        advance()
        return JinjaBody(scope: scope, statements: statements)
    }

    private mutating func statement() throws(ChatTemplateError) -> [JinjaStatement] {
        guard case .name(let tag) = current.kind else { throw unexpected("the name of a tag") }
        let start = current.line
        advance()
        switch tag {
        case "if": return [try choice()]
        case "for": return [try loop(line: start)]
        case "set": return [try assignment()]
        case "macro": return [try macro()]
        case "call": return [try callBlock(line: start)]
        case "filter":
            let filters = try filterChain(startsInline: true)
            return [.filterBlock(filters, try scoped(until: "endfilter"))]
        case "with": return [try with()]
        case "print": return try printed()
        case "generation":
            // Marks what the assistant said; it changes nothing in the text.
            marksGenerations = true
            return [.generation(try macroBody(named: nil, parameters: [], until: "endgeneration").body)]
        case "break", "continue":
            guard loops > 0 else { throw error("'\(tag)' outside a loop", line: start) }
            return [tag == "break" ? .breakLoop : .continueLoop]
        case "include", "import", "from", "extends":
            throw error("'\(tag)' needs another template, and a chat template stands alone", line: start)
        case "block", "autoescape":
            throw error("the tag '\(tag)' isn't supported", line: start)
        default: throw error("unknown tag '\(tag)'", line: start)
        }
    }

    // MARK: - Statements

    private mutating func choice() throws(ChatTemplateError) -> JinjaStatement {
        var branches: [(test: JinjaExpression, body: [JinjaStatement])] = []
        names.enterCondition()
        defer { names.leaveCondition() }
        while true {
            let test = try tuple(withConditional: false)
            branches.append((test, try block(until: "elif", "else", "endif")))
            if skip(name: "elif") { continue }
            guard skip(name: "else") else { break }
            let otherwise = try block(until: "endif")
            advance()
            return .choice(branches, otherwise: otherwise)
        }
        advance()
        return .choice(branches, otherwise: [])
    }

    private mutating func loop(line: Int) throws(ChatTemplateError) -> JinjaStatement {
        let target = try target(ending: "in")
        guard !target.names.contains(JinjaNames.loop) else {
            throw error("'loop' can't be a loop's own variable", line: line)
        }
        try expect(name: "in")
        let iterable = try tuple(withConditional: false, ending: "recursive")
        var test: (JinjaExpression, scope: JinjaScope)?
        if skip(name: "if") {
            let scope = names.enterScope()
            target.names.forEach { names.declare($0) }
            test = (try expression(), scope)
            names.leaveScope()
        }
        let isRecursive = skip(name: "recursive")

        let scope = names.enterScope()
        target.names.forEach { names.declare($0) }
        names.declare(JinjaNames.loop)
        loops += 1
        let statements = try block(until: "endfor", "else")
        loops -= 1
        names.leaveScope()
        var otherwise: JinjaBody?
        if skip(name: "else") { otherwise = try scoped(until: "endfor") } else { advance() }
        return .loop(
            JinjaLoop(
                target: target, iterable: iterable, test: test, isRecursive: isRecursive,
                body: JinjaBody(scope: scope, statements: statements), otherwise: otherwise, line: line))
    }

    private mutating func assignment() throws(ChatTemplateError) -> JinjaStatement {
        let target = try target(members: true)
        if skip(sign: "=") {
            let value = try tuple()
            assign(target)
            return .assign(target, value)
        }
        let filters = try filterChain(startsInline: false)
        assign(target)
        return .assignBlock(target, filters: filters, try scoped(until: "endset"))
    }

    private mutating func assign(_ target: JinjaTarget) {
        switch target {
        case .name(let name): names.assign(name)
        case .member: break
        case .tuple(let parts): parts.forEach { assign($0) }
        }
    }

    private mutating func with() throws(ChatTemplateError) -> JinjaStatement {
        var assignments: [(JinjaTarget, JinjaExpression)] = []
        while current.kind != .tagEnd {
            if !assignments.isEmpty { try expect(sign: ",") }
            let target = try target()
            try expect(sign: "=")
            assignments.append((target, try expression()))
        }
        let body = try scoped(until: "endwith") { parser in
            for (target, _) in assignments { target.names.forEach { parser.names.declare($0) } }
        }
        return .with(assignments, body)
    }

    private mutating func printed() throws(ChatTemplateError) -> [JinjaStatement] {
        var result: [JinjaStatement] = []
        while current.kind != .tagEnd {
            if !result.isEmpty { try expect(sign: ",") }
            result.append(.output(try expression()))
        }
        return result
    }

    // MARK: - Macros

    private mutating func macro() throws(ChatTemplateError) -> JinjaStatement {
        let name = try expectName()
        try requireAssignable(name)
        let number = names.number(of: name)
        names.assign(number)
        return .macro(name: number, try macroBody(named: name, parameters: nil, until: "endmacro"))
    }

    private mutating func callBlock(line: Int) throws(ChatTemplateError) -> JinjaStatement {
        // The call stands between the parameters and the body, and belongs to the outer scope.
        let signature = isSign("(") ? position : nil
        if signature != nil { try skipParentheses() }
        let call = try expression()
        guard case .call = call.form else { throw error("expected a call", line: line) }
        let body = position
        if let signature { position = signature }
        let macro = try macroBody(
            named: nil, parameters: signature == nil ? [] : nil, until: "endcall", resumingAt: body)
        return .callBlock(call: call, macro)
    }

    private mutating func skipParentheses() throws(ChatTemplateError) {
        var open = 0
        repeat {
            if isSign("(") { open += 1 } else if isSign(")") { open -= 1 }
            guard current.kind != .tagEnd, current.kind != .end else { throw unexpected("')'") }
            advance()
        } while open > 0
    }

    /// - Parameters:
    ///   - parameters: nil to read them here.
    ///   - resumingAt: where the body starts, when that is not behind the parameters.
    private mutating func macroBody(
        named name: String?, parameters given: [(name: Int, default: JinjaExpression?)]?, until end: String,
        resumingAt bodyStart: Int? = nil
    ) throws(ChatTemplateError) -> JinjaMacro {
        names.enterMacro()
        let outerLoops = loops
        loops = 0
        var parameters = given ?? []
        let body = try scoped(until: end) { parser throws(ChatTemplateError) in
            if given == nil { parameters = try parser.signature() }
            if let bodyStart { parser.position = bodyStart }
        }
        loops = outerLoops
        let reads = names.leaveMacro()
        let declared = Set(parameters.map { names.list[$0.name] })
        if reads.contains("caller"),
            parameters.contains(where: { names.list[$0.name] == "caller" && $0.default == nil })
        {
            throw error("the parameter 'caller' of a macro needs a default")
        }
        func takes(_ word: String) -> Bool { reads.contains(word) && !declared.contains(word) }
        return JinjaMacro(
            name: name, parameters: parameters, takesCaller: takes("caller"), takesVarargs: takes("varargs"),
            takesKwargs: takes("kwargs"), body: body)
    }

    private mutating func signature() throws(ChatTemplateError) -> [(name: Int, default: JinjaExpression?)] {
        var parameters: [(name: Int, default: JinjaExpression?)] = []
        try expect(sign: "(")
        while !isSign(")") {
            if !parameters.isEmpty { try expect(sign: ",") }
            let name = try expectName()
            try requireAssignable(name)
            let number = names.number(of: name)
            names.declare(number)
            if skip(sign: "=") {
                parameters.append((number, try expression()))
            } else if parameters.last?.default != nil {
                throw error("a parameter without a default follows one with a default")
            } else {
                parameters.append((number, nil))
            }
        }
        advance()
        return parameters
    }
}
