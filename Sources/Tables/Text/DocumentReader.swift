import Storage

/// The objects of one JSON document, without holding the document: those of its list, or of the one list in its object.
struct DocumentReader: ~Copyable {
    private var text: TextBytes
    private var state = State.start

    private enum State {
        case start
        /// In the list, before an element or its end; `first`: no element yet.
        case list(first: Bool)
        case done
    }

    /// Whether the list stands inside an object.
    private var isInObject = false

    init(path: String) throws(TableError) { text = try TextBytes(path: path) }

    mutating func next() throws(TableError) -> TableRow? {
        if case .start = state { try open() }
        guard case .list(let first) = state else { return nil }
        try skipSpace()
        if try text.peek() == UInt8(ascii: "]") {
            _ = try text.next()
            try close()
            return nil
        }
        if !first {
            guard try text.next() == UInt8(ascii: ",") else { throw wrong("',' or ']' is missing between two rows") }
            try skipSpace()
        }
        state = .list(first: false)
        let line = text.line
        guard try text.peek() == UInt8(ascii: "{") else { throw wrong("a row is not an object") }
        return TableRow(content: .text(try value()), line: line)
    }

    // MARK: - Around the list

    private mutating func open() throws(TableError) {
        try skipSpace()
        switch try text.peek() {
        case UInt8(ascii: "["):
            _ = try text.next()
            state = .list(first: true)
        case UInt8(ascii: "{"):
            _ = try text.next()
            isInObject = true
            state = try findList(afterMember: false) ? .list(first: true) : .done
            if case .done = state { throw wrong("the object has no list") }
        default: throw wrong("not a list or an object")
        }
    }

    /// Skips members up to the next one whose value is a list, and into it; false at the end of the object.
    private mutating func findList(afterMember: Bool) throws(TableError) -> Bool {
        var afterMember = afterMember
        while true {
            try skipSpace()
            if try text.peek() == UInt8(ascii: "}") {
                _ = try text.next()
                return false
            }
            if afterMember {
                guard try text.next() == UInt8(ascii: ",") else { throw wrong("',' or '}' is missing after a member") }
                try skipSpace()
            }
            guard try text.peek() == UInt8(ascii: "\"") else { throw wrong("a member's name in quotes is missing") }
            _ = try value()
            try skipSpace()
            guard try text.next() == UInt8(ascii: ":") else { throw wrong("':' is missing after a member's name") }
            try skipSpace()
            if try text.peek() == UInt8(ascii: "[") {
                _ = try text.next()
                return true
            }
            _ = try value()
            afterMember = true
        }
    }

    private mutating func close() throws(TableError) {
        state = .done
        if isInObject, try findList(afterMember: true) { throw wrong("the object has a second list") }
        try skipSpace()
        guard try text.peek() == nil else { throw wrong("more text follows the list") }
    }

    // MARK: - Values

    /// The bytes of the value that begins here. Its inside is left to the JSON parser.
    private mutating func value() throws(TableError) -> [UInt8] {
        var bytes: [UInt8] = []
        var depth = 0
        var inString = false
        while let byte = try text.peek() {
            if inString {
                if byte == UInt8(ascii: "\\") {
                    bytes.append(byte)
                    _ = try text.next()
                    guard let escaped = try text.next() else { break }
                    bytes.append(escaped)
                    continue
                }
                if byte == UInt8(ascii: "\"") { inString = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): inString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return bytes }
                    depth -= 1
                case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09...0x0D:
                    if depth == 0 { return bytes }
                default: break
                }
            }
            bytes.append(byte)
            guard bytes.count <= LineReader.longestLine else { throw wrong("a row is longer than 256 MiB") }
            _ = try text.next()
            if depth == 0, !inString, [UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: "\"")].contains(byte) {
                return bytes
            }
        }
        throw wrong("the text ends in the middle of a value")
    }

    private mutating func skipSpace() throws(TableError) {
        while let byte = try text.peek(), byte == 0x20 || 0x09...0x0D ~= byte { _ = try text.next() }
    }

    private func wrong(_ reason: String) -> TableError {
        .document(path: text.path, line: text.line, reason: reason)
    }
}
