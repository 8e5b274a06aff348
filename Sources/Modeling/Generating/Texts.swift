import Kernels

/// A prompt whose keys and values several texts read.
final class SharedPrompt {
    let tokens: [Int32]
    let pages: [Int32]
    /// Texts that haven't ended.
    var readers = 0

    init(_ tokens: [Int32], pages: [Int32]) { (self.tokens, self.pages) = (tokens, pages) }
}

/// A text in the making.
final class Text<Random: RandomNumberGenerator> {
    let number: Int
    let sample: Int
    let prompt: SharedPrompt
    var random: Random
    let sampling: Sampling
    var response: [Int32] = []
    /// Pages of its own, and rows that are kept there: of the response, or of the whole text once that was read anew.
    var ownPages: [Int32] = []
    var ownRows = 0
    var readsPrompt = true
    /// By which its keys were rotated.
    var frequencySet: Int

    init(
        _ number: Int, sample: Int, of prompt: SharedPrompt, frequencySet: Int, _ random: Random, _ sampling: Sampling
    ) {
        (self.number, self.sample, self.prompt, self.random) = (number, sample, prompt, random)
        (self.frequencySet, self.sampling) = (frequencySet, sampling)
        prompt.readers += 1
    }

    var count: Int { prompt.tokens.count + response.count }
    var tokens: [Int32] { prompt.tokens + response }
}

/// Pages that are free, and how many of them are promised to texts in the making.
struct PageSupply {
    private var free: [Int32]
    private var promised = 0
    private let count: Int

    init(count: Int) {
        self.count = count
        free = (0..<Int32(count)).reversed()
    }

    func hasRoom(for pages: Int) -> Bool { promised + pages <= count }

    /// Keeps so many pages for a text, if there are so many.
    mutating func promise(_ pages: Int) -> Bool {
        guard hasRoom(for: pages) else { return false }
        promised += pages
        return true
    }

    /// Pages out of those that were promised.
    mutating func take(_ pages: Int) -> [Int32] {
        defer { free.removeLast(pages) }
        return free.suffix(pages).reversed()
    }

    /// Frees a text's pages and ends its promise.
    mutating func give(back pages: [Int32], promised: Int) {
        free += pages.reversed()
        self.promised -= promised
    }
}
