import Storage

/// The lines that a command is given on standard input.
package enum StandardInput {
    /// Calls `body` with each line that isn't empty and its number, counted from 1.
    /// - Throws: `StorageError`, or what `body` throws.
    package static func eachLine(_ body: (_ line: [UInt8], _ number: Int) throws -> Void) throws {
        var lines = try LineReader(path: "/dev/stdin")
        var number = 0
        while let line = try lines.next() {
            number += 1
            if !line.isEmpty { try body(line, number) }
        }
    }
}
