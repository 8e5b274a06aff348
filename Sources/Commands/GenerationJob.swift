import ChatTemplates
import Collectives
import Kernels
import Machine
import Modeling
import Preferences
import Storage
import Tokenization
import Training

/// `generate`: continuations of every prompt of a file, one JSON line each, in the order of the prompts.
package struct GenerationJob: Sendable {
    package var model: String
    /// An adapter on the model.
    package var adapter: String?
    package var prompts: String
    package var output: String
    package var maxNewTokens: Int
    package var sampling: Sampling
    /// Continuations of each prompt.
    package var samples: Int
    package var seed: UInt64
    package var threads: Int?

    package init(
        model: String, adapter: String? = nil, prompts: String, output: String, maxNewTokens: Int = 128,
        sampling: Sampling, samples: Int = 1,
        seed: UInt64 = 42, threads: Int? = nil
    ) {
        self.model = model
        self.adapter = adapter
        self.prompts = prompts
        self.output = output
        self.maxNewTokens = maxNewTokens
        self.sampling = sampling
        self.samples = samples
        self.seed = seed
        self.threads = threads
    }

    /// - Throws: on every rank alike. Collective.
    package func run(over communicator: Communicator, console: Console) throws {
        let pool = ThreadPool(count: threads ?? communicator.neighbourhood.cores)
        let (loaded, tokenizer, rows) = try communicator.failingTogether { () throws -> (LoadedModel, Tokenizer?, [PromptRow]) in
            if communicator.isRoot { try OutputFile.check(output) }
            let loaded = try LoadedModel(reading: ModelSource(model, adapter: adapter), positions: 1, on: pool)
            let path = loaded.source.tokenizerPath
            let hasTokenizer = FileSystem.exists(FileSystem.join(path, "tokenizer.json"))
            let tokenizer = hasTokenizer ? try Tokenizer(directory: path) : nil
            let rule = EncodingRule(
                maxLength: loaded.architecture.positions, vocabularySize: loaded.architecture.vocabulary)
            let rows = try RowEncoder(
                tokenizer: tokenizer, template: tokenizer.map { _ in ChatTemplate.find(in: path) }, rule: rule,
                file: prompts
            ).prompts(of: prompts)
            guard !rows.isEmpty else {
                throw TrainingError.input("\(prompts): no prompts; each line is {\"prompt\": …}")
            }
            return (loaded, tokenizer, rows)
        }
        let longest = rows.map(\.tokens.count).max() ?? 1
        let positions = longest + maxNewTokens
        if positions > loaded.architecture.positions {
            console.line(
                "note: up to \(positions) tokens, but the model was made for \(loaded.architecture.positions) "
                    + "(max_position_embeddings)")
        }
        let transformer = try communicator.failingTogether { try loaded.seeing(positions: positions, on: pool) }
        let generator = try communicator.failingTogether(status: { _ in 4 }) {
            try Generator(transformer, longestPrompt: longest, maxNewTokens: maxNewTokens)
        }

        // Each rank takes every world-size-th prompt; what it drew travels as words.
        let ends = try communicator.failingTogether { try endTokens(of: loaded, tokenizer) }
        var words: [Int32] = []
        console.beginActivity()
        for (place, row) in rows.enumerated() where place % communicator.size == communicator.rank {
            generator.read(prompt: row.tokens)
            for sample in 0..<samples {
                // A stream of its own for each continuation, so that ranks don't matter.
                var random = SplitMix64(
                    state: seed &+ UInt64(row.row) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(sample) &* 0xBF58_476D_1CE4_E5B9)
                let ids = generator.generate(
                    maxNewTokens: maxNewTokens, endTokens: ends, sampling: sampling, using: &random)
                words += [Int32(place), Int32(sample), Int32(ids.count)] + ids
            }
            console.progress("generate: \(place + 1) of \(rows.count) prompts")
        }
        console.endProgress()
        let shares = communicator.gather(words)
        try communicator.onRoot {
            try AtomicFile.write(lines(shares, rows, tokenizer, ends), to: output)
        }
        console.line("\(output): \(rows.count * samples) continuations of \(rows.count) prompts")
    }

    /// The ids that end a text: config.json's, generation_config.json's and the tokenizer's.
    private func endTokens(of model: LoadedModel, _ tokenizer: Tokenizer?) throws -> Set<Int32> {
        var ends = Set(model.architecture.endTokens)
        if let end = tokenizer?.eosToken { ends.insert(end) }
        let path = FileSystem.join(model.source.base, "generation_config.json")
        if FileSystem.exists(path) {
            let value = try JSON.parse(FileSystem.read(path))["eos_token_id"]
            for id in value?.array ?? value.map({ [$0] }) ?? [] {
                if let id = id.integer.flatMap({ Int32(exactly: $0) }) { ends.insert(id) }
            }
        }
        return ends
    }

    private func lines(_ shares: [[Int32]], _ rows: [PromptRow], _ tokenizer: Tokenizer?, _ ends: Set<Int32>) -> String
    {
        var texts: [(place: Int, sample: Int, line: String)] = []
        for share in shares {
            var start = 0
            while start < share.count {
                let (place, sample, count) = (Int(share[start]), Int(share[start + 1]), Int(share[start + 2]))
                let ids = Array(share[start + 3..<start + 3 + count])
                texts.append((place, sample, line(rows[place], sample: sample, ids, tokenizer, ends)))
                start += 3 + count
            }
        }
        return texts.sorted { ($0.place, $0.sample) < ($1.place, $1.sample) }.map { $0.line + "\n" }.joined()
    }

    private func line(_ row: PromptRow, sample: Int, _ ids: [Int32], _ tokenizer: Tokenizer?, _ ends: Set<Int32>)
        -> String
    {
        var object: JSONObject = ["index": .integer(row.row)]
        object["prompt"] = row.text.map { .string($0) }
        if samples > 1 { object["sample"] = .integer(sample) }
        if let tokenizer {
            // Decoded after its prompt: alone, a first word might lose its space.
            let before = tokenizer.decode(row.tokens, skipSpecialTokens: true)
            let whole = tokenizer.decode(row.tokens + ids, skipSpecialTokens: true)
            let response =
                whole.hasPrefix(before)
                ? String(whole.dropFirst(before.count)) : tokenizer.decode(ids, skipSpecialTokens: true)
            object["response"] = .string(response)
        }
        object["ids"] = .array(ids.map { .integer(Int($0)) })
        object["finished"] = .bool(ids.last.map(ends.contains) ?? false)
        return JSON.object(object).text
    }
}
