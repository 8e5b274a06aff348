/// A token that is looked for in the text before the model sees it.
struct AddedToken: Sendable {
    let id: Int32
    let content: String
    let singleWord: Bool
    /// Whether white space before or after it belongs to it.
    let takesLeft: Bool
    let takesRight: Bool
    /// Whether it is looked for in the normalised text, in its own normalised form.
    let isNormalized: Bool
    let isSpecial: Bool

    init(_ field: FileField) throws(TokenizerError) {
        id = try field["id"].tokenID()
        content = try field["content"].string()
        singleWord = try field["single_word"].bool()
        takesLeft = try field["lstrip"].bool()
        takesRight = try field["rstrip"].bool()
        isNormalized = try field["normalized"].bool()
        isSpecial = try field["special"].bool()
    }
}

/// The added tokens of a tokenizer and where they are in a text.
struct AddedTokens: Sendable {
    let tokens: [AddedToken]
    /// Looked for in the text as it is given.
    let literal: AddedTokenFinder
    /// Looked for in the normalised text.
    let normalized: AddedTokenFinder
    /// The normalised form that an id decodes to, where its content is another.
    private(set) var normalizedForms: [Int32: [UInt8]] = [:]
    private let ids: [[UInt8]: Int32]
    private let contents: [Int32: Int]

    /// - Throws: if an id contradicts the vocabulary or another token. The library would silently use other ids.
    init(_ field: FileField, _ normalizer: Normalizer?, _ model: TokenModel) throws(TokenizerError) {
        var tokens: [AddedToken] = []
        var ids: [[UInt8]: Int32] = [:]
        var contents: [Int32: Int] = [:]
        var forms: [(form: [UInt8], index: Int)] = []
        for part in field.isNull ? [] : try field.list() {
            let token = try AddedToken(part)
            let bytes = Array(token.content.utf8)
            guard !bytes.isEmpty else { throw part["content"].inconsistent("is empty") }
            let known = model.written.id(of: bytes)
            if known >= 0, known != token.id {
                throw part["id"].inconsistent(
                    "is \(token.id), but model.vocab gives \"\(token.content)\" the id \(known)")
            }
            if known < 0, model.written.bytes.contains(token.id) {
                let other = String(decoding: model.written.bytes[token.id], as: UTF8.self)
                throw part["id"].inconsistent("is \(token.id), which model.vocab gives to \"\(other)\"")
            }
            if let other = contents[token.id] {
                throw part["id"].inconsistent("is \(token.id), like that of \"\(tokens[other].content)\"")
            }
            if ids[bytes] != nil { throw part["content"].inconsistent("is \"\(token.content)\", like another token's") }
            ids[bytes] = token.id
            contents[token.id] = tokens.count
            var form = bytes
            if token.isNormalized, let normalizer {
                do { form = try normalizer.applied(to: token.content) } catch {
                    throw part["content"].inconsistent("can't be normalised: \(error)")
                }
                guard !form.isEmpty else { throw part["content"].inconsistent("is empty once it is normalised") }
                if form != bytes { normalizedForms[token.id] = form }
            }
            forms.append((form, tokens.count))
            tokens.append(token)
        }
        self.tokens = tokens
        self.ids = ids
        self.contents = contents
        literal = AddedTokenFinder(forms.filter { !tokens[$0.index].isNormalized }, tokens)
        normalized = AddedTokenFinder(forms.filter { tokens[$0.index].isNormalized }, tokens)
    }

    func id(of content: some Sequence<UInt8>) -> Int32? { ids[Array(content)] }

    subscript(id: Int32) -> AddedToken? { contents[id].map { tokens[$0] } }

    /// Largest id + 1.
    var count: Int { Int(tokens.map(\.id).max() ?? -1) + 1 }
}

/// Finds the leftmost of several tokens, the longest where several start at one place, by a trie.
struct AddedTokenFinder: Sendable {
    /// A stretch of text; `token` is nil for what lies between tokens.
    struct Segment {
        let range: Range<Int>
        let token: AddedToken?
    }

    private let tokens: [AddedToken]
    /// From node (upper bits) and byte (lower eight) to node; the root is 0.
    private var edges: FlatTable
    /// Index of the token that ends at a node, or −1.
    private var ends: [Int] = [-1]
    private var starts = [Bool](repeating: false, count: 256)

    init(_ forms: [(form: [UInt8], index: Int)], _ tokens: [AddedToken]) {
        self.tokens = tokens
        edges = FlatTable(capacity: forms.reduce(0) { $0 + $1.form.count })
        for (form, index) in forms {
            var node: UInt64 = 0
            starts[Int(form[0])] = true
            for byte in form {
                let key = node << 8 | UInt64(byte)
                if edges[key] == FlatTable.absent {
                    edges.set(key, UInt64(ends.count))
                    ends.append(-1)
                }
                node = edges[key]
            }
            // Two tokens of one normalised form: the first keeps it.
            if ends[Int(node)] < 0 { ends[Int(node)] = index }
        }
    }

    /// Cuts a text at its tokens. Nothing for an empty text.
    func segments(of text: UnsafeBufferPointer<UInt8>) -> [Segment] {
        guard ends.count > 1 else { return text.isEmpty ? [] : [Segment(range: text.indices, token: nil)] }
        var segments: [Segment] = []
        var done = 0
        var place = 0
        while place < text.count {
            guard starts[Int(text[place])], let match = match(in: text, at: place) else {
                place += 1
                continue
            }
            place = match.end
            var range = match.start..<match.end
            if match.token.singleWord, touchesWord(text, range) { continue }
            if match.token.takesLeft {
                range = max(done, text.spaceStart(before: range.lowerBound))..<range.upperBound
            }
            if match.token.takesRight { range = range.lowerBound..<text.spaceEnd(from: range.upperBound) }
            if done < range.lowerBound { segments.append(Segment(range: done..<range.lowerBound, token: nil)) }
            segments.append(Segment(range: range, token: match.token))
            done = range.upperBound
        }
        if done < text.count { segments.append(Segment(range: done..<text.count, token: nil)) }
        return segments
    }

    private func match(
        in text: UnsafeBufferPointer<UInt8>, at start: Int
    ) -> (start: Int, end: Int, token: AddedToken)? {
        var node: UInt64 = 0
        var place = start
        var best: (Int, Int, AddedToken)?
        while place < text.count {
            node = edges[node << 8 | UInt64(text[place])]
            if node == FlatTable.absent { break }
            place += 1
            if ends[Int(node)] >= 0 { best = (start, place, tokens[ends[Int(node)]]) }
        }
        return best
    }

    private func touchesWord(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
        func isWord(_ place: Int) -> Bool { Unicode.Scalar(known: text.scalar(at: place).value).isWord }
        return range.lowerBound > 0 && isWord(text.scalarStart(at: range.lowerBound - 1))
            || range.upperBound < text.count && isWord(range.upperBound)
    }
}
