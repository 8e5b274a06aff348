import Storage
import Tokenization
import Training

/// `tokenize`: text to ids and back, line by line.
package struct TokenizeJob {
    private let tokenizer: Tokenizer
    private let memory: EncodingMemory
    private let addSpecialTokens: Bool

    /// - Throws: `TokenizerError`.
    package init(model: String, addSpecialTokens: Bool) throws {
        tokenizer = try Tokenizer(directory: model)
        memory = tokenizer.makeMemory()
        self.addSpecialTokens = addSpecialTokens
    }

    /// - Parameters:
    ///   - line: `{"text": …}`
    ///   - number: for messages, counted from 1.
    /// - Returns: `{"ids": […], "decoded": …, "decoded_skip_special": …}`
    /// - Throws: `TrainingError.input` naming the line.
    package func run(line: [UInt8], number: Int) throws -> String {
        let row: JSON
        do { row = try JSON.parse(line) } catch { throw TrainingError.input("standard input:\(number): \(error)") }
        guard let text = row["text"]?.string else {
            throw TrainingError.input(
                "standard input:\(number): expected {\"text\": \"…\"}, found \(row.text.prefix(60))")
        }
        let ids: [Int32]
        do { ids = try tokenizer.encode(text, addSpecialTokens: addSpecialTokens, memory: memory).ids } catch {
            throw TrainingError.input("standard input:\(number): \(error)")
        }
        let result: JSON = [
            "ids": .array(ids.map { .integer(Int($0)) }),
            "decoded": .string(tokenizer.decode(ids, skipSpecialTokens: false)),
            "decoded_skip_special": .string(tokenizer.decode(ids, skipSpecialTokens: true)),
        ]
        return result.text
    }
}
