/// The filters of lists and dictionaries.
extension JinjaRenderer {
    func listFilter(
        _ name: String, _ value: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        switch name {
        case "join":
            let bound = try bind(values, to: ["d", "attribute"], required: 0, of: name)
            var parts: [JinjaValue] = []
            for element in try all(value) {
                parts.append(.string(try string(try self.value(of: bound[1] ?? .none, in: element))))
            }
            return .string(try joined(parts, by: try string(bound[0] ?? .string(JinjaText()))))
        case "list":
            _ = try bind(values, to: [], of: name)
            return .list(try list(try all(value)))
        case "first":
            _ = try bind(values, to: [], of: name)
            return try elements(of: value).next() ?? .undefined(.other("there is no first item: the list is empty"))
        case "last":
            _ = try bind(values, to: [], of: name)
            if case .generator = value { throw fail("'last' needs a list, not a generator") }
            return try all(value).last ?? .undefined(.other("there is no last item: the list is empty"))
        case "items":
            _ = try bind(values, to: [], of: name)
            return try lazily(from: value) { [self] () throws(ChatTemplateError) in
                if value.isUndefined { return [] }
                guard case .dictionary(let dictionary) = value else { throw fail("'items' needs a dictionary") }
                return JinjaView(part: .items, dictionary: dictionary).elements
            }
        case "map": return try mapped(value, values)
        case "select", "reject", "selectattr", "rejectattr": return try selected(name, value, values)
        case "reverse":
            _ = try bind(values, to: [], of: name)
            if let text = value.text {
                try walk(text)
                try makeRoom(text.bytes.count)
                return .string(JinjaText(scalars: text.scalars.reversed()))
            }
            let elements: [JinjaValue] = try all(value).reversed()
            if case .generator = value { return .list(try list(elements)) }
            return try lazily(from: value) { () throws(ChatTemplateError) in elements }
        case "sort", "dictsort", "groupby", "unique", "min", "max", "sum": return try orderFilter(name, value, values)
        case "batch": return try batches(value, values)
        default: return try slices(value, values)
        }
    }

    /// A generator that changes each element, or drops it. As in Python nothing happens, and nothing fails, before the
    /// first element is wanted.
    /// - Parameters:
    ///   - sources: the values that the generator holds.
    ///   - start: makes the elements and what changes them.
    private func lazily(
        from sources: [JinjaValue],
        _ start:
            @escaping () throws(ChatTemplateError) -> (
                elements: JinjaElements, change: (JinjaValue) throws(ChatTemplateError) -> JinjaValue?
            )
    ) throws(ChatTemplateError) -> JinjaValue {
        let depth = 1 + (sources.lazy.map(\.depth).max() ?? 0)
        try requireDepth(depth)
        var started: (elements: JinjaElements, change: (JinjaValue) throws(ChatTemplateError) -> JinjaValue?)?
        return .generator(
            JinjaGenerator(depth: depth) { [self] () throws(ChatTemplateError) in
                if started == nil { started = try start() }
                guard let (elements, change) = started else { return nil }
                while let element = try elements.next() {
                    try step()
                    if let result = try change(element) { return result }
                }
                return nil
            })
    }

    /// A generator of elements as they are.
    private func lazily(
        from source: JinjaValue, _ elements: @escaping () throws(ChatTemplateError) -> [JinjaValue]
    ) throws(ChatTemplateError) -> JinjaValue {
        try lazily(from: [source]) { () throws(ChatTemplateError) in (JinjaElements(try elements()), { $0 }) }
    }

    // MARK: - map, select

    private func mapped(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
        try lazily(from: [value] + values.all) { [self] () throws(ChatTemplateError) in
            guard try isTrue(value) else { return (JinjaElements([]), { $0 }) }
            let elements = try elements(of: value)
            if values.positional.isEmpty, let attribute = values.named.first(where: { $0.name == "attribute" })?.value {
                let usual = values.named.first { $0.name == "default" }?.value ?? .none
                guard values.named.allSatisfy({ $0.name == "attribute" || $0.name == "default" }) else {
                    throw fail("'map' has no such argument")
                }
                return (
                    elements,
                    { [self] element throws(ChatTemplateError) in
                        try self.value(of: attribute, in: element, usually: usual.isNone ? nil : usual)
                    }
                )
            }
            guard let name = values.positional.first else { throw fail("'map' needs the name of a filter") }
            let filter = try text(name, "the name of a filter").string
            guard JinjaFilters.names.contains(filter) else { throw fail("there is no filter '\(filter)'") }
            let rest = JinjaValues(positional: Array(values.positional.dropFirst()), named: values.named)
            return (elements, { [self] element throws(ChatTemplateError) in try self.filter(filter, element, rest) })
        }
    }

    private func selected(
        _ name: String, _ value: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        try lazily(from: [value] + values.all) { [self] () throws(ChatTemplateError) in
            guard try isTrue(value) else { return (JinjaElements([]), { $0 }) }
            var positional = values.positional[...]
            var attribute = JinjaValue.none
            if name.hasSuffix("attr") {
                guard let first = positional.popFirst() else { throw fail("'\(name)' needs the name of an attribute") }
                attribute = first
            }
            var test: String?
            if let first = positional.popFirst() {
                test = try text(first, "the name of a test").string
                guard JinjaTests.names.contains(test ?? "") else { throw fail("there is no test '\(test ?? "")'") }
            }
            let rest = JinjaValues(positional: Array(positional), named: values.named)
            let isKept = name.hasPrefix("select")
            return (
                try elements(of: value),
                { [self, attribute, test] element throws(ChatTemplateError) in
                    let subject = try self.value(of: attribute, in: element)
                    let answer: Bool
                    if let test { answer = try self.test(test, subject, rest) } else { answer = try isTrue(subject) }
                    return answer == isKept ? element : nil
                }
            )
        }
    }

    /// `a.b.0` of an element; the element itself for none.
    private func value(
        of attribute: JinjaValue, in element: JinjaValue, usually: JinjaValue? = nil
    ) throws(ChatTemplateError) -> JinjaValue {
        switch attribute {
        case .none: return element
        case .string(let path):
            try step(5)
            var value = element
            for part in path.string.split(separator: ".", omittingEmptySubsequences: false) {
                let word = JinjaText(String(part))
                let isPlace = word.answer(to: "isdigit") ?? false
                value = try self.element(
                    isPlace ? JinjaNumber.integer(word).map { .integer($0) } ?? .none : .string(word), of: value)
                if let usually, value.isUndefined { value = usually }
            }
            return value
        default:
            let value = try self.element(attribute, of: element)
            return value.isUndefined ? usually ?? value : value
        }
    }

    // MARK: - Order

    private func orderFilter(
        _ name: String, _ value: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        switch name {
        case "sort":
            let bound = try bind(values, to: ["reverse", "case_sensitive", "attribute"], required: 0, of: name)
            let isSensitive = try isTrue(bound[1] ?? .bool(false))
            var attributes = [bound[2] ?? .none]
            if let text = bound[2]?.text {
                attributes = text.string.split(separator: ",", omittingEmptySubsequences: false).map {
                    .text(String($0))
                }
            }
            let keyed = try keys(of: try all(value)) { [self] element throws(ChatTemplateError) in
                var key: [JinjaValue] = []
                for attribute in attributes {
                    key.append(try sortKey(try self.value(of: attribute, in: element), isSensitive))
                }
                return .list(try list(key))
            }
            let sorted = try sorted(keyed, isReversed: try isTrue(bound[0] ?? .bool(false))) { $0.key }
            return .list(try list(sorted.map(\.element)))
        case "dictsort":
            let bound = try bind(values, to: ["case_sensitive", "by", "reverse"], required: 0, of: name)
            guard case .dictionary(let dictionary) = value else { throw fail("'dictsort' needs a dictionary") }
            let isSensitive = try isTrue(bound[0] ?? .bool(false))
            let by = bound[1]?.text?.string ?? "key"
            guard by == "key" || by == "value" else { throw fail("'dictsort' sorts by \"key\" or \"value\"") }
            let keyed = try keys(of: JinjaView(part: .items, dictionary: dictionary).elements) {
                [self] element throws(ChatTemplateError) in
                try sortKey(try self.element(.integer(by == "key" ? 0 : 1), of: element), isSensitive)
            }
            let sorted = try sorted(keyed, isReversed: try isTrue(bound[2] ?? .bool(false))) { $0.key }
            return .list(try list(sorted.map(\.element)))
        case "groupby": return try groups(value, values)
        case "unique":
            let bound = try bind(values, to: ["case_sensitive", "attribute"], required: 0, of: name)
            let isSensitive = try isTrue(bound[0] ?? .bool(false))
            return try lazily(from: [value]) { [self] () throws(ChatTemplateError) in
                var seen: Set<JinjaKey> = []
                return (
                    try elements(of: value),
                    { [self] element throws(ChatTemplateError) in
                        let key = try sortKey(try self.value(of: bound[1] ?? .none, in: element), isSensitive)
                        try requireHashable(key)
                        return seen.insert(JinjaKey(value: key)).inserted ? element : nil
                    }
                )
            }
        case "sum":
            let bound = try bind(values, to: ["attribute", "start"], required: 0, of: name)
            var sum = bound[1] ?? .integer(0)
            if sum.text != nil { throw fail("'sum' doesn't add texts; use 'join'") }
            for element in try all(value) {
                sum = try arithmetic(.add, sum, try self.value(of: bound[0] ?? .none, in: element))
            }
            return sum
        default:
            let bound = try bind(values, to: ["case_sensitive", "attribute"], required: 0, of: name)
            let isSensitive = try isTrue(bound[0] ?? .bool(false))
            var best: (element: JinjaValue, key: JinjaValue)?
            for element in try all(value) {
                let key = try sortKey(try self.value(of: bound[1] ?? .none, in: element), isSensitive)
                if let old = best {
                    guard try name == "min" ? isLess(key, old.key) : isLess(old.key, key) else { continue }
                }
                best = (element, key)
            }
            return best?.element ?? .undefined(.other("the list is empty, so it has no '\(name)'"))
        }
    }

    private func sortKey(_ value: JinjaValue, _ isSensitive: Bool) throws(ChatTemplateError) -> JinjaValue {
        guard !isSensitive, let text = value.text else { return value }
        try makeRoom(text.bytes.count)
        try walk(text)
        return .string(text.lowercased)
    }

    private func keys(
        of elements: [JinjaValue], _ key: (JinjaValue) throws(ChatTemplateError) -> JinjaValue
    ) throws(ChatTemplateError) -> [(element: JinjaValue, key: JinjaValue)] {
        var result: [(element: JinjaValue, key: JinjaValue)] = []
        for element in elements { result.append((element, try key(element))) }
        return result
    }

    /// Sorted by keys; equal ones keep their order, also in reverse.
    func sorted<T>(
        _ elements: [T], isReversed: Bool = false, by key: (T) -> JinjaValue
    ) throws(ChatTemplateError) -> [T] {
        var failure: ChatTemplateError?
        let keys = elements.map(key)
        let order = elements.indices.sorted { a, b in
            guard failure == nil else { return a < b }
            do throws(ChatTemplateError) {
                let (first, second) = isReversed ? (keys[b], keys[a]) : (keys[a], keys[b])
                if try isLess(first, second) { return true }
                if try isLess(second, first) { return false }
            } catch {
                failure = error
            }
            return a < b
        }
        if let failure { throw failure }
        return order.map { elements[$0] }
    }

    private func groups(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(values, to: ["attribute", "default", "case_sensitive"], required: 1, of: "groupby")
        let isSensitive = try isTrue(bound[2] ?? .bool(false))
        func own(_ element: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
            try self.value(of: bound[0] ?? .none, in: element, usually: bound[1])
        }
        let keyed = try keys(of: try all(value)) { element throws(ChatTemplateError) in
            try sortKey(try own(element), isSensitive)
        }
        var groups: [(key: JinjaValue, elements: [JinjaValue])] = []
        for (element, key) in try sorted(keyed, by: { $0.key }) {
            if let last = groups.last?.key, try equal(last, key) {
                groups[groups.count - 1].elements.append(element)
            } else {
                groups.append((key, [element]))
            }
        }
        var result: [JinjaValue] = []
        for group in groups {
            // Python's groups are tuples whose parts have names; here they are read by place or unpacked.
            let name = try group.elements.first.map { element throws(ChatTemplateError) in try own(element) } ?? .none
            result.append(.tuple(try list([isSensitive ? group.key : name, .list(try list(group.elements))])))
        }
        return .list(try list(result))
    }

    // MARK: - Rows and columns

    private func batches(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(values, to: ["linecount", "fill_with"], required: 1, of: "batch")
        let count = try integer(bound[0] ?? .none, "the number of elements")
        guard count > 0, count <= Limit.elements else { throw fail("'batch' can't make rows of \(count)") }
        return try lazily(from: [value] + values.all) { [self] () throws(ChatTemplateError) in
            let elements = try all(value)
            var rows: [JinjaValue] = []
            for start in stride(from: 0, to: elements.count, by: count) {
                var row = Array(elements[start..<min(start + count, elements.count)])
                if let filling = bound[1], !filling.isNone {
                    row += Array(repeating: filling, count: count - row.count)
                }
                rows.append(.list(try list(row)))
            }
            return (JinjaElements(rows), { $0 })
        }
    }

    private func slices(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(values, to: ["slices", "fill_with"], required: 1, of: "slice")
        let count = try integer(bound[0] ?? .none, "the number of slices")
        guard count > 0, count <= Limit.elements else { throw fail("'slice' can't make \(count) slices") }
        return try lazily(from: [value] + values.all) { [self] () throws(ChatTemplateError) in
            let elements = try all(value)
            var slices: [JinjaValue] = []
            var start = 0
            for place in 0..<count {
                let isLong = place < elements.count % count
                let size = elements.count / count + (isLong ? 1 : 0)
                var slice = Array(elements[start..<(start + size)])
                if let filling = bound[1], !filling.isNone, !isLong { slice.append(filling) }
                slices.append(.list(try list(slice)))
                start += size
            }
            return (JinjaElements(slices), { $0 })
        }
    }
}
