/// The ways in which a list of statements ends.
enum JinjaFlow { case next, breakLoop, continueLoop }

extension JinjaRenderer {
    func execute(_ statements: [JinjaStatement], in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaFlow {
        for statement in statements {
            let flow = try execute(statement, in: frame)
            if flow != .next { return flow }
        }
        return .next
    }

    func execute(_ body: JinjaBody, in outer: JinjaFrame) throws(ChatTemplateError) -> JinjaFlow {
        try execute(body.statements, in: JinjaFrame(parent: outer, hiding: syntax.hidden[body.scope]))
    }

    private func execute(_ statement: JinjaStatement, in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaFlow {
        try step()
        switch statement {
        case .text(let text): try write(text)
        case .output(let expression): try write(string(try evaluate(expression, in: frame)))
        case .choice(let branches, let otherwise):
            return try nested { () throws(ChatTemplateError) in
                for branch in branches where try isTrue(try evaluate(branch.test, in: frame)) {
                    return try execute(branch.body, in: frame)
                }
                return try execute(otherwise, in: frame)
            }
        case .loop(let loop):
            return try nested { () throws(ChatTemplateError) in try execute(loop, in: frame) }
        case .assign(let target, let expression):
            try requireNamespaces(target, in: frame)
            try assign(try evaluate(expression, in: frame), to: target, in: frame)
        case .assignBlock(let target, let filters, let body):
            let (text, flow) = try captured(body, in: frame)
            guard flow == .next else { return flow }
            try assign(try apply(filters, to: .string(text), in: frame), to: target, in: frame)
        case .filterBlock(let filters, let body):
            let (text, flow) = try captured(body, in: frame)
            guard flow == .next else { return flow }
            try write(string(try apply(filters, to: .string(text), in: frame)))
        case .macro(let name, let macro):
            keep(frame)
            frame.set(name, .function(.macro(macro, frame)))
        case .callBlock(let call, let macro):
            keep(frame)
            try callBlock(call, caller: .function(.macro(macro, frame)), in: frame)
        case .with(let assignments, let body): return try with(assignments, body, in: frame)
        case .generation(let body):
            let (start, before) = (written ?? output.bytes.count, output.bytes.count)
            let flow = try nested { () throws(ChatTemplateError) in try execute(body, in: frame) }
            noteGeneration(bytes: output.bytes.count - before, from: start)
            return flow
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .next
    }

    // MARK: - Output

    private func write(_ text: JinjaText) throws(ChatTemplateError) {
        try makeRoom(text.bytes.count)
        guard output.bytes.count + text.bytes.count <= Limit.text else {
            throw fail("the output would grow beyond \(Limit.text >> 20) MB")
        }
        output.append(text)
    }

    /// The output of a body, instead of writing it.
    func captured(_ body: JinjaBody, in frame: JinjaFrame) throws(ChatTemplateError) -> (JinjaText, JinjaFlow) {
        try capture { () throws(ChatTemplateError) in try execute(body, in: frame) }
    }

    func capture(
        _ body: () throws(ChatTemplateError) -> JinjaFlow
    ) throws(ChatTemplateError) -> (JinjaText, JinjaFlow) {
        try nested { () throws(ChatTemplateError) in
            let (outer, outerWritten) = (output, written)
            (output, written) = (JinjaText(), written ?? outer.bytes.count)
            defer { (output, written) = (outer, outerWritten) }
            let flow = try body()
            return (output, flow)
        }
    }

    private func apply(
        _ filters: [JinjaCall], to value: JinjaValue, in frame: JinjaFrame
    ) throws(ChatTemplateError) -> JinjaValue {
        var value = value
        for filter in filters {
            value = try self.filter(filter.name, value, try arguments(filter.arguments, in: frame))
        }
        return value
    }

    // MARK: - Loops

    func execute(_ loop: JinjaLoop, in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaFlow {
        line = loop.line
        let iterable = try evaluate(loop.iterable, in: frame)
        guard loop.isRecursive else { return try run(loop, over: iterable, in: frame, depth: 0) }
        keep(frame)
        _ = try run(loop, over: iterable, in: frame, depth: 0)
        return .next
    }

    /// - Parameter depth: of a recursive loop.
    func run(
        _ loop: JinjaLoop, over iterable: JinjaValue, in frame: JinjaFrame, depth: Int
    ) throws(ChatTemplateError) -> JinjaFlow {
        var elements = try self.elements(of: iterable)
        if let test = loop.test { elements = filtered(elements, by: test, as: loop.target, in: frame) }
        let state = JinjaLoopState(elements, depth: depth, recursion: loop.isRecursive ? (loop, frame) : nil)
        defer { state.finish() }
        while let element = try elements.next() {
            try step(2)
            state.index += 1
            state.previous = state.current
            state.current = element
            let inner = JinjaFrame(parent: frame, hiding: syntax.hidden[loop.body.scope])
            try assign(element, to: loop.target, in: inner)
            inner.set(JinjaNames.loop, .loop(state))
            if try execute(loop.body.statements, in: inner) == .breakLoop { break }
        }
        guard state.index < 0, let otherwise = loop.otherwise else { return .next }
        return try execute(otherwise, in: frame)
    }

    /// The elements that pass a loop's `if`, each tested when its turn comes.
    private func filtered(
        _ elements: JinjaElements, by test: (JinjaExpression, scope: JinjaScope), as target: JinjaTarget,
        in frame: JinjaFrame
    ) -> JinjaElements {
        JinjaElements(count: nil) { [self] () throws(ChatTemplateError) in
            while let element = try elements.next() {
                try step()
                let inner = JinjaFrame(parent: frame, hiding: syntax.hidden[test.scope])
                try assign(element, to: target, in: inner)
                if try isTrue(try evaluate(test.0, in: inner)) { return element }
            }
            return nil
        }
    }

    // MARK: - Assignments

    private func with(
        _ assignments: [(JinjaTarget, JinjaExpression)], _ body: JinjaBody, in frame: JinjaFrame
    ) throws(ChatTemplateError) -> JinjaFlow {
        try nested { () throws(ChatTemplateError) in
            let inner = JinjaFrame(parent: frame, hiding: syntax.hidden[body.scope])
            for (target, expression) in assignments {
                try assign(try evaluate(expression, in: frame), to: target, in: inner)
            }
            return try execute(body.statements, in: inner)
        }
    }

    private func requireNamespaces(_ target: JinjaTarget, in frame: JinjaFrame) throws(ChatTemplateError) {
        switch target {
        case .name: break
        case .member(let name, _):
            guard case .namespace = value(of: name, in: frame) else {
                throw fail("'\(syntax.names[name])' is not a namespace, so its attributes can't be set")
            }
        case .tuple(let parts): for part in parts { try requireNamespaces(part, in: frame) }
        }
    }

    private func assign(
        _ value: JinjaValue, to target: JinjaTarget, in frame: JinjaFrame
    ) throws(ChatTemplateError) {
        switch target {
        case .name(let name): frame.set(name, value)
        case .member(let name, let member):
            guard case .namespace(let namespace) = self.value(of: name, in: frame) else {
                throw fail("'\(syntax.names[name])' is not a namespace, so its attributes can't be set")
            }
            try requirePublic(member)
            namespace[member] = value
        case .tuple(let parts):
            let elements = try self.elements(of: value)
            var values: [JinjaValue] = []
            while values.count <= parts.count, let element = try elements.next() { values.append(element) }
            guard values.count == parts.count else {
                throw fail("\(values.count > parts.count ? "too many" : "not enough") values for \(parts.count) names")
            }
            for (part, value) in zip(parts, values) { try assign(value, to: part, in: frame) }
        }
    }

    func requirePublic(_ member: JinjaText) throws(ChatTemplateError) {
        guard member.bytes.first != UInt8(ascii: "_") else {
            throw fail("an attribute of a namespace can't start with '_': '\(member.string)'")
        }
    }

    // MARK: - Macros

    private func callBlock(
        _ expression: JinjaExpression, caller: JinjaValue, in frame: JinjaFrame
    ) throws(ChatTemplateError) {
        guard case .call(let function, let given) = expression.form else { return }
        let callee = try evaluate(function, in: frame)
        var arguments = try self.arguments(given, in: frame)
        arguments.named.append(("caller", caller))
        line = expression.line
        try write(string(try call(callee, arguments)))
    }

    func call(
        _ macro: JinjaMacro, in outer: JinjaFrame, _ given: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        let frame = JinjaFrame(parent: outer, hiding: syntax.hidden[macro.body.scope])
        var named = given.named
        func take(_ name: String) -> JinjaValue? {
            named.firstIndex { $0.name == name }.map { named.remove(at: $0).value }
        }
        func declare(_ name: String, _ value: JinjaValue) {
            if let number = syntax.names.firstIndex(of: name) { frame.set(number, value) }
        }
        let title = "the macro '\(macro.name ?? "caller")'"
        var missing: [(name: Int, default: JinjaExpression?)] = []
        for (place, parameter) in macro.parameters.enumerated() {
            if place < given.positional.count {
                frame.set(parameter.name, given.positional[place])
            } else if let value = take(syntax.names[parameter.name]) {
                frame.set(parameter.name, value)
            } else {
                frame.set(parameter.name, nil)
                missing.append(parameter)
            }
        }
        if macro.takesCaller { declare("caller", take("caller") ?? .undefined(.other("there is no caller"))) }
        if macro.takesKwargs {
            declare("kwargs", .dictionary(try dictionary(named.map { (.text($0.name), $0.value) })))
        } else if let extra = named.first {
            throw fail("\(title) has no parameter '\(extra.name)'")
        }
        let extra = given.positional.dropFirst(macro.parameters.count)
        if macro.takesVarargs {
            declare("varargs", .tuple(try list(Array(extra))))
        } else if !extra.isEmpty {
            throw fail("\(title) takes \(macro.parameters.count) arguments, not \(given.positional.count)")
        }
        return try nested { () throws(ChatTemplateError) in
            for parameter in missing {
                let name = syntax.names[parameter.name]
                if let usual = parameter.default {
                    frame.set(parameter.name, try evaluate(usual, in: frame))
                } else {
                    frame.set(parameter.name, .undefined(.other("the parameter '\(name)' was not given")))
                }
            }
            return .string(
                try capture { () throws(ChatTemplateError) in
                    try execute(macro.body.statements, in: frame)
                }.0)
        }
    }
}
