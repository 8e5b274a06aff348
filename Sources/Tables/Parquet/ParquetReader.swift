import Storage

/// The rows of a Parquet file, put together from its columns: a page of each at a time, whatever the size of the file.
struct ParquetReader: ~Copyable {
    private let file: ParquetFile
    private var group = -1
    private var rowsLeft = 0
    private var columns: [ParquetColumn] = []
    private var row = 0
    /// Entries and bytes of the row at hand, which are bounded: run lengths can claim lists without end.
    private var entries = 0
    private var bytes = 0

    private static let mostEntries = 1 << 22

    init(_ file: ParquetFile) { self.file = file }

    mutating func next(wanted: Bool) throws(TableError) -> TableRow? {
        while rowsLeft == 0 {
            try endGroup()
            guard group + 1 < file.rowGroups.count else { return nil }
            group += 1
            rowsLeft = file.rowGroups[group].rows
            columns = try file.columns(ofGroup: group)
        }
        rowsLeft -= 1
        row += 1
        entries = 0
        bytes = 0
        var object = JSONObject()
        for (name, node) in file.schema.members {
            if let value = try read(node, wanted: wanted) { object[name] = value }
            for column in node.columns where columns[column].head.map({ $0.repetition != 0 }) ?? false {
                throw error(.damaged("its lists are longer than its neighbours'"), in: column)
            }
        }
        return TableRow(content: .columns(object), line: row)
    }

    private mutating func endGroup() throws(TableError) {
        guard group >= 0 else { return }
        for column in columns.indices where columns[column].head != nil {
            throw error(.damaged("more entries than rows"), in: column)
        }
        columns = []
        file.release()
    }

    // MARK: - From entries to a value

    /// Reads a node of the row at hand from the entries of its columns; nil if it isn't wanted.
    private mutating func read(_ node: ParquetSchema.Node, wanted: Bool) throws(TableError) -> JSON? {
        switch node {
        case .leaf(let leaf):
            return try read(leaf, wanted: wanted)
        case .group(let members, let defined):
            if let defined, try definition(node) < defined { return try skip(node, wanted: wanted) }
            var object = JSONObject()
            for (name, member) in members {
                if let value = try read(member, wanted: wanted) { object[name] = value }
            }
            return wanted ? .object(object) : nil
        case .list(let element, let repeated):
            if let defined = repeated.defined, try definition(node) < defined {
                return try skip(node, wanted: wanted)
            }
            var elements: [JSON] = []
            try eachElement(of: node, repeated) { (reader) throws(TableError) in
                if let value = try reader.read(element, wanted: wanted) { elements.append(value) }
            }
            return wanted ? .array(elements) : nil
        case .map(let key, let value, let repeated):
            if let defined = repeated.defined, try definition(node) < defined {
                return try skip(node, wanted: wanted)
            }
            var object = JSONObject()
            try eachElement(of: node, repeated) { (reader) throws(TableError) in
                let name = try reader.read(key, wanted: true) ?? .null
                let value = try reader.read(value, wanted: wanted)
                guard let name = name.string ?? name.integer.map(String.init), object[name] == nil else {
                    throw reader.error(
                        .damaged("the key \(name.text) of a map is no name, or there twice"),
                        in: key.columns.lowerBound)
                }
                object[name] = value
            }
            return wanted ? .object(object) : nil
        }
    }

    /// Calls `read` for each element of the list at hand.
    private mutating func eachElement(
        of node: ParquetSchema.Node, _ repeated: ParquetSchema.Repeated,
        _ read: (inout ParquetReader) throws(TableError) -> Void
    ) throws(TableError) {
        let first = node.columns.lowerBound
        guard try definition(node) >= repeated.hasElement else {
            _ = try skip(node, wanted: false)
            return
        }
        repeat { try read(&self) } while columns[first].head?.repetition == repeated.repetition
    }

    private mutating func read(_ leaf: ParquetSchema.Leaf, wanted: Bool) throws(TableError) -> JSON? {
        let column = leaf.column
        guard let head = columns[column].head else { throw error(.damaged("fewer entries than rows"), in: column) }
        try count(in: column)
        do throws(ParquetFault) {
            if head.definition < leaf.defined {
                guard leaf.isOptional, head.definition == leaf.defined - 1 else {
                    throw .damaged("a null where there can't be one")
                }
                try columns[column].skipNull()
                return wanted ? .null : nil
            }
            let value = try columns[column].takeValue()
            guard wanted else { return nil }
            if case .bytes(let text) = value {
                bytes += text.count
                guard bytes <= LineReader.longestLine else {
                    throw .damaged("row \(row) has more than 256 MiB of text")
                }
            }
            return try columns[column].column.type.json(value)
        } catch {
            throw self.error(error, in: column)
        }
    }

    /// Passes over a node that is null or empty: one entry in each of its columns.
    private mutating func skip(_ node: ParquetSchema.Node, wanted: Bool) throws(TableError) -> JSON? {
        for column in node.columns {
            guard let head = columns[column].head, head.definition < columns[column].column.maximumDefinition else {
                throw error(.damaged("its entries aren't its neighbours'"), in: column)
            }
            try count(in: column)
            do throws(ParquetFault) { try columns[column].skipNull() } catch { throw self.error(error, in: column) }
        }
        return wanted ? .null : nil
    }

    private func definition(_ node: ParquetSchema.Node) throws(TableError) -> Int {
        let column = node.columns.lowerBound
        guard let head = columns[column].head else { throw error(.damaged("fewer entries than rows"), in: column) }
        return head.definition
    }

    private mutating func count(in column: Int) throws(TableError) {
        entries += 1
        guard entries <= Self.mostEntries else {
            throw error(.damaged("row \(row) has more than \(Self.mostEntries) values"), in: column)
        }
    }

    private func error(_ fault: ParquetFault, in column: Int) -> TableError {
        let place = ParquetFile.place(columns[column].column, group: group)
        return fault.error(path: file.path, place: "\(place), page at byte \(columns[column].pageStart)")
    }
}
