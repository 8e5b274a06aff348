/// A parsed template.
struct JinjaSyntax: Sendable {
    let body: [JinjaStatement]
    /// Names of variables; the tree refers to them by their place here.
    let names: [String]
    /// Per scope: the names it assigns before any other use. Until then they are undefined in its inner scopes, even
    /// when the caller passed a variable of that name.
    let hidden: [[Int]]
    /// Whether it marks what the assistant says.
    let marksGenerations: Bool
}

/// Number of a scope in `JinjaSyntax.hidden`.
typealias JinjaScope = Int

indirect enum JinjaStatement: Sendable {
    case text(JinjaText)
    case output(JinjaExpression)
    case choice([(test: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
    case loop(JinjaLoop)
    case assign(JinjaTarget, JinjaExpression)
    case assignBlock(JinjaTarget, filters: [JinjaCall], JinjaBody)
    case macro(name: Int, JinjaMacro)
    case callBlock(call: JinjaExpression, JinjaMacro)
    case filterBlock([JinjaCall], JinjaBody)
    case with([(JinjaTarget, JinjaExpression)], JinjaBody)
    /// The assistant's words.
    case generation(JinjaBody)
    case breakLoop
    case continueLoop
}

/// Statements with a scope of their own.
struct JinjaBody: Sendable {
    let scope: JinjaScope
    let statements: [JinjaStatement]
}

struct JinjaLoop: Sendable {
    let target: JinjaTarget
    let iterable: JinjaExpression
    let test: (JinjaExpression, scope: JinjaScope)?
    let isRecursive: Bool
    let body: JinjaBody
    let otherwise: JinjaBody?
    let line: Int
}

struct JinjaMacro: Sendable {
    /// Absent for a call block.
    let name: String?
    let parameters: [(name: Int, default: JinjaExpression?)]
    /// Whether the body names `caller`, `varargs`, `kwargs` without declaring them: only then are they taken.
    let takesCaller: Bool
    let takesVarargs: Bool
    let takesKwargs: Bool
    let body: JinjaBody
}

indirect enum JinjaTarget: Sendable {
    case name(Int)
    case member(Int, JinjaText)
    case tuple([JinjaTarget])
}

struct JinjaExpression: Sendable {
    let line: Int
    let form: JinjaForm
}

indirect enum JinjaForm: Sendable {
    case constant(JinjaConstant)
    case name(Int)
    case list([JinjaExpression])
    case tuple([JinjaExpression])
    case dictionary([(JinjaExpression, JinjaExpression)])
    case attribute(JinjaExpression, JinjaText)
    case subscripted(JinjaExpression, JinjaExpression)
    case slice(JinjaExpression, JinjaExpression?, JinjaExpression?, JinjaExpression?)
    case call(JinjaExpression, JinjaArguments)
    case filter(JinjaExpression, JinjaCall)
    case test(JinjaExpression, JinjaCall)
    case not(JinjaExpression)
    case and(JinjaExpression, JinjaExpression)
    case or(JinjaExpression, JinjaExpression)
    case negative(JinjaExpression)
    case positive(JinjaExpression)
    case arithmetic(JinjaArithmetic, JinjaExpression, JinjaExpression)
    case concatenation([JinjaExpression])
    case comparison(JinjaExpression, [(JinjaComparison, JinjaExpression)])
    case conditional(test: JinjaExpression, JinjaExpression, otherwise: JinjaExpression?)
}

enum JinjaConstant: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(JinjaText)
}

/// A filter or a test, by name, with its arguments beside the value.
struct JinjaCall: Sendable {
    let name: String
    let arguments: JinjaArguments
    let line: Int
}

struct JinjaArguments: Sendable {
    var positional: [JinjaExpression] = []
    var named: [(name: String, value: JinjaExpression)] = []
    /// `*list`
    var list: JinjaExpression?
    /// `**dictionary`
    var dictionary: JinjaExpression?
}

enum JinjaArithmetic: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case modulo = "%"
    case power = "**"
}

enum JinjaComparison: String, Sendable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case isNotIn = "not in"
}
