/// The values of a call's arguments.
struct JinjaValues {
    var positional: [JinjaValue] = []
    var named: [(name: String, value: JinjaValue)] = []

    var all: [JinjaValue] { positional + named.map(\.value) }
}

extension JinjaRenderer {
    func evaluate(_ expression: JinjaExpression, in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaValue {
        try step()
        line = expression.line
        switch expression.form {
        case .constant(let constant): return JinjaValue(constant)
        case .name(let name): return value(of: name, in: frame)
        default: return try nested { () throws(ChatTemplateError) in try compound(expression, in: frame) }
        }
    }

    private func compound(_ expression: JinjaExpression, in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaValue {
        switch expression.form {
        case .constant, .name: return .none
        case .attribute(let object, let name):
            let object = try evaluate(object, in: frame)
            line = expression.line
            return try attribute(name, of: object)
        case .subscripted(let object, let key):
            let object = try evaluate(object, in: frame)
            let key = try evaluate(key, in: frame)
            return try element(key, of: object)
        case .call(let function, let given):
            let function = try evaluate(function, in: frame)
            let values = try arguments(given, in: frame)
            line = expression.line
            return try call(function, values)
        case .filter(let value, let call):
            let value = try evaluate(value, in: frame)
            let values = try arguments(call.arguments, in: frame)
            line = call.line
            return try filter(call.name, value, values)
        case .test(let value, let call):
            let value = try evaluate(value, in: frame)
            let values = try arguments(call.arguments, in: frame)
            line = call.line
            return .bool(try test(call.name, value, values))
        case .not, .and, .or, .conditional: return try logical(expression, in: frame)
        case .negative, .positive, .arithmetic, .concatenation, .comparison:
            return try operation(expression, in: frame)
        case .list, .tuple, .dictionary, .slice: return try sequence(expression, in: frame)
        }
    }

    private func logical(_ expression: JinjaExpression, in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaValue {
        switch expression.form {
        case .not(let value): return .bool(!(try isTrue(try evaluate(value, in: frame))))
        case .and(let left, let right):
            let left = try evaluate(left, in: frame)
            return try isTrue(left) ? try evaluate(right, in: frame) : left
        case .or(let left, let right):
            let left = try evaluate(left, in: frame)
            return try isTrue(left) ? left : try evaluate(right, in: frame)
        case .conditional(let test, let value, let otherwise):
            if try isTrue(try evaluate(test, in: frame)) { return try evaluate(value, in: frame) }
            guard let otherwise else {
                return .undefined(.other("an inline 'if' on line \(expression.line) was false and has no 'else'"))
            }
            return try evaluate(otherwise, in: frame)
        default: return .none
        }
    }

    private func operation(_ expression: JinjaExpression, in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaValue
    {
        switch expression.form {
        case .negative(let value): return try signed(try evaluate(value, in: frame), isNegative: true)
        case .positive(let value): return try signed(try evaluate(value, in: frame), isNegative: false)
        case .arithmetic(let sign, let left, let right):
            let left = try evaluate(left, in: frame)
            let right = try evaluate(right, in: frame)
            line = expression.line
            return try arithmetic(sign, left, right)
        case .concatenation(let parts):
            var values: [JinjaValue] = []
            for part in parts { values.append(try evaluate(part, in: frame)) }
            var result = JinjaText()
            for value in values { result.append(try string(value)) }
            try makeRoom(result.bytes.count)
            return .string(result)
        case .comparison(let first, let rest):
            var left = try evaluate(first, in: frame)
            for (comparison, right) in rest {
                let right = try evaluate(right, in: frame)
                line = expression.line
                guard try compare(comparison, left, right) else { return .bool(false) }
                left = right
            }
            return .bool(true)
        default: return .none
        }
    }

    private func sequence(_ expression: JinjaExpression, in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaValue {
        switch expression.form {
        case .list(let parts): return .list(try list(try evaluate(parts, in: frame)))
        case .tuple(let parts): return .tuple(try list(try evaluate(parts, in: frame)))
        case .dictionary(let members):
            var values: [(key: JinjaValue, value: JinjaValue)] = []
            for (key, value) in members {
                values.append((try evaluate(key, in: frame), try evaluate(value, in: frame)))
            }
            return .dictionary(try dictionary(values))
        case .slice(let object, let start, let stop, let step):
            let object = try evaluate(object, in: frame)
            func bound(_ part: JinjaExpression?) throws(ChatTemplateError) -> Int? {
                guard let part else { return nil }
                let value = try evaluate(part, in: frame)
                if value.isNone { return nil }
                guard let number = value.exactInteger else {
                    throw fail("the bounds of a slice must be whole numbers, not \(value.kind)")
                }
                return number
            }
            return try slice(object, try bound(start), try bound(stop), try bound(step))
        default: return .none
        }
    }

    private func evaluate(
        _ parts: [JinjaExpression], in frame: JinjaFrame
    ) throws(ChatTemplateError) -> [JinjaValue] {
        var values: [JinjaValue] = []
        values.reserveCapacity(parts.count)
        for part in parts { values.append(try evaluate(part, in: frame)) }
        return values
    }

    func arguments(_ given: JinjaArguments, in frame: JinjaFrame) throws(ChatTemplateError) -> JinjaValues {
        var values = JinjaValues(positional: try evaluate(given.positional, in: frame))
        for (name, value) in given.named { values.named.append((name, try evaluate(value, in: frame))) }
        if let list = given.list {
            values.positional += try all(try evaluate(list, in: frame))
        }
        if let dictionary = given.dictionary {
            guard case .dictionary(let members) = try evaluate(dictionary, in: frame) else {
                throw fail("'**' needs a dictionary")
            }
            for (key, value) in members.members {
                guard let name = key.text?.string else { throw fail("the names after '**' must be strings") }
                guard !values.named.contains(where: { $0.name == name }) else {
                    throw fail("the argument '\(name)' is given twice")
                }
                values.named.append((name, value))
            }
        }
        return values
    }

    // MARK: - Calls

    func call(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
        switch value {
        case .function(.macro(let macro, let frame)): return try call(macro, in: frame, values)
        case .function(.method(let receiver, let name)):
            return try nested { () throws(ChatTemplateError) in try method(name, of: receiver, values) }
        case .function(let function): return try callGlobal(function, values)
        case .loop(let state):
            guard let (loop, frame) = state.recursion else { throw fail("only a recursive loop can be called") }
            let iterable = try bind(values, to: ["iterable"], of: "loop")[0] ?? .none
            return .string(
                try capture { () throws(ChatTemplateError) in
                    try run(loop, over: iterable, in: frame, depth: state.depth + 1)
                }.0)
        case .undefined: try requireDefined(value)
        default: break
        }
        throw fail("a value of type \(value.kind) can't be called")
    }

    /// The values of named parameters, the first `required` of which must be given.
    func bind(
        _ values: JinjaValues, to names: [String], required: Int? = nil, of function: String
    ) throws(ChatTemplateError) -> [JinjaValue?] {
        guard values.positional.count <= names.count else {
            throw fail("'\(function)' takes \(names.count) arguments at most, not \(values.positional.count)")
        }
        var bound: [JinjaValue?] =
            values.positional + Array(repeating: nil, count: names.count - values.positional.count)
        for (name, value) in values.named {
            guard let place = names.firstIndex(of: name) else {
                throw fail("'\(function)' has no argument '\(name)'")
            }
            guard bound[place] == nil else { throw fail("'\(function)' is given '\(name)' twice") }
            bound[place] = value
        }
        for place in 0..<(required ?? names.count) where bound[place] == nil {
            throw fail("'\(function)' needs an argument '\(names[place])'")
        }
        return bound
    }
}

extension JinjaValue {
    init(_ constant: JinjaConstant) {
        switch constant {
        case .none: self = .none
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .integer(number)
        case .float(let number): self = .float(number)
        case .text(let text): self = .string(text)
        }
    }
}
