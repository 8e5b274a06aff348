import Storage

/// Facts on a set of judgements before anyone trains on it, each row counted once whatever its file's weight.
/// Counts only: nothing is removed. A list counts as its pairs.
package struct PreferenceFacts: Sendable {
    /// Tokens of each pair's, or each single response's, prompt.
    package private(set) var promptLengths: [Int] = []
    /// Scored tokens of chosen or desirable responses.
    package private(set) var chosenLengths: [Int] = []
    /// Scored tokens of rejected or undesirable responses; empty for `sft`.
    package private(set) var rejectedLengths: [Int] = []
    /// Pairs with the prompt, the chosen and the rejected response of an earlier one; single responses likewise.
    package private(set) var duplicates = 0
    /// Pairs that say the opposite of an earlier one, the same responses the other way round; labels likewise.
    package private(set) var contradictions = 0
    /// Different prompts.
    package private(set) var prompts = 0
    /// Of each pair, the chosen response's tokens less the rejected one's; empty for single responses.
    package private(set) var lengthDifferences: [Int] = []
    private var promptDigests: Set<Digest.Value> = []

    package init(of set: PreferenceSet) {
        var seen: Set<[Digest.Value]> = []
        let digests = set.responses.map { Self.digest(set.tokens[$0.tokens]) }
        let nothing = Self.digest([])
        // A file of weight 2 has every comparison twice: that is no finding.
        var rows: Set<Int> = []
        for comparison in set.comparisons where rows.insert(comparison.row).inserted {
            let prompt = Self.digest(set.tokens[comparison.prompt])
            promptDigests.insert(prompt)
            for (chosen, rejected) in set.judgements[comparison.judgements].flatMap(\.comparedSides) {
                promptLengths.append(comparison.prompt.count)
                let lengths = [chosen, rejected].map { $0.map { set.responses[$0].length } }
                if let length = lengths[0] { chosenLengths.append(length) }
                if let length = lengths[1] { rejectedLengths.append(length) }
                if let more = lengths[0], let less = lengths[1] { lengthDifferences.append(more - less) }
                let sides = [chosen, rejected].map { $0.map { digests[$0] } ?? nothing }
                if seen.contains([prompt, sides[1], sides[0]]) { contradictions += 1 }
                if !seen.insert([prompt] + sides).inserted { duplicates += 1 }
            }
        }
        prompts = promptDigests.count
    }

    private static func digest(_ tokens: ArraySlice<Int32>) -> Digest.Value {
        tokens.withUnsafeBytes { Digest.of($0) }
    }

    /// The number of this set's different prompts that another set has too.
    package func promptsShared(with other: PreferenceFacts) -> Int {
        promptDigests.count { other.promptDigests.contains($0) }
    }

    /// The share of pairs whose chosen response is the longer one, and the shorter one; 0 without pairs.
    package var longerChosen: (share: Double, shorterShare: Double) {
        let pairs = Double(max(1, lengthDifferences.count))
        return (Double(lengthDifferences.count { $0 > 0 }) / pairs, Double(lengthDifferences.count { $0 < 0 }) / pairs)
    }

    /// The mean of chosen's less rejected's tokens; 0 without pairs.
    package var meanLengthDifference: Double {
        Double(lengthDifferences.reduce(0, +)) / Double(max(1, lengthDifferences.count))
    }
}

extension Judgement {
    /// Good and bad responses against each other; one of the two is nil for a response by itself.
    fileprivate var comparedSides: [(good: Int?, bad: Int?)] {
        switch self {
        case .pair(let pair): [(pair.chosen, pair.rejected)]
        case .list(let preferences): preferences.map { ($0.chosen, $0.rejected) }
        case .demonstration(let response), .prompt(let response): [(response, nil)]
        case .labelled(let response, let isDesirable): [isDesirable ? (response, nil) : (nil, response)]
        }
    }
}

/// A distribution of lengths: the middle, the ends, and counts between.
package struct LengthDistribution: Sendable, Equatable {
    package let least: Int
    package let median: Int
    /// 95 of 100 are at most this long.
    package let most95: Int
    package let greatest: Int
    package let mean: Double
    /// Bars of equal width, the first beginning at a multiple of it.
    package let bars: [(from: Int, count: Int)]
    package let barWidth: Int

    private static let mostBars = 12

    /// - Returns: nil for no lengths.
    package init?(_ lengths: [Int]) {
        guard let least = lengths.min(), let greatest = lengths.max() else { return nil }
        let sorted = lengths.sorted()
        self.least = least
        self.greatest = greatest
        median = sorted[(sorted.count - 1) / 2]
        most95 = sorted[(sorted.count * 95 + 99) / 100 - 1]
        mean = Double(lengths.reduce(0, +)) / Double(lengths.count)
        // 1, 2, 5, 10, 20, 50, …
        var width = 1
        var digit = 0
        while greatest / width - least / width >= Self.mostBars {
            width = digit == 1 ? width / 2 * 5 : width * 2
            digit = (digit + 1) % 3
        }
        barWidth = width
        var counts = [Int](repeating: 0, count: greatest / width - least / width + 1)
        for length in lengths { counts[length / width - least / width] += 1 }
        bars = counts.enumerated().map { ((least / width + $0.offset) * width, $0.element) }
    }

    package static func == (a: LengthDistribution, b: LengthDistribution) -> Bool {
        a.least == b.least && a.median == b.median && a.most95 == b.most95 && a.greatest == b.greatest
            && a.mean == b.mean && a.barWidth == b.barWidth && a.bars.elementsEqual(b.bars, by: ==)
    }
}
