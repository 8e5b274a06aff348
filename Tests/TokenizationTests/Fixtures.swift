import Storage
import Tokenization

/// Where the committed fixtures and the real data beside the repository are.
enum Fixtures {
    static let directory = parent(of: #filePath) + "/Fixtures"
    static let shared = parent(of: parent(of: parent(of: parent(of: #filePath)))) + "/shared"

    static let small = [
        "byte-level", "split-level", "fallback", "expressions", "accents", "metaspace", "marked", "unigram",
        "unigram-bytes",
    ]

    static func rows(_ name: String) throws -> [JSON] {
        var reader = try LineReader(path: "\(directory)/\(name)")
        var rows: [JSON] = []
        while let line = try reader.next() { rows.append(try JSON.parse(line)) }
        return rows
    }

    /// A path without its last component.
    private static func parent(of path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }
}

extension JSON {
    var integers: [Int] { (array ?? []).compactMap(\.integer) }
    var ids: [Int32] { integers.map(Int32.init) }
    var ranges: [Range<Int>] {
        let ends = integers
        return stride(from: 0, to: ends.count, by: 2).map { ends[$0]..<ends[$0 + 1] }
    }
}

/// Whether two texts are the same scalars; `==` on strings takes "é" and "e" with an accent for equal.
func same(_ a: String, _ b: String?) -> Bool { Array(a.unicodeScalars) == b.map { Array($0.unicodeScalars) } }
