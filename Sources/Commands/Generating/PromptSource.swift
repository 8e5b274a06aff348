import Collectives
import Machine
import Preferences
import Storage
import Tables
import Training

/// A source of prompts.
package enum PromptSource: Sendable {
    /// Rows of a data file, as training reads them: their prompts. `-` is standard input.
    case file(String)
    case text(String)

    var name: String {
        switch self {
        case .file("-"): "standard input"
        case .file(let path): path
        case .text: "--prompt"
        }
    }

    /// All prompts, read by rank 0. The other ranks get token ids alone.
    ///
    /// - Throws: on every rank alike. Collective.
    func prompts(
        for model: LoadedModel, _ encoding: TextEncoding, over communicator: Communicator
    ) throws -> PromptSet {
        let rows = try communicator.onRoot { () throws -> [PromptRow] in
            let encoder = model.encoder(encoding, file: name)
            var rows: [PromptRow] = []
            try eachRow { row in rows.append(try encoder.encodePrompt(row)) }
            guard !rows.isEmpty else {
                throw TrainingError.input("\(name): no prompts; each line is {\"prompt\": …}")
            }
            return rows
        }
        return PromptSet(rows: communicator.shared(rows), questions: [])
    }

    /// The questions of a benchmark, the first turn of each as its prompt.
    ///
    /// - Throws: on every rank alike. Collective.
    func questions(
        as format: ResponseFormat, for model: LoadedModel, _ encoding: TextEncoding, over communicator: Communicator,
        console: Console
    ) throws -> PromptSet {
        let read = try communicator.onRoot { () throws -> ([PromptRow], [BenchmarkQuestion]) in
            guard encoding.tokenizer != nil else {
                throw TrainingError.input("--format \(format.rawValue) needs a tokenizer.json beside the model")
            }
            let encoder = try TurnEncoder(model, encoding, file: name)
            if !encoder.hasTemplate {
                console.line("note: \(model.source.base) has no chat template: it goes on with questions as plain text")
            }
            var (questions, faults): ([BenchmarkQuestion], [String]) = ([], [])
            try eachRow { row in
                do throws(BenchmarkQuestion.Fault) {
                    questions.append(try BenchmarkQuestion(columns(of: row), line: row.line, row: row.row, for: format))
                } catch {
                    faults.append("\(name):\(row.line): \(error)")
                }
            }
            guard faults.isEmpty else {
                let more = faults.count > 10 ? "\n  and \(faults.count - 10) more" : ""
                throw TrainingError.input(faults.prefix(10).joined(separator: "\n  ") + more)
            }
            guard !questions.isEmpty else { throw TrainingError.input("\(name): there are no questions") }
            let rows = try questions.map { question in
                try encoder.prompt([.init(.user, question.turns[0])], line: question.line, row: question.row)
            }
            return (rows, questions)
        }
        return PromptSet(rows: communicator.shared(read?.0), questions: read?.1 ?? [])
    }

    private func eachRow(_ body: (RowReader.Row) throws -> Void) throws {
        switch self {
        case .file("-"):
            var row = 0
            try StandardInput.eachLine { line, number in
                try body(RowReader.Row(content: .text(line), line: number, row: row))
                row += 1
            }
        case .file(let path):
            var reader = try RowReader(path: path)
            while let row = try reader.next() { try body(row) }
        case .text(let text):
            try body(RowReader.Row(content: .columns(["prompt": .string(text)]), line: 1, row: 0))
        }
    }

    private func columns(of row: RowReader.Row) -> JSONObject {
        switch row.content {
        case .columns(let object), .cells(let object): object
        case .text(let line): (try? JSON.parse(line))?.object ?? [:]
        }
    }
}

/// The prompts to continue.
struct PromptSet {
    /// The same tokens on every rank; texts on rank 0 only.
    let rows: [PromptRow]
    /// Of a benchmark, on rank 0: one for each row.
    let questions: [BenchmarkQuestion]

    /// Stands for the prompts, and for what goes into the output beside the answers.
    var digest: Digest.Value {
        var digest = Digest()
        for row in rows {
            digest.update(field: "\(row.row) \(row.given?.text ?? "")")
            row.tokens.withUnsafeBytes { digest.update($0) }
        }
        for question in questions { digest.update(field: question.text) }
        return digest.finish()
    }
}

extension Communicator {
    /// Rank 0's rows on every rank: on the others without their texts. Collective.
    func shared(_ rows: [PromptRow]?) -> [PromptRow] {
        let words = (rows ?? []).flatMap { [Int32($0.row), Int32($0.tokens.count)] + $0.tokens }
        let all = broadcast(words.withUnsafeBytes { Array($0) })
        return rows ?? all.withUnsafeBytes { Communicator.rows(of: $0.bindMemory(to: Int32.self)) }
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
