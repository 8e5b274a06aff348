import Storage
import Tables

/// Streams the rows of a data file, whatever its format (`TableFormat`), that one rank owns.
///
/// Every rank reads the whole file and skips what isn't its own: reading is cheap beside encoding, and nobody needs to
/// know the number of rows beforehand. Rows are dealt in blocks, round and round.
///
/// Some data sets hold one response a row (`RowFormat.gathersNeighbours`). Rows that follow each other and have the same
/// prompt are one row here, whose other columns are lists.
package struct RowReader: ~Copyable {
    /// Rows dealt to a rank at a time: small, so that even a short file is spread over all ranks.
    package static let block = 8

    /// A data row, not yet read.
    package struct Row: Sendable {
        package let content: TableRow.Content
        /// Counted from 1, blank lines included; in Parquet, which has no lines, the row's number from 1.
        package let line: Int
        /// Counted from 0, blank lines left out.
        package let row: Int

        package init(content: TableRow.Content, line: Int, row: Int) {
            self.content = content
            self.line = line
            self.row = row
        }
    }

    private var table: TableReader
    private let rank: Int
    private let worldSize: Int
    private var row = 0
    /// Read to see what kind of file this is, or to see that the group before it has ended.
    private var pending: TableRow?
    /// The line read last, counted from 1.
    private(set) var line = 0
    /// Whether rows are gathered; nil before the first was seen.
    private var gathers: Bool?

    /// - Parameter rank: below `worldSize`.
    package init(path: String, rank: Int = 0, of worldSize: Int = 1) throws(PreferenceError) {
        do throws(TableError) { table = try TableReader(path: path) } catch { throw .table(error) }
        self.rank = rank
        self.worldSize = worldSize
    }

    /// The next row of this rank; nil after the last.
    package mutating func next() throws(PreferenceError) -> Row? {
        if gathers == nil {
            pending = try nextRow()
            gathers = pending.flatMap { Self.columns(of: $0) }.map(Self.isOneResponse) ?? false
        }
        while true {
            let isOwned = row / Self.block % worldSize == rank
            guard let found = gathers == true ? try nextGroup() : try nextRow(wanted: isOwned) else { return nil }
            row += 1
            if isOwned { return Row(content: found.content, line: found.line, row: row - 1) }
        }
    }

    private mutating func nextRow(wanted: Bool = true) throws(PreferenceError) -> TableRow? {
        if let row = pending {
            pending = nil
            return row
        }
        do throws(TableError) {
            let row = try table.next(wanted: wanted)
            line = row?.line ?? line
            return row
        } catch {
            throw .table(error)
        }
    }

    // MARK: - One response a row

    private static func columns(of row: TableRow) -> JSONObject? {
        switch row.content {
        case .columns(let object), .cells(let object): object
        case .text(let bytes): (try? JSON.parse(bytes))?.object
        }
    }

    /// The rows from here on that have one prompt, as one.
    private mutating func nextGroup() throws(PreferenceError) -> TableRow? {
        guard let first = try nextRow() else { return nil }
        var group = [try rated(first)]
        let prompt = group[0][Self.groupingColumn]
        while let row = try nextRow() {
            let columns = try rated(row)
            guard columns[Self.groupingColumn] == prompt, group.count < Self.largestGroup else {
                pending = row
                break
            }
            group.append(columns)
        }
        var merged = JSONObject()
        for name in group.flatMap(\.names) where merged[name] == nil {
            merged[name] = name == Self.groupingColumn ? prompt : .array(group.map { $0[name] ?? .null })
        }
        let isText = if case .cells = first.content { true } else { false }
        return TableRow(content: isText ? .cells(merged) : .columns(merged), line: first.line)
    }

    private static let groupingColumn = "prompt"

    /// Whether a row is a single response of a format that gathers neighbours.
    private static func isOneResponse(_ row: JSONObject) -> Bool {
        row["chosen"] == nil && row["responses"] == nil
            && RowFormat.all.contains { format in
                format.gathersNeighbours
                    && format.columns.contains { $0.allSatisfy { row[$0] != nil && row[$0]?.array == nil } }
            }
    }

    /// More responses of one prompt are split: their pairs grow with the square.
    private static let largestGroup = 64

    private func rated(_ row: TableRow) throws(PreferenceError) -> JSONObject {
        guard let columns = Self.columns(of: row) else {
            throw .notRated(RowPlace(file: table.path, line: row.line), present: [])
        }
        guard Self.isOneResponse(columns) else {
            throw .notRated(RowPlace(file: table.path, line: row.line), present: columns.names)
        }
        return columns
    }
}
