/// The names of a template as its parser meets them: their numbers, and the scopes that hide a name from its inner
/// scopes.
///
/// Jinja decides where a variable lives before it runs: a name that a scope assigns (outside an `if`) before using it in
/// any other way belongs to that scope from its start, unless an outer scope knows the name too.
struct JinjaNames {
    private struct Scope {
        let parent: JinjaScope?
        var known: Set<Int> = []
        var assignedFirst: Set<Int> = []
        /// Conditions around the present place, inside this scope.
        var conditions = 0
    }

    /// The number of `loop`, in every template.
    static let loop = 0

    private(set) var list = ["loop"]
    private var numbers = ["loop": loop]
    private var scopes: [Scope] = []
    private var current: JinjaScope?
    /// Names read anywhere inside the macros around the present place, innermost last.
    private var macroReads: [Set<String>] = []

    mutating func number(of name: String) -> Int {
        if let number = numbers[name] { return number }
        numbers[name] = list.count
        list.append(name)
        return list.count - 1
    }

    // MARK: - Scopes

    mutating func enterScope() -> JinjaScope {
        scopes.append(Scope(parent: current))
        current = scopes.count - 1
        return scopes.count - 1
    }

    mutating func leaveScope() { current = current.flatMap { scopes[$0].parent } }

    /// Whether the present place is inside a condition of its own scope.
    var isConditional: Bool { current.map { scopes[$0].conditions > 0 } ?? false }

    mutating func enterCondition() { if let current { scopes[current].conditions += 1 } }
    mutating func leaveCondition() { if let current { scopes[current].conditions -= 1 } }

    // MARK: - Uses

    mutating func read(_ name: String) -> Int {
        for place in macroReads.indices { macroReads[place].insert(name) }
        let number = number(of: name)
        if let current { scopes[current].known.insert(number) }
        return number
    }

    mutating func assign(_ number: Int) {
        guard let current, scopes[current].known.insert(number).inserted, scopes[current].conditions == 0 else {
            return
        }
        scopes[current].assignedFirst.insert(number)
    }

    /// A parameter or loop variable: it has a value from the start.
    mutating func declare(_ number: Int) { if let current { scopes[current].known.insert(number) } }

    mutating func enterMacro() { macroReads.append([]) }
    mutating func leaveMacro() -> Set<String> { macroReads.removeLast() }

    /// Per scope, the names to hide. To be asked when everything is read.
    func hidden() -> [[Int]] {
        scopes.map { scope in
            scope.assignedFirst.sorted().filter { name in
                var outer = scope.parent
                while let place = outer {
                    if scopes[place].known.contains(name) { return false }
                    outer = scopes[place].parent
                }
                return true
            }
        }
    }
}
