import Storage

/// A file of /proc or /sys: lines of words, read anew each time. One that isn't there has none.
package struct TextFile {
    package let lines: [String]

    package init(_ path: String) {
        lines =
            (try? FileSystem.read(path)).map {
                String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init)
            } ?? []
    }

    /// Those of the first line.
    package var words: [Substring]? { lines.first?.split(separator: " ") }

    /// The first line as a whole number, if it is one.
    package var number: Int? { lines.first.flatMap { Int($0) } }

    /// The number behind a name: `MemAvailable:  1234 kB`.
    package func field(_ name: String) -> Int? {
        for line in lines {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.count > 1, words[0] == name { return Int(words[1]) }
        }
        return nil
    }

    /// The text behind a name and a colon: `model name : AMD EPYC`.
    package func text(_ name: String) -> String? {
        lines.first { $0.hasPrefix(name) }.map { line in
            String(line.drop { $0 != ":" }.dropFirst().drop { $0.isWhitespace })
        }
    }
}

/// A folder of such files.
struct TextFolder {
    private let path: String

    init(_ path: String) { self.path = path }

    subscript(name: String) -> TextFile { TextFile(FileSystem.join(path, name)) }
}
