import Storage

/// Asks a language model about responses: a text in which places like `{prompt}` stand for what is asked about.
struct Question: Sendable {
    let text: String

    /// - Parameters:
    ///   - file: the user's own text; nil: `standard`.
    ///   - places: that the text must have.
    ///   - reason: why it must have them, for messages.
    /// - Throws: `RewardError` for a file that can't be read or lacks a place.
    init(file: String?, standard: String, places: [String], reason: String) throws(RewardError) {
        guard let file else {
            text = standard
            return
        }
        do throws(StorageError) {
            text = String(decoding: try FileSystem.read(file), as: UTF8.self)
        } catch {
            throw .storage(error)
        }
        for place in places where !text.contains(place) {
            throw .file(file, line: 1, problem: "there is no \(place) in it; \(reason)")
        }
    }

    /// The text with its places filled, in one pass: what looks like a place in a filled-in text stays as it is.
    func filled(_ values: [String: String]) -> String {
        var filled = ""
        var rest = text[...]
        while let place = rest.firstIndex(of: "{") {
            filled += rest[..<place]
            rest = rest[place...]
            if let name = values.keys.first(where: { rest.hasPrefix($0) }) {
                filled += values[name] ?? ""
                rest = rest.dropFirst(name.count)
            } else {
                filled.append("{")
                rest = rest.dropFirst()
            }
        }
        return filled + rest
    }
}
