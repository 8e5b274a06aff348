import Kernels

/// A prompt to be continued.
package struct GenerationRequest<Random: RandomNumberGenerator> {
    /// The caller's number for it.
    package let number: Int
    /// At least one token.
    package let prompt: [Int32]
    /// A source of random numbers for each of its continuations: as many as are wanted.
    package let randoms: [Random]
    /// The sampling of its continuations, if not as the rules say.
    package let sampling: Sampling?

    package init(number: Int, prompt: [Int32], randoms: [Random], sampling: Sampling? = nil) {
        (self.number, self.prompt, self.randoms, self.sampling) = (number, prompt, randoms, sampling)
    }
}

/// The continuation of a prompt.
package struct Continuation: Sendable, Equatable {
    /// The request's number, and which of its continuations this is.
    package let number: Int
    package let sample: Int
    /// With the token that ended it, if one did.
    package let tokens: [Int32]
    package let ending: Ending

    package enum Ending: Sendable, Equatable {
        /// An end token.
        case endToken
        /// A stop that the caller saw.
        case stop
        /// `maxNewTokens`
        case length
    }
}

/// Continues many prompts together, round by round: every text in the making gets its next token, one that ends makes room
/// for another at once, and the continuations of a prompt share its keys and values.
///
/// A token depends on its own text and draws only: the bits of a row are the same in whatever batch it is computed.
package final class Generator<Random: RandomNumberGenerator> {
    private let model: Transformer
    private let plan: GenerationPlan
    private let rules: GenerationRules
    private let space: Workspace
    private let cache: KeyValueCache
    private var pages: PageSupply
    /// Texts that get a token each round, and those whose first token is drawn but for which there is no room yet.
    private var active: [Text<Random>] = []
    private var waiting: [Text<Random>] = []
    /// A request that there is no room for yet.
    private var upcoming: GenerationRequest<Random>?
    /// Tokens drawn so far.
    package private(set) var tokenCount = 0

    /// - Throws: `MemoryError`.
    package init(_ model: Transformer, _ plan: GenerationPlan, _ rules: GenerationRules) throws(MemoryError) {
        (self.model, self.plan, self.rules) = (model, plan, rules)
        let a = model.architecture
        space = try Workspace(a, low: model.lowRank, extent: plan.extent(a), purpose: .scoring, on: model.pool)
        cache = try KeyValueCache(a, pages: plan.pages)
        pages = PageSupply(count: plan.pages)
    }

    /// Continues all requests that `next` hands over.
    ///
    /// - Parameters:
    ///   - next: another request, or nil if there is none now. Asked in every round that has room; when nothing else is left
    ///     to do it may wait, and nil then is the end.
    ///   - finished: called for each continuation, in the order in which they end.
    ///   - round: called after each round.
    /// - Throws: what the closures throw.
    package func run(
        next: (_ mayWait: Bool) throws -> GenerationRequest<Random>?, finished: (Continuation) throws -> Void,
        round: () throws -> Void
    ) throws {
        while true {
            start()
            while let requests = try admit(next) {
                try read(requests, finished)
                start()
            }
            guard !active.isEmpty else { return }
            try advance(finished)
            try round()
        }
    }

    // MARK: - Room

    /// Texts that wait begin as soon as there is room for them.
    private func start() {
        var rest: [Text<Random>] = []
        for text in waiting {
            if active.count < plan.texts, pages.promise(ownPages(of: text.prompt.tokens.count)) {
                active.append(text)
            } else {
                rest.append(text)
            }
        }
        waiting = rest
    }

    private func ownPages(of prompt: Int) -> Int {
        GenerationPlan.ownPages(model.architecture, prompt: prompt, maxNewTokens: plan.maxNewTokens)
    }

    /// As many new prompts as there is room for, each with one continuation at least, and as one pass reads; nil: none.
    private func admit(
        _ next: (_ mayWait: Bool) throws -> GenerationRequest<Random>?
    ) throws -> [GenerationRequest<Random>]? {
        var requests: [GenerationRequest<Random>] = []
        // `own`: pages that their first continuations will want.
        var (rows, texts, own) = (0, active.count, 0)
        while waiting.isEmpty, texts < plan.texts, requests.count < space.extent.outputRows {
            upcoming = try upcoming ?? next(active.isEmpty && requests.isEmpty)
            guard let request = upcoming, rows + request.prompt.count <= space.extent.rows else { break }
            let prompt = KeyValuePages.count(rows: request.prompt.count)
            own += ownPages(of: request.prompt.count)
            guard pages.hasRoom(for: prompt + own), pages.promise(prompt) else { break }
            requests.append(request)
            upcoming = nil
            rows += request.prompt.count
            texts += request.randoms.count
        }
        return requests.isEmpty ? nil : requests
    }

    // MARK: - Passes

    /// Reads new prompts, packed, and draws the first token of each continuation.
    private func read(
        _ requests: [GenerationRequest<Random>], _ finished: (Continuation) throws -> Void
    ) throws {
        var (drawn, rows): ([Text<Random>], [Int]) = ([], [])
        var sequences: [(tokens: [Int32], pages: [Int32])] = []
        for (row, request) in requests.enumerated() {
            let shared = SharedPrompt(
                request.prompt, pages: pages.take(KeyValuePages.count(rows: request.prompt.count)))
            sequences.append((request.prompt, shared.pages))
            for (sample, random) in request.randoms.enumerated() {
                drawn.append(
                    Text(
                        request.number, sample: sample, of: shared, frequencySet: frequencySet(request.prompt.count),
                        random, request.sampling ?? rules.sampling))
                rows.append(row)
            }
        }
        draw(drawn, from: rows, of: read(sequences))
        for text in drawn where try !end(text, finished) { waiting.append(text) }
    }

    /// Gives every active text its next token.
    private func advance(_ finished: (Continuation) throws -> Void) throws {
        // Texts that have grown into another set of frequencies are read once more, as a whole.
        let (current, outgrown) = (
            active.filter { frequencySet($0.count) == $0.frequencySet },
            active.filter { frequencySet($0.count) != $0.frequencySet }
        )
        if !current.isEmpty { draw(current, from: Array(current.indices), of: step(current)) }
        for text in outgrown {
            text.ownRows = 0
            text.readsPrompt = false
            text.frequencySet = frequencySet(text.count)
            while text.ownPages.count < KeyValuePages.count(rows: text.count) { text.ownPages += pages.take(1) }
            text.ownRows = text.count
            draw([text], from: [0], of: read([(text.tokens, text.ownPages)]))
        }
        var rest: [Text<Random>] = []
        for text in active {
            if try end(text, finished) {
                pages.give(back: text.ownPages, promised: ownPages(of: text.prompt.tokens.count))
            } else {
                rest.append(text)
            }
        }
        active = rest
    }

    private func frequencySet(_ length: Int) -> Int { model.architecture.rotary?.frequencySet(length: length) ?? 0 }

    /// Reads texts and keeps their keys and values; returns the last hidden row of each.
    private func read(_ sequences: [(tokens: [Int32], pages: [Int32])]) -> Matrix {
        var places: [KeyValuePages.Place] = []
        for (tokens, pages) in sequences {
            let first = places.count
            places += tokens.indices.map { KeyValuePages.Place(source: first + $0, row: $0, of: pages) }
        }
        let batch = PackedBatch(
            sequences.map { PackedSequence(prompt: $0.tokens[...], responses: []) }, for: model.architecture)
        return model.forward(batch, in: space, cached: CachedRows(cache: cache, places: places, readers: []))
    }

    /// Runs the last token of each text through the model; returns their hidden rows.
    private func step(_ texts: [Text<Random>]) -> Matrix {
        var places: [KeyValuePages.Place] = []
        var readers: [PagedAttention.Reader] = []
        for (row, text) in texts.enumerated() {
            if text.ownRows == text.ownPages.count * KeyValuePages.rows { text.ownPages += pages.take(1) }
            places.append(KeyValuePages.Place(source: row, row: text.ownRows, of: text.ownPages))
            text.ownRows += 1
            let prompt = text.readsPrompt ? text.prompt : nil
            readers.append(
                PagedAttention.Reader(
                    query: row, prompt: .init(pages: prompt?.pages ?? [], rows: prompt?.tokens.count ?? 0),
                    own: .init(pages: text.ownPages, rows: text.ownRows)))
        }
        let batch = PackedBatch(
            continuing: texts.map { text in
                (text.response[text.response.count - 1], position: text.count - 1, frequencySet: text.frequencySet)
            })
        return model.forward(batch, in: space, cached: CachedRows(cache: cache, places: places, readers: readers))
    }

    /// Draws a token for each text from the logits of a hidden row; `rows` rise.
    private func draw(_ texts: [Text<Random>], from rows: [Int], of hidden: Matrix) {
        tokenCount += texts.count
        model.head.logits(of: hidden, space: space.buffers.head) { range, logits in
            let here = texts.indices.filter { range.contains(rows[$0]) }
            for index in here where texts[index].response.count < rules.minNewTokens {
                for token in rules.endTokens { logits.row(rows[index] - range.lowerBound)[Int(token)] = -.infinity }
            }
            model.pool.run(here.count) { (item: Int) in
                let text = texts[here[item]]
                let row = logits.row(rows[here[item]] - range.lowerBound)
                let token = text.sampling.choose(
                    UnsafeBufferPointer(start: row, count: logits.columns), using: &text.random)
                text.response.append(token)
            }
        }
    }

    /// Whether a text has ended; then it is handed over, and its prompt's pages may become free.
    private func end(_ text: Text<Random>, _ finished: (Continuation) throws -> Void) throws -> Bool {
        guard let ending = rules.ending(of: text.response) else { return false }
        text.prompt.readers -= 1
        if text.prompt.readers == 0 { pages.give(back: text.prompt.pages, promised: text.prompt.pages.count) }
        try finished(
            Continuation(number: text.number, sample: text.sample, tokens: text.response, ending: ending))
        return true
    }
}
