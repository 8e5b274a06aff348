import Storage

/// A JSON value together with its place in a file, so that reading it as the wrong kind names that place.
struct FileField {
    let file: String
    /// Dotted path from the top of the file, such as `model.merges[12]`; empty at the top.
    let key: String
    let value: JSON

    /// Reads and parses a whole file.
    init(path: String) throws(TokenizerError) {
        let bytes: [UInt8]
        do { bytes = try FileSystem.read(path) } catch { throw .unreadable(error) }
        do { value = try JSON.parse(bytes) } catch { throw .notJSON(file: path, error) }
        file = path
        key = ""
        guard value.object != nil else {
            throw .wrongKind(file: path, key: "", expected: "an object", found: value.kind)
        }
    }

    init(file: String, key: String, value: JSON) {
        self.file = file
        self.key = key
        self.value = value
    }

    /// A member of this object; a missing one reads as null.
    subscript(name: String) -> FileField {
        FileField(file: file, key: key.isEmpty ? name : "\(key).\(name)", value: value[name] ?? .null)
    }

    var isNull: Bool { value.isNull }

    private func wrongKind(_ expected: String) -> TokenizerError {
        if isNull { return .missing(file: file, key: key) }
        return .wrongKind(file: file, key: key, expected: expected, found: value.kind)
    }

    func inconsistent(_ reason: String) -> TokenizerError { .inconsistent(file: file, key: key, reason: reason) }

    func unsupported(_ component: String, supported: String) -> TokenizerError {
        .unsupported(file: file, key: key, component: component, supported: supported)
    }

    func string() throws(TokenizerError) -> String {
        guard let text = value.string else { throw wrongKind("a string") }
        return text
    }

    func bool() throws(TokenizerError) -> Bool {
        guard let flag = value.bool else { throw wrongKind("true or false") }
        return flag
    }

    func bool(default flag: Bool) throws(TokenizerError) -> Bool { isNull ? flag : try bool() }

    /// A whole number that is not negative.
    func count() throws(TokenizerError) -> Int {
        guard case .integer(let number) = value else { throw wrongKind("a whole number") }
        guard number >= 0 else { throw inconsistent("is \(number); it can't be negative") }
        return number
    }

    func list() throws(TokenizerError) -> [FileField] {
        guard let elements = value.array else { throw wrongKind("a list") }
        return elements.enumerated().map { FileField(file: file, key: "\(key)[\($0)]", value: $1) }
    }

    func object() throws(TokenizerError) -> JSONObject {
        guard let object = value.object else { throw wrongKind("an object") }
        return object
    }

    /// The `type` member, by which every component of a tokenizer names itself.
    func type() throws(TokenizerError) -> String {
        _ = try object()
        return try self["type"].string()
    }

    /// A string of exactly one Unicode scalar.
    func scalar() throws(TokenizerError) -> Unicode.Scalar {
        let text = try string().unicodeScalars
        guard let scalar = text.first, text.count == 1 else { throw inconsistent("must be one character") }
        return scalar
    }

    /// A token's id. The bound keeps a hostile file from asking for a table of two billion entries.
    func tokenID() throws(TokenizerError) -> Int32 {
        let id = try count()
        guard id < 1 << 24 else { throw inconsistent("is \(id); ids must be below \(1 << 24)") }
        return Int32(id)
    }
}
