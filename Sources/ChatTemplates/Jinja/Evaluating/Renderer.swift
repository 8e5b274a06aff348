/// One rendering of a template: its variables, its output, and the work it may still do.
///
/// A template comes with a model from who knows where, so it reaches nothing but the values it was given, and every node
/// it evaluates and every byte it makes is counted: an endless one ends in an error within a second.
final class JinjaRenderer {
    /// The bounds of a rendering. The largest real conversation spends a few per cent of it.
    enum Limit {
        /// Expressions evaluated, elements visited, comparisons, and text walked through: the unit is about 0.2 µs.
        static let steps = 1_500_000
        /// Bytes of text made in all; templates that grow a string in a loop make much more than they print.
        static let bytes = 256 << 20
        /// Bytes of any one text, the output too.
        package static let text = 16 << 20
        /// Elements of any one list.
        static let elements = 1 << 20
        /// Lists and dictionaries inside each other.
        static let valueDepth = 200
        /// Expressions, statements and macro calls inside each other. At the limit a rendering has taken under 2 MB of
        /// stack.
        static let nesting = 600
    }

    let syntax: JinjaSyntax
    /// By number of the name.
    private let variables: [JinjaValue?]
    var output = JinjaText()
    /// Bytes of the template's own output, while something else is written first.
    var written: Int?
    /// Where the assistant speaks in the output, in bytes.
    private(set) var generations: [Range<Int>] = []
    /// Of the node that was begun last: for messages.
    var line = 1
    private var steps = 0
    private var bytes = 0
    private var nesting = 0
    /// Frames that macros hold and namespaces: they can hold each other, and are emptied at the end.
    private var frames: [JinjaFrame] = []
    private var namespaces: [JinjaNamespace] = []

    init(_ syntax: JinjaSyntax, variables given: [(name: String, value: JinjaValue)]) {
        self.syntax = syntax
        let numbers = Dictionary(uniqueKeysWithValues: syntax.names.enumerated().map { ($1, $0) })
        var variables = [JinjaValue?](repeating: nil, count: syntax.names.count)
        for (name, value) in JinjaGlobals.functions + given {
            if let number = numbers[name] { variables[number] = value }
        }
        self.variables = variables
    }

    /// - Throws: `ChatTemplateError.raised` or `.rendering`.
    func render() throws(ChatTemplateError) -> String {
        defer {
            frames.forEach { $0.clear() }
            namespaces.forEach { $0.members = [] }
        }
        _ = try execute(syntax.body, in: JinjaFrame(parent: nil, hiding: syntax.hidden[0]))
        return output.string
    }

    /// Notes what the assistant said, at the end of what is written so far. Inside a macro or a block that is set, which are
    /// written later, that is as wrong as it is in `transformers`.
    func noteGeneration(bytes: Int, from start: Int) { generations.append(start..<start + bytes) }

    // MARK: - Limits

    func fail(_ reason: String) -> ChatTemplateError { .rendering(line: line, reason: reason) }

    func step(_ count: Int = 1) throws(ChatTemplateError) {
        steps &+= count
        guard steps <= Limit.steps, count <= Limit.steps else {
            throw fail("the template does too much work; it may never end")
        }
    }

    /// Counts the work of walking through a text scalar by scalar.
    func walk(_ text: JinjaText) throws(ChatTemplateError) { try step(1 + text.bytes.count >> 2) }

    /// Counts the work of searching or copying a text.
    func scan(_ text: JinjaText) throws(ChatTemplateError) { try step(1 + text.bytes.count >> 6) }

    /// Counts a text of so many bytes, before it is made.
    func makeRoom(_ count: Int) throws(ChatTemplateError) {
        guard count <= Limit.text else { throw fail("a text would grow beyond \(Limit.text >> 20) MB") }
        bytes += count
        guard bytes <= Limit.bytes else { throw fail("the template makes too much text; it may never end") }
    }

    func nested<T>(_ body: () throws(ChatTemplateError) -> T) throws(ChatTemplateError) -> T {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Limit.nesting else { throw fail("calls and expressions are nested too deeply") }
        return try body()
    }

    func keep(_ frame: JinjaFrame) { frames.append(frame) }
    func keep(_ namespace: JinjaNamespace) { namespaces.append(namespace) }

    func list(_ elements: [JinjaValue]) throws(ChatTemplateError) -> JinjaList {
        try step(elements.count)
        guard elements.count <= Limit.elements else { throw fail("a list would have \(elements.count) elements") }
        let list = JinjaList(elements)
        try requireDepth(list.depth)
        return list
    }

    func dictionary(_ members: [(key: JinjaValue, value: JinjaValue)]) throws(ChatTemplateError) -> JinjaDictionary {
        try step(members.count)
        for (key, _) in members { try requireHashable(key) }
        let dictionary = JinjaDictionary(members)
        try requireDepth(dictionary.depth)
        return dictionary
    }

    func requireDepth(_ depth: Int) throws(ChatTemplateError) {
        guard depth <= Limit.valueDepth else { throw fail("values are nested too deeply") }
    }

    func requireHashable(_ key: JinjaValue) throws(ChatTemplateError) {
        guard key.weight < 1 << 20, key.isHashable else { throw fail("a value of type \(key.kind) can't be a key") }
        try step(key.weight)
    }

    func equal(_ a: JinjaValue, _ b: JinjaValue) throws(ChatTemplateError) -> Bool {
        try step(min(a.weight, b.weight))
        return a.equals(b)
    }

    // MARK: - Names

    func value(of name: Int, in frame: JinjaFrame) -> JinjaValue {
        if let known = frame.find(name) { return known ?? .undefined(.variable(syntax.names[name])) }
        return variables[name] ?? .undefined(.variable(syntax.names[name]))
    }

    func requireDefined(_ value: JinjaValue) throws(ChatTemplateError) {
        if case .undefined(let absence) = value { throw fail(absence.message) }
    }
}
