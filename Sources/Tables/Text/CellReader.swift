import Storage

/// The records of a CSV or TSV file as objects of strings, named by the first record: RFC 4180, so cells may be quoted,
/// and quoted ones may hold separators, doubled quotes and newlines. `\n` ends a record as well as `\r\n`.
///
/// A first column without a name that holds whole numbers is the index that pandas writes; it gets pandas' name for it.
///
/// An empty cell is an empty string. A blank line is no record, unless the file has one column only.
struct CellReader: ~Copyable {
    private var text: TextBytes
    private let separator: UInt8
    private var names: [String]?

    init(path: String, separator: UInt8) throws(TableError) {
        text = try TextBytes(path: path)
        self.separator = separator
    }

    mutating func next() throws(TableError) -> TableRow? {
        let names = try header()
        while true {
            let line = text.line
            guard let cells = try record() else { return nil }
            if cells.count == 1, cells[0].isEmpty, names.count > 1 { continue }
            guard cells.count == names.count else {
                throw .csv(
                    path: text.path, line: line,
                    reason: "the record has \(cells.count) cells; the header has \(names.count): "
                        + "put cells that hold the separator, quotes or newlines into double quotes")
            }
            if names[0] == CellReader.indexName, Int(cells[0]) == nil {
                throw .csv(
                    path: text.path, line: line,
                    reason: "the first column has no name and holds \"\(cells[0].prefix(40))\" here: name it in the "
                        + "first record, or write the file without an index (pandas: to_csv(path, index=False))")
            }
            var row = JSONObject()
            for (name, cell) in zip(names, cells) { row[name] = .string(cell) }
            return TableRow(content: .cells(row), line: line)
        }
    }

    /// pandas' name for a first column without one.
    private static let indexName = "Unnamed: 0"

    private mutating func header() throws(TableError) -> [String] {
        if let names { return names }
        let line = text.line
        var names = try record() ?? []
        if names.count > 1, names[0].isEmpty, !names.contains(CellReader.indexName) { names[0] = CellReader.indexName }
        for (column, name) in names.enumerated() {
            let problem: String? =
                name.isEmpty
                ? "column \(column + 1) of the header has no name"
                : names[..<column].contains(name) ? "the header names \"\(name)\" twice" : nil
            if let problem {
                throw .csv(path: text.path, line: line, reason: problem + "; the first record names them")
            }
        }
        self.names = names
        return names
    }

    /// The cells up to the end of the record; nil at the end of the file.
    private mutating func record() throws(TableError) -> [String]? {
        guard try text.peek() != nil else { return nil }
        var cells: [String] = []
        while true {
            cells.append(try cell())
            switch try text.next() {
            case separator: continue
            case UInt8(ascii: "\r"):
                if try text.peek() == UInt8(ascii: "\n") { _ = try text.next() }
                return cells
            default: return cells
            }
        }
    }

    /// A cell up to its separator, its record's end or the file's.
    private mutating func cell() throws(TableError) -> String {
        let line = text.line
        var bytes: [UInt8] = []
        if try text.peek() == UInt8(ascii: "\"") {
            _ = try text.next()
            while true {
                guard let byte = try text.next() else {
                    throw .csv(path: text.path, line: line, reason: "the quoted cell that begins here has no end")
                }
                if byte == UInt8(ascii: "\"") {
                    guard try text.peek() == UInt8(ascii: "\"") else { break }
                    _ = try text.next()
                }
                try append(byte, to: &bytes, line)
            }
            guard try isEnd() else {
                throw .csv(
                    path: text.path, line: text.line,
                    reason: "text follows a cell's closing quote; double the quotes inside a quoted cell")
            }
        } else {
            while try !isEnd(), let byte = try text.next() { try append(byte, to: &bytes, line) }
        }
        guard let cell = String(validating: bytes, as: UTF8.self) else {
            throw .csv(path: text.path, line: line, reason: "the cell is not UTF-8 text; convert the file")
        }
        return cell
    }

    private func append(_ byte: UInt8, to bytes: inout [UInt8], _ line: Int) throws(TableError) {
        guard bytes.count < LineReader.longestLine else {
            throw .csv(path: text.path, line: line, reason: "the cell is longer than 256 MiB; is a quote missing?")
        }
        bytes.append(byte)
    }

    private mutating func isEnd() throws(TableError) -> Bool {
        guard let byte = try text.peek() else { return true }
        return byte == separator || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }
}
