/// The schema of a Parquet file: a tree whose leaves are the columns that are stored.
struct ParquetSchema {
    /// A place in a row: a column, or a part of one.
    indirect enum Node {
        case leaf(Leaf)
        /// An object. `defined`: the definition level from which it is there; nil if it always is.
        case group([(name: String, node: Node)], defined: Int?)
        /// A list; see `Repeated`.
        case list(Node, Repeated)
        /// An object with names of its own, stored as a list of keys and values.
        case map(key: Node, value: Node, Repeated)
    }

    struct Leaf {
        /// Place among the stored columns.
        let column: Int
        /// The value's definition level; below it, it is null.
        let defined: Int
        let isOptional: Bool
    }

    struct Repeated {
        /// The definition level from which the list itself is there; nil if it always is.
        let defined: Int?
        /// The definition level from which it has an element.
        let hasElement: Int
        /// The repetition level that begins a further element.
        let repetition: Int
    }

    /// A stored column.
    struct Column {
        let path: [String]
        let type: ParquetType
        let maximumDefinition: Int
        let maximumRepetition: Int
    }

    let members: [(name: String, node: Node)]
    let columns: [Column]

    /// Deeper schemas are hostile: every level is a call deep.
    private static let deepest = 48

    init(_ elements: [ParquetMetadata.SchemaElement]) throws(ParquetFault) {
        var builder = Builder(elements: elements)
        guard let root = elements.first, root.children > 0 else { throw .damaged("a schema without columns") }
        builder.next = 1
        var members: [(name: String, node: Node)] = []
        for _ in 0..<root.children { members.append(try builder.field(path: [], levels: Levels())) }
        guard builder.next == elements.count else { throw .damaged("a schema with more nodes than its tree") }
        try Builder.refuseTwins(members)
        self.members = members
        columns = builder.columns
    }

    /// Levels counted down the tree.
    private struct Levels {
        var definition = 0
        var repetition = 0
    }

    private struct Builder {
        let elements: [ParquetMetadata.SchemaElement]
        var next = 0
        var columns: [Column] = []

        private static let converted = (map: 1, mapKeyValue: 2, list: 3)

        static func refuseTwins(_ members: [(name: String, node: Node)]) throws(ParquetFault) {
            var names: Set<String> = []
            for (name, _) in members where !names.insert(name).inserted {
                throw .damaged("two columns called \"\(name)\" in one object")
            }
        }

        /// Reads the element that comes next, with all below it.
        mutating func field(path: [String], levels: Levels) throws(ParquetFault) -> (name: String, node: Node) {
            guard next < elements.count else { throw .damaged("a schema with fewer nodes than its tree") }
            let element = elements[next]
            let name = element.name
            guard element.repetition == 2 else { return (name, try single(path: path, levels: levels)) }
            // A repeated field outside a list: a list without a name of its own, always there.
            let inner = Levels(definition: levels.definition + 1, repetition: levels.repetition + 1)
            let repeated = Repeated(defined: nil, hasElement: inner.definition, repetition: inner.repetition)
            return (name, .list(try content(path: path, levels: inner, isOptional: false), repeated))
        }

        /// A field that isn't repeated.
        private mutating func single(path: [String], levels: Levels) throws(ParquetFault) -> Node {
            let element = elements[next]
            guard 0...1 ~= element.repetition else { throw .damaged("the unknown repetition \(element.repetition)") }
            let isOptional = element.repetition == 1
            var levels = levels
            if isOptional { levels.definition += 1 }
            return try content(path: path, levels: levels, isOptional: isOptional)
        }

        /// The value or the members of the element that comes next, whatever its repetition.
        private mutating func content(path: [String], levels: Levels, isOptional: Bool) throws(ParquetFault) -> Node {
            guard path.count < ParquetSchema.deepest else { throw .damaged("a schema nested too deeply") }
            let element = elements[next]
            let isMap =
                element.logical == .map || element.converted == Self.converted.map
                || element.converted == Self.converted.mapKeyValue
            let isList = element.logical == .list || element.converted == Self.converted.list
            if element.children == 1, isList || isMap, next + 1 < elements.count, elements[next + 1].repetition == 2 {
                let defined = isOptional ? levels.definition : nil
                return isMap
                    ? try map(path: path, levels: levels, defined: defined)
                    : try list(path: path, levels: levels, defined: defined)
            }
            let path = path + [element.name]
            next += 1
            guard element.physical == nil || element.children == 0 else {
                throw .damaged("\(path.joined(separator: ".")) is both a value and a group")
            }
            if element.physical != nil {
                columns.append(
                    Column(
                        path: path, type: try ParquetType(element, name: path.joined(separator: ".")),
                        maximumDefinition: levels.definition, maximumRepetition: levels.repetition))
                return .leaf(Leaf(column: columns.count - 1, defined: levels.definition, isOptional: isOptional))
            }
            guard element.children > 0 else { throw .damaged("\(path.joined(separator: ".")) is an empty group") }
            var members: [(name: String, node: Node)] = []
            for _ in 0..<element.children { members.append(try field(path: path, levels: levels)) }
            try Self.refuseTwins(members)
            return .group(members, defined: isOptional ? levels.definition : nil)
        }

        /// A list: the annotated group, the repeated field in it, and, except in old files, the element in that.
        private mutating func list(path: [String], levels: Levels, defined: Int?) throws(ParquetFault) -> Node {
            let outer = elements[next]
            let middle = elements[next + 1]
            let inner = Levels(definition: levels.definition + 1, repetition: levels.repetition + 1)
            let repeated = Repeated(defined: defined, hasElement: inner.definition, repetition: inner.repetition)
            // Two levels, as old writers had it: the repeated field is the element itself.
            let isElement =
                middle.children != 1 || middle.name == "array" || middle.name == outer.name + "_tuple"
                || (next + 2 < elements.count && elements[next + 2].repetition == 2)
            let path = path + [outer.name]
            next += 1
            if isElement { return .list(try content(path: path, levels: inner, isOptional: false), repeated) }
            next += 1
            return .list(try field(path: path + [middle.name], levels: inner).node, repeated)
        }

        private mutating func map(path: [String], levels: Levels, defined: Int?) throws(ParquetFault) -> Node {
            let (outer, middle) = (elements[next], elements[next + 1])
            guard middle.children == 2 else {
                throw .damaged("the map \((path + [outer.name]).joined(separator: ".")) without key and value")
            }
            let inner = Levels(definition: levels.definition + 1, repetition: levels.repetition + 1)
            let path = path + [outer.name, middle.name]
            next += 2
            let key = try field(path: path, levels: inner).node
            let value = try field(path: path, levels: inner).node
            return .map(
                key: key, value: value,
                Repeated(defined: defined, hasElement: inner.definition, repetition: inner.repetition))
        }
    }
}

extension ParquetSchema.Node {
    /// Stored columns below this node, in their order. There is at least one.
    var columns: ClosedRange<Int> {
        switch self {
        case .leaf(let leaf): leaf.column...leaf.column
        case .group(let members, _):
            members[0].node.columns.lowerBound...members[members.count - 1].node.columns.upperBound
        case .list(let element, _): element.columns
        case .map(let key, let value, _): key.columns.lowerBound...value.columns.upperBound
        }
    }
}
