import Modeling
import Preferences
import RunFiles
import Storage
import Tokenization
import Training

/// `held-out-extremes.json`: the held-out judgements that the trained policy ranks most wrongly and most rightly, with each
/// token's logps before and after.
struct ExtremePairs {
    /// Of each kind.
    private static let most = 10
    /// Tokens of a response, and characters of a prompt, that are kept.
    private static let mostTokens = 400
    private static let mostCharacters = 2000

    static let fileName = "held-out-extremes.json"

    /// Writes the file, if the run has judgements with margins. Collective.
    /// - Throws: on every rank alike.
    static func write(_ trainer: Trainer, of run: TrainingRun, to folder: String) throws {
        guard let set = run.evaluation?.set, let result = trainer.heldOutResult else { return }
        let margins = result.verdicts(by: run.file.objective).map { $0["margin"]?.double }
        let order = margins.indices.filter { margins[$0] != nil }.sorted { (margins[$0] ?? 0) < (margins[$1] ?? 0) }
        guard !order.isEmpty else { return }
        let wrong = order.prefix(most).filter { (margins[$0] ?? 0) < 0 }
        let right = order.reversed().prefix(most).filter { (margins[$0] ?? 0) > 0 }

        // The same on every rank, so that all score together where the evaluation didn't keep tokens.
        var tokens = result.tokenLogps
        if tokens.isEmpty {
            let comparisons = (wrong + right).flatMap { set.judgements[$0].responses }.map { set.responses[$0].comparison }
            tokens = try run.scoring(heldOut: set).tokenLogps(
                of: Array(Set(comparisons)).sorted(), with: run.policy.transformer, title: nil, model: run.file.model.path)
        }
        try run.communicator.failingTogether {
            guard run.communicator.isRoot else { return }
            let tokenizer = try Tokenizer.find(in: run.tokenizerPath)
            let before = try untrained(Set(wrong + right), in: folder, judgements: set.judgements.count)
            func rows(_ judgements: [Int]) -> JSON {
                .array(
                    judgements.map { index in
                        row(index, margins[index] ?? 0, of: set, after: tokens, before: before[index], tokenizer)
                    })
            }
            let json: JSONObject = ["wrong": rows(Array(wrong)), "right": rows(Array(right))]
            try AtomicFile.write(JSON.object(json).text + "\n", to: FileSystem.join(folder, fileName))
        }
    }

    /// Token logps of the untrained policy by judgement, for each of its responses; those that were kept.
    private static func untrained(
        _ wanted: Set<Int>, in folder: String, judgements: Int
    ) throws(StorageError) -> [Int: [[Double]]] {
        let path = FileSystem.join(folder, HeldOutRecord.before)
        guard FileSystem.exists(path) else { return [:] }
        var found: [Int: [[Double]]] = [:]
        var lines = try LineReader(path: path)
        var index = 0
        while let line = try lines.next() {
            defer { index += 1 }
            guard wanted.contains(index), let row = try? JSON.parse(line), let tokens = row["token_logps"]?.array else {
                continue
            }
            found[index] = tokens.map { $0.array?.compactMap(\.double) ?? [] }
        }
        return index == judgements ? found : [:]
    }

    private static func row(
        _ index: Int, _ margin: Double, of set: PreferenceSet, after: [[Double]], before: [[Double]]?,
        _ tokenizer: Tokenizer?
    ) -> JSON {
        let judgement = set.judgements[index]
        let comparison = set.comparison(of: judgement)
        let prompt = Array(set.tokens[comparison.prompt])
        let text = tokenizer?.decode(prompt, skipSpecialTokens: false) ?? prompt.map { "\($0)" }.joined(separator: " ")
        let responses = judgement.responses.enumerated().map { place, response -> JSON in
            let given = set.responses[response]
            let scored = set.scoredTokens(of: given)
            let context = Array(prompt) + set.tokens[given.tokens.prefix(given.spans.head)]
            let shown = scored.prefix(mostTokens)
            let pieces = TokenMarks.pieces(shown, after: context[...], tokenizer)
            let tokens = pieces.indices.map { token -> JSON in
                let now = after[response].indices.contains(token) ? JSON.number((after[response][token] * 1e4).rounded() / 1e4) : .null
                let then = before.flatMap { $0.indices.contains(place) && $0[place].indices.contains(token) ? $0[place][token] : nil }
                return [.string(pieces[token]), now, then.map { .number($0) } ?? .null]
            }
            return [
                "name": .string(Self.name(judgement, place, response)), "length": .integer(scored.count),
                "tokens": .array(tokens),
            ]
        }
        return [
            "index": .integer(comparison.row), "line": .integer(comparison.line), "margin": .number(margin),
            "prompt": .string(String(text.suffix(mostCharacters))), "responses": .array(responses),
        ]
    }

    private static func name(_ judgement: Judgement, _ place: Int, _ response: Int) -> String {
        switch judgement {
        case .pair: place == 0 ? "chosen" : "rejected"
        case .list: response == judgement.best ? "best" : "response \(place + 1)"
        case .labelled(_, let isDesirable): isDesirable ? "desirable" : "undesirable"
        case .demonstration, .prompt: "chosen"
        }
    }
}
