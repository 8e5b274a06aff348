/// A Python value, as far as a chat template can come by one. Lists, tuples and dictionaries never change: the sandbox
/// refuses the methods that would.
enum JinjaValue {
    case undefined(JinjaAbsence)
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(JinjaText)
    case list(JinjaList)
    case tuple(JinjaList)
    case dictionary(JinjaDictionary)
    /// The result of `keys()`, `values()` or `items()`.
    case view(JinjaView)
    case range(JinjaRange)
    case generator(JinjaGenerator)
    case namespace(JinjaNamespace)
    case loop(JinjaLoopState)
    case cycler(JinjaCycler)
    case function(JinjaFunction)

    static func text(_ string: String) -> JinjaValue { .string(JinjaText(string)) }

    /// Python's name of the type, for messages.
    var kind: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .string: "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .view(let view): view.part.rawValue
        case .range: "range"
        case .generator: "generator"
        case .namespace: "Namespace"
        case .loop: "LoopContext"
        case .cycler: "Cycler"
        case .function: "function"
        }
    }

    /// Lists and objects inside each other. Bounded, so that walking a value, and letting it go, is safe.
    var depth: Int {
        switch self {
        case .list(let list), .tuple(let list): list.depth
        case .dictionary(let dictionary): dictionary.depth
        case .view(let view): view.dictionary.depth + 1
        case .generator(let generator): generator.depth
        case .cycler(let cycler): cycler.depth
        case .function(let function): function.depth
        default: 0
        }
    }

    /// Values inside this one, shared ones counted each time, and 64 bytes of text as one value: what comparing two
    /// values costs at most.
    var weight: Int {
        switch self {
        case .string(let text): 1 + text.bytes.count >> 6
        case .list(let list), .tuple(let list): list.weight
        case .dictionary(let dictionary): dictionary.weight
        case .view(let view): view.dictionary.weight
        default: 1
        }
    }
}

/// Why a value is undefined: the message of the error if it is used.
enum JinjaAbsence {
    case variable(String)
    case member(kind: String, name: JinjaText)
    case element(kind: String)
    /// An attribute that exists and that the sandbox keeps away.
    case unsafe(kind: String, name: JinjaText)
    case other(String)

    var message: String {
        switch self {
        case .variable(let name): "'\(name)' is undefined"
        case .member(let kind, let name): "a value of type \(kind) has no attribute '\(name.string)'"
        case .element(let kind): "a value of type \(kind) has no such element"
        case .unsafe(let kind, let name):
            "'\(name.string)' of a value of type \(kind) is out of reach: templates can't change values"
        case .other(let reason): reason
        }
    }
}

final class JinjaList {
    let elements: [JinjaValue]
    let depth: Int
    let weight: Int

    init(_ elements: [JinjaValue]) {
        self.elements = elements
        depth = 1 + (elements.lazy.map(\.depth).max() ?? 0)
        weight = elements.lazy.map(\.weight).reduce(1, saturatingSum)
    }
}

private func saturatingSum(_ a: Int, _ b: Int) -> Int {
    let (sum, isTooLarge) = a.addingReportingOverflow(b)
    return isTooLarge ? .max : sum
}

/// A dictionary in the order of its making.
final class JinjaDictionary {
    let members: [(key: JinjaValue, value: JinjaValue)]
    let depth: Int
    let weight: Int
    private let places: [JinjaKey: Int]

    /// Of two equal keys the place of the first and the value of the last count.
    init(_ members: [(key: JinjaValue, value: JinjaValue)]) {
        var kept: [(key: JinjaValue, value: JinjaValue)] = []
        var places: [JinjaKey: Int] = [:]
        for (key, value) in members {
            if let place = places[JinjaKey(value: key)] {
                kept[place].value = value
            } else {
                places[JinjaKey(value: key)] = kept.count
                kept.append((key, value))
            }
        }
        self.members = kept
        self.places = places
        depth = 1 + (kept.lazy.map { max($0.key.depth, $0.value.depth) }.max() ?? 0)
        weight = kept.lazy.map { saturatingSum($0.key.weight, $0.value.weight) }.reduce(1, saturatingSum)
    }

    convenience init(names: [(String, JinjaValue)]) { self.init(names.map { (.text($0.0), $0.1) }) }

    subscript(key: JinjaValue) -> JinjaValue? { places[JinjaKey(value: key)].map { members[$0].value } }
    subscript(name: JinjaText) -> JinjaValue? { self[.string(name)] }
}

struct JinjaView {
    enum Part: String {
        case keys = "dict_keys"
        case values = "dict_values"
        case items = "dict_items"
    }

    let part: Part
    let dictionary: JinjaDictionary

    var elements: [JinjaValue] {
        switch part {
        case .keys: dictionary.members.map(\.key)
        case .values: dictionary.members.map(\.value)
        case .items: dictionary.members.map { .tuple(JinjaList([$0.key, $0.value])) }
        }
    }
}

struct JinjaRange: Equatable {
    let start: Int
    let stop: Int
    let step: Int

    var count: Int {
        step > 0
            ? start < stop ? (stop - start - 1) / step + 1 : 0
            : start > stop ? (start - stop - 1) / -step + 1 : 0
    }

    subscript(place: Int) -> JinjaValue { .integer(start + place * step) }

    func contains(_ value: Int) -> Bool {
        (step > 0 ? value >= start && value < stop : value <= start && value > stop) && (value - start) % step == 0
    }
}

/// Elements made one by one and once only, as Python's generators: what most filters of lists give.
final class JinjaGenerator {
    private var make: (() throws(ChatTemplateError) -> JinjaValue?)?
    let depth: Int

    init(depth: Int, _ make: @escaping () throws(ChatTemplateError) -> JinjaValue?) {
        self.make = make
        self.depth = depth
    }

    func next() throws(ChatTemplateError) -> JinjaValue? {
        guard let make else { return nil }
        let value: JinjaValue?
        do {
            value = try make()
        } catch {
            self.make = nil
            throw error
        }
        if value == nil { self.make = nil }
        return value
    }
}

/// The one kind of value that a template can change.
final class JinjaNamespace {
    var members: [(name: JinjaText, value: JinjaValue)]

    init(_ members: [(name: JinjaText, value: JinjaValue)]) { self.members = members }

    subscript(name: JinjaText) -> JinjaValue? {
        get { members.first { $0.name == name }?.value }
        set {
            guard let newValue else { return }
            if let place = members.firstIndex(where: { $0.name == name }) {
                members[place].value = newValue
            } else {
                members.append((name, newValue))
            }
        }
    }
}

final class JinjaCycler {
    let items: [JinjaValue]
    let depth: Int
    var place = 0

    init(_ items: [JinjaValue]) {
        self.items = items
        depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
    }
}

/// The variable `loop`.
final class JinjaLoopState {
    private(set) var elements: JinjaElements
    /// The number of recursive loops around this one.
    let depth: Int
    /// The loop itself and its surroundings, if it may be called on inner lists.
    let recursion: (loop: JinjaLoop, frame: JinjaFrame)?
    var index = -1
    var previous: JinjaValue?
    var current: JinjaValue?
    var lastChanged: [JinjaValue]?

    init(_ elements: JinjaElements, depth: Int, recursion: (loop: JinjaLoop, frame: JinjaFrame)?) {
        self.elements = elements
        self.depth = depth
        self.recursion = recursion
    }

    /// Lets go of all values when the loop is over: a template may keep the variable `loop`, and loops that hold each
    /// other would make a chain of any length.
    func finish() {
        elements = JinjaElements(count: elements.count ?? index + 1) { () throws(ChatTemplateError) in nil }
        previous = nil
        current = nil
        lastChanged = nil
    }
}

/// Elements in a row, one of which can be looked at ahead.
final class JinjaElements {
    private var make: () throws(ChatTemplateError) -> JinjaValue?
    private var ahead: JinjaValue??
    /// The number of all elements, if it is known before they are made.
    private(set) var count: Int?
    private var taken = 0

    init(count: Int?, _ make: @escaping () throws(ChatTemplateError) -> JinjaValue?) {
        self.count = count
        self.make = make
    }

    convenience init(_ elements: [JinjaValue]) {
        var place = 0
        self.init(count: elements.count) {
            guard place < elements.count else { return nil }
            place += 1
            return elements[place - 1]
        }
    }

    func next() throws(ChatTemplateError) -> JinjaValue? {
        let value = try peek()
        ahead = nil
        if value != nil { taken += 1 }
        return value
    }

    func peek() throws(ChatTemplateError) -> JinjaValue? {
        if let ahead { return ahead }
        let value = try make()
        ahead = .some(value)
        return value
    }

    /// The number of all elements; makes those that are still to come.
    func counted() throws(ChatTemplateError) -> Int {
        if let count { return count }
        var rest: [JinjaValue] = []
        if let value = try peek() {
            rest.append(value)
            while let value = try make() { rest.append(value) }
        }
        var place = 0
        ahead = nil
        make = {
            guard place < rest.count else { return nil }
            place += 1
            return rest[place - 1]
        }
        count = taken + rest.count
        return taken + rest.count
    }
}

/// Something to call.
enum JinjaFunction {
    case macro(JinjaMacro, JinjaFrame)
    case range, dictionary, namespace, cycler, joiner, raise, now
    case joining(JinjaJoiner)
    indirect case method(JinjaValue, JinjaText)

    var depth: Int {
        switch self {
        case .method(let receiver, _): receiver.depth + 1
        case .joining(let joiner): joiner.separator.depth + 1
        default: 0
        }
    }
}

final class JinjaJoiner {
    let separator: JinjaValue
    var isUsed = false

    init(separator: JinjaValue) { self.separator = separator }
}

/// The variables of a scope while it runs.
final class JinjaFrame {
    let parent: JinjaFrame?
    /// Value nil: assigned later, and undefined until then.
    private var variables: [(name: Int, value: JinjaValue?)] = []

    init(parent: JinjaFrame?, hiding names: [Int] = []) {
        self.parent = parent
        variables.reserveCapacity(4)
        for name in names { variables.append((name, nil)) }
    }

    func set(_ name: Int, _ value: JinjaValue?) {
        if let place = variables.firstIndex(where: { $0.name == name }) {
            variables[place].value = value
        } else {
            variables.append((name, value))
        }
    }

    /// - Returns: nil when no scope here knows the name; `.some(nil)` when it has no value yet.
    func find(_ name: Int) -> JinjaValue?? {
        var frame: JinjaFrame? = self
        while let scope = frame {
            if let variable = scope.variables.first(where: { $0.name == name }) { return .some(variable.value) }
            frame = scope.parent
        }
        return nil
    }

    func clear() { variables = [] }
}
