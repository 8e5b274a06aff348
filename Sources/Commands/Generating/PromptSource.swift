import ChatTemplates
import Collectives
import Preferences
import Storage
import Tokenization
import Training

/// Where prompts come from.
package enum PromptSource: Sendable {
    /// Rows of a data file, as training reads them: their prompts. `-` is standard input.
    case file(String)
    case text(String)

    private var name: String {
        switch self {
        case .file("-"): "standard input"
        case .file(let path): path
        case .text: "--prompt"
        }
    }

    /// All prompts, read by rank 0. The other ranks get token ids alone. Collective.
    ///
    /// - Throws: on every rank alike.
    func rows(
        for model: LoadedModel, _ tokenizer: Tokenizer?, over communicator: Communicator
    ) throws -> [PromptRow] {
        let rows = try communicator.onRoot { () throws -> [PromptRow] in
            let encoder = RowEncoder(
                tokenizer: tokenizer,
                template: tokenizer.map { _ in ChatTemplate.find(in: model.source.tokenizerPath) },
                rule: EncodingRule(
                    maxLength: model.architecture.positions, vocabularySize: model.architecture.vocabulary),
                file: name)
            let rows: [PromptRow]
            switch self {
            case .file("-"): rows = try PromptSource.standardInput(encoder)
            case .file(let path): rows = try encoder.prompts(of: path)
            case .text(let text):
                rows = [
                    try encoder.encodePrompt(
                        line: Array(JSON.object(["prompt": .string(text)]).text.utf8), number: 1, row: 0)
                ]
            }
            guard !rows.isEmpty else {
                throw TrainingError.input("\(name): no prompts; each line is {\"prompt\": …}")
            }
            return rows
        }
        let words = (rows ?? []).flatMap { [Int32($0.row), Int32($0.tokens.count)] + $0.tokens }
        let all = communicator.broadcast(words.withUnsafeBytes { Array($0) })
        return rows ?? all.withUnsafeBytes { PromptSource.rows(of: $0.bindMemory(to: Int32.self)) }
    }

    /// Prompts of JSON lines.
    private static func standardInput(_ encoder: RowEncoder) throws -> [PromptRow] {
        var lines = try LineReader(path: "/dev/stdin")
        var (rows, number): ([PromptRow], Int) = ([], 0)
        while let line = try lines.next() {
            number += 1
            if line.isEmpty { continue }
            rows.append(try encoder.encodePrompt(line: line, number: number, row: rows.count))
        }
        return rows
    }

    private static func rows(of words: UnsafeBufferPointer<Int32>) -> [PromptRow] {
        var (rows, start): ([PromptRow], Int) = ([], 0)
        while start < words.count {
            let tokens = start + 2..<start + 2 + Int(words[start + 1])
            rows.append(PromptRow(row: Int(words[start]), line: 0, text: nil, tokens: Array(words[tokens])))
            start = tokens.upperBound
        }
        return rows
    }
}
