import Storage

/// Refuses to put models together whose token ids don't mean the same pieces. Folders without a `tokenizer.json` aren't
/// compared: there is nothing to compare.
package func requireVocabulary(of folder: String, _ other: String) throws {
    let (one, two) = (FileSystem.join(folder, "tokenizer.json"), FileSystem.join(other, "tokenizer.json"))
    guard FileSystem.exists(one), FileSystem.exists(two) else { return }
    let (a, b) = (try FileSystem.read(one), try FileSystem.read(two))
    guard a != b else { return }
    let (pieces, others) = (try pieces(a, one), try pieces(b, two))
    guard pieces != others else { return }
    let differing = pieces.filter { others[$0.key] != $0.value }.min { $0.value < $1.value }
    let example = differing.map { piece, id in
        "\"\(String(decoding: piece, as: UTF8.self))\" is \(id) in it, \(others[piece].map(String.init) ?? "absent") in the other"
    }
    throw TrainingError.input(
        "\(one): its vocabulary isn't \(two)'s (\(pieces.count) and \(others.count) pieces"
            + "\(example.map { "; \($0)" } ?? "")); models are put together only when they share a tokenizer")
}

/// Ids by piece, of the vocabulary and of what was added to it. Pieces are bytes: Swift takes some that differ for the same
/// `String`.
private func pieces(_ bytes: [UInt8], _ path: String) throws -> [[UInt8]: Int] {
    let json: JSON
    do {
        json = try JSON.parse(bytes)
    } catch {
        throw TrainingError.input("\(path): \(error)")
    }
    var pieces: [[UInt8]: Int] = [:]
    if let vocabulary = json["model"]?["vocab"]?.object {
        for (piece, id) in vocabulary.members { pieces[Array(piece.utf8)] = id.integer }
    }
    // A unigram model's: [piece, score] by place.
    for (id, entry) in (json["model"]?["vocab"]?.array ?? []).enumerated() {
        if let piece = entry.array?.first?.string { pieces[Array(piece.utf8)] = id }
    }
    for token in json["added_tokens"]?.array ?? [] {
        if let piece = token["content"]?.string { pieces[Array(piece.utf8)] = token["id"]?.integer }
    }
    return pieces
}
