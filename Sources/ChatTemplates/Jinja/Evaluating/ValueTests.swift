/// Jinja's tests: what may follow `is`.
enum JinjaTests {
    static let names: Set<String> = [
        "!=", "<", "<=", "==", ">", ">=", "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "escaped",
        "even", "false", "filter", "float", "ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan",
        "lower", "lt", "mapping", "ne", "none", "number", "odd", "sameas", "sequence", "string", "test", "true",
        "undefined", "upper",
    ]

    fileprivate static let comparisons: [String: JinjaComparison] = [
        "==": .equal, "eq": .equal, "equalto": .equal, "!=": .unequal, "ne": .unequal, "<": .less, "lt": .less,
        "lessthan": .less, "<=": .lessOrEqual, "le": .lessOrEqual, ">": .greater, "gt": .greater,
        "greaterthan": .greater, ">=": .greaterOrEqual, "ge": .greaterOrEqual, "in": .isIn,
    ]
}

extension JinjaRenderer {
    func test(_ name: String, _ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> Bool {
        if let comparison = JinjaTests.comparisons[name] {
            return try compare(comparison, value, try bind(values, to: ["other"], of: name)[0] ?? .none)
        }
        switch name {
        case "sameas":
            let other = try bind(values, to: ["other"], of: name)[0] ?? .none
            return value.isSame(as: other)
        case "divisibleby":
            let divisor = try bind(values, to: ["num"], of: name)[0] ?? .none
            return try equal(try arithmetic(.modulo, value, divisor), .integer(0))
        default: _ = try bind(values, to: [], of: name)
        }
        switch name {
        case "defined": return !value.isUndefined
        case "undefined": return value.isUndefined
        case "none": return value.isNone
        case "boolean": if case .bool = value { return true } else { return false }
        case "true": if case .bool(true) = value { return true } else { return false }
        case "false": if case .bool(false) = value { return true } else { return false }
        case "integer": if case .integer = value { return true } else { return false }
        case "float": if case .float = value { return true } else { return false }
        case "number": return value.number != nil
        case "string": return value.text != nil
        case "mapping": if case .dictionary = value { return true } else { return false }
        case "odd": return try equal(try arithmetic(.modulo, value, .integer(2)), .integer(1))
        case "even": return try equal(try arithmetic(.modulo, value, .integer(2)), .integer(0))
        case "lower", "upper": return try string(value).answer(to: "is" + name) ?? false
        case "escaped": return value.text?.isMarkup ?? false
        case "filter": return JinjaFilters.names.contains(try text(value, "the name of a filter").string)
        case "test": return JinjaTests.names.contains(try text(value, "the name of a test").string)
        case "sequence":
            switch value {
            case .undefined, .string, .list, .tuple, .dictionary, .range: return true
            default: return false
            }
        case "iterable":
            switch value {
            case .none, .bool, .integer, .float, .namespace, .cycler, .function: return false
            default: return true
            }
        case "callable":
            switch value {
            case .undefined, .function, .loop: return true
            default: return false
            }
        default: throw fail("there is no test '\(name)'")
        }
    }
}
