/// One thread's memory from text to text: buffers, and the tokens of the pieces it met last. It makes encoding many
/// texts several times faster and never changes a result. For one tokenizer, and not to be shared by threads.
package final class EncodingMemory {
    private let pieces: PieceMemory
    private let worker: PieceWorker
    private var tokens = PieceTokens()
    private let cutsBeforeMetaspace: Bool
    /// Of a model that takes a piece for a token without looking at its merges.
    private let wholePieces: TokenTable?

    /// - Parameter remembers: whether there will be more than one text.
    init(_ model: TokenModel, remembers: Bool) {
        pieces = PieceMemory(remembers: remembers)
        worker = PieceWorker(model)
        cutsBeforeMetaspace = model.cutsBeforeMetaspace
        wholePieces = model.wholePieces
    }

    /// Appends the tokens of pieces of a text.
    func encode(_ pieces: [Range<Int>], of text: AlignedText, to encoding: inout Encoding) {
        text.withBytes { bytes, places in
            for piece in pieces where !piece.isEmpty {
                if let wholePieces {
                    let id = wholePieces.id(of: UnsafeBufferPointer(rebasing: bytes[piece]))
                    if id >= 0 {
                        encoding.append(id, places.origin(of: piece))
                        continue
                    }
                }
                guard cutsBeforeMetaspace else {
                    encodePart(piece, of: bytes, places, to: &encoding)
                    continue
                }
                var start = piece.lowerBound
                while start < piece.upperBound {
                    let end = EncodingMemory.nextCut(bytes, after: start, before: piece.upperBound)
                    encodePart(start..<end, of: bytes, places, to: &encoding)
                    start = end
                }
            }
        }
    }

    @inline(__always)
    private func encodePart(
        _ part: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>, _ places: AlignedText.Places,
        to encoding: inout Encoding
    ) {
        let piece = UnsafeBufferPointer(rebasing: bytes[part])
        let key = PieceMemory.Key(UnsafeRawBufferPointer(piece))
        if let key {
            var place = part.lowerBound
            let isKnown = pieces.tokens(of: key) { id, length in
                encoding.append(id, places.origin(of: place..<place &+ length))
                place &+= length
            }
            if isKnown { return }
        }
        worker.encode(piece, to: &tokens)
        for index in tokens.ids.indices {
            let range = part.lowerBound + Int(tokens.starts[index])..<part.lowerBound + Int(tokens.ends[index])
            encoding.append(tokens.ids[index], places.origin(of: range))
        }
        if let key { pieces.keep(tokens, of: key) }
    }

    /// The next "▁" that doesn't follow another one.
    private static func nextCut(_ bytes: UnsafeBufferPointer<UInt8>, after start: Int, before end: Int) -> Int {
        func isMetaspace(_ place: Int) -> Bool {
            place + 3 <= end && bytes[place] == 0xE2 && bytes[place + 1] == 0x96 && bytes[place + 2] == 0x81
        }
        var place = start
        while isMetaspace(place) { place += 3 }
        if place == start { place += 1 }
        while place < end, !isMetaspace(place) { place += 1 }
        return place
    }
}
