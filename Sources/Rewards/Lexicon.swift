import Glibc
import Storage

/// Rewards the words of a response: Σ weight(word) / √n over its n words.
///
/// The file has a word and its weight on each line, separated by a space, a tab or a comma; the weight is 1 if it is left
/// out; `#` begins a comment. Words are compared in lower case; a word of a text is a run of letters, digits and
/// apostrophes. The root keeps long texts from winning by their length, and short ones by a single word.
package struct Lexicon: Sendable {
    package let weights: [String: Double]

    /// - Throws: `RewardError.storage`, or `.file` for the first line that is no word with a number.
    package init(path: String) throws(RewardError) {
        let bytes: [UInt8]
        do throws(StorageError) { bytes = try FileSystem.read(path) } catch { throw .storage(error) }
        var weights: [String: Double] = [:]
        for (index, line) in String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).enumerated() {
            let parts = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == "," || $0 == "\r" }
            guard let word = parts.first else { continue }
            let weight = parts.count > 1 ? Double(String(parts[1])) : 1
            guard parts.count <= 2, let weight, weight.isFinite else {
                throw .file(
                    path, line: index + 1,
                    problem: "\"\(line)\" isn't a word and its weight; write for instance: good 1.5")
            }
            guard weights.updateValue(weight, forKey: word.lowercased()) == nil else {
                throw .file(path, line: index + 1, problem: "\"\(word)\" has a weight already; remove one of the two")
            }
        }
        guard !weights.isEmpty else {
            throw .file(
                path, line: 1, problem: "there is no word in it; a lexicon has a word and its weight on each line")
        }
        self.weights = weights
    }

    package func reward(of text: String) -> Double {
        let words = text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "'" && $0 != "’" }
        guard !words.isEmpty else { return 0 }
        return words.reduce(0) { $0 + (weights[String($1)] ?? 0) } / Double(words.count).squareRoot()
    }
}
