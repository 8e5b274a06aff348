import Figures
import Machine
import Storage

/// The figures and tables of a sweep's or a study's folder.
package struct FolderFigures {
    /// A file of it.
    struct Block {
        let html: String
    }

    let blocks: [Block]
    /// Rows of `sweep.jsonl` and `points.jsonl`.
    let rows: [(file: String, rows: [JSONObject])]

    private static let tables = ["sweep.jsonl", "points.jsonl"]
    private static let mostRows = 300
    private static let mostBytes = 600_000

    /// Whether a folder has something of the kind.
    static func isThere(in folder: String) -> Bool {
        tables.contains { FileSystem.exists(FileSystem.join(folder, $0)) }
    }

    /// - Throws: `StorageError`.
    init(folder: String) throws {
        var blocks: [Block] = []
        for name in try FileSystem.list(folder) where name.hasSuffix(".svg") {
            let path = FileSystem.join(folder, name)
            guard try FileSystem.size(of: path) <= Self.mostBytes else { continue }
            blocks.append(Block(html: Self.picture(try FileSystem.read(path), name: name)))
        }
        var rows: [(file: String, rows: [JSONObject])] = []
        for name in Self.tables {
            let found = try RunRecord.rows(of: FileSystem.join(folder, name))
            guard !found.isEmpty else { continue }
            rows.append((name, found))
            blocks.append(Block(html: Self.table(found, title: name)))
        }
        (self.blocks, self.rows) = (blocks, rows)
    }

    /// A figure of this program stands in the page as it is; another's picture is only shown.
    private static func picture(_ bytes: [UInt8], name: String) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        let isOwn = text.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\"")
        let isPlain = ["<script", "<foreignObject", "<image", "<use", "href", " on"].allSatisfy { !text.contains($0) }
        let content =
            isOwn && isPlain
            ? text
            : "<img alt=\"\(Markup.escaped(name))\" src=\"data:image/svg+xml;base64,\(base64(bytes))\">"
        let button = isOwn && isPlain ? "<button type=\"button\" data-svg=\"\(Markup.escaped(name))\">SVG</button>" : ""
        return "<figure class=\"wide\">\(content)<figcaption>\(Markup.escaped(name)) \(button)</figcaption></figure>\n"
    }

    /// Plain values of all rows; what is an object or a list is left to the file.
    private static func table(_ rows: [JSONObject], title: String) -> String {
        var names: [String] = []
        for row in rows {
            for (name, value) in row.members where !names.contains(name) && Self.text(value) != nil { names.append(name) }
        }
        let numbers = Set(names.indices.filter { place in rows.contains { $0[names[place]]?.double != nil } })
        let note = rows.count > mostRows ? " (the first \(mostRows) of \(rows.count) rows)" : ""
        return Page.table(
            names, rows.prefix(mostRows).map { row in names.map { row[$0].flatMap(text) ?? "" } }, numbers: numbers,
            caption: title + note)
    }

    static func text(_ value: JSON) -> String? {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): shortNumber(number)
        case .bool(let flag): flag ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    /// RFC 4648.
    private static func base64(_ bytes: [UInt8]) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var word = 0
            for place in 0..<3 { word = word << 8 | (place < count ? Int(bytes[start + place]) : 0) }
            for place in 0..<4 {
                text.append(place <= count ? letters[word >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A number with four significant digits.
private func shortNumber(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    let magnitude = abs(value)
    if magnitude < 1e-4 || magnitude >= 1e7 { return "\(value)" }
    let decimals = magnitude >= 1000 ? 1 : magnitude >= 100 ? 2 : magnitude >= 1 ? 4 : 6
    return fixed(value, decimals)
}
