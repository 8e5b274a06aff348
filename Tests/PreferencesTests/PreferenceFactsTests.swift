import Preferences
import Testing

@Suite("Facts about pairs, and several files") struct PreferenceFactsTests {
    static func row(_ prompt: [Int], _ chosen: [Int], _ rejected: [Int]) -> String {
        #"{"prompt_ids": \#(prompt), "chosen_ids": \#(chosen), "rejected_ids": \#(rejected)}"#
    }

    static func set(_ rows: [String], scoreNames: [String] = []) throws -> PreferenceSet {
        try RowFixture.encoder(scoreNames: scoreNames).set(rows)
    }

    @Test("duplicates, contradictions, lengths and shared prompts are counted")
    func facts() throws {
        let facts = PreferenceFacts(
            of: try Self.set([
                Self.row([1, 2], [3, 4], [5]), Self.row([1, 2], [3, 4], [5]), Self.row([1, 2], [5], [3, 4]),
                Self.row([7], [8], [9]), Self.row([7], [8, 8, 8, 8], [9]),
            ]))
        #expect(facts.prompts == 2 && facts.duplicates == 1 && facts.contradictions == 1)
        #expect(facts.promptLengths == [2, 2, 2, 1, 1] && facts.chosenLengths == [2, 2, 1, 1, 4])
        #expect(facts.rejectedLengths == [1, 1, 2, 1, 1])
        #expect(facts.longerChosen == (0.6, 0.2) && facts.meanLengthDifference == 0.8)
        let other = PreferenceFacts(of: try Self.set([Self.row([7], [1], [2]), Self.row([6], [1], [2])]))
        #expect(other.promptsShared(with: facts) == 1)
    }

    @Test(
        "a distribution has its middle, its ends and bars that hold everything",
        arguments: [
            ([3], 1, [3]), (Array(0...11), 1, Array(0...11)), (Array(0...12), 2, [0, 2, 4, 6, 8, 10, 12]),
            ([0, 59], 5, Array(stride(from: 0, through: 55, by: 5))),
            ([95, 1203], 200, [0, 200, 400, 600, 800, 1000, 1200]),
        ])
    func distribution(lengths: [Int], width: Int, starts: [Int]) throws {
        let distribution = try #require(LengthDistribution(lengths))
        #expect(distribution.bars.reduce(0) { $0 + $1.count } == lengths.count)
        #expect(distribution.barWidth == width && distribution.bars.map(\.from) == starts)
        #expect(distribution.least == lengths.min() && distribution.greatest == lengths.max())
        #expect(LengthDistribution([]) == nil)
    }

    @Test("files are joined one after the other, each as often as its weight says")
    func joining() throws {
        func scored(_ prompt: Int) -> String {
            #"{"prompt_ids": [\#(prompt)], "chosen_ids": [1, 2], "rejected_ids": [3], "#
                + #""scores_chosen": {"a": \#(prompt)}, "scores_rejected": {"a": 0}}"#
        }
        let first = try Self.set((10..<20).map(scored), scoreNames: ["a"])
        let second = try Self.set([scored(30), scored(31).replacing("[1, 2]", with: "[3]")], scoreNames: ["a"])
        func prompts(_ set: PreferenceSet) -> [Int32] {
            set.judgements.map { set.tokens[set.comparison(of: $0).prompt.lowerBound] }
        }

        let plain = PreferenceSet(joining: [(first, 1), (second, 1)], seed: 1)
        #expect(prompts(plain) == Array(10..<20) + [30] && plain.rows == 12)
        #expect(plain.drops.map(\.row) == [11] && plain.comparisons.last?.row == 10)
        #expect(plain.formats.map(\.rows) == [12])
        for pair in plain.pairs {
            let prompt = Float(plain.tokens[plain.comparison(of: .pair(pair)).prompt.lowerBound])
            #expect(plain.scores["a"]?[pair.chosen] == prompt && plain.responses[pair.chosen].length == 2)
            #expect(plain.responses[pair.chosen].comparison == plain.responses[pair.rejected].comparison)
        }

        #expect(plain.sources.names == [])
        let named = PreferenceSet(joining: [(first, 1), (second, 2)], names: ["one", "two"], seed: 1)
        #expect(named.sources.names == ["one", "two"])
        #expect(named.comparisons.indices.map { named.sources[$0] } == Array(repeating: "one", count: 10) + ["two", "two"])
        #expect(named.digest() == PreferenceSet(joining: [(first, 1), (second, 2)], seed: 1).digest())

        let weighted = PreferenceSet(joining: [(first, 2.3), (second, 0)], seed: 1)
        #expect(weighted.pairs.count == 23 && weighted.rows == 12)
        #expect(prompts(weighted).prefix(20) == (Array(10..<20) + Array(10..<20))[...])
        #expect(Set(prompts(weighted).suffix(3)).count == 3)
        #expect(weighted == PreferenceSet(joining: [(first, 2.3), (second, 0)], seed: 1))
        #expect(weighted.digest() != PreferenceSet(joining: [(first, 2.3), (second, 0)], seed: 2).digest())
        #expect(PreferenceSet(joining: [(first, 0.5)], seed: 3).pairs.count == 5)
        let facts = PreferenceFacts(of: weighted)
        #expect(facts.duplicates == 0 && facts.promptLengths.count == 10, "copies are no finding")
    }

    @Test("a column source says where a row is from, before the file's name; a text of some length is none")
    func sources() throws {
        func row(_ prompt: Int, _ source: String) -> String {
            #"{"prompt_ids": [\#(prompt)], "chosen_ids": [1, 2], "rejected_ids": [3], "source": \#(source)}"#
        }
        let set = try Self.set(
            [row(1, "\"web\""), row(2, "null"), row(3, "\"book\""), row(4, "\"\(String(repeating: "x", count: 65))\""), row(5, "7")],
            scoreNames: [])
        #expect(set.sources.names == ["web", "book"])
        #expect(set.comparisons.indices.map { set.sources[$0] } == ["web", nil, "book", nil, nil])
        #expect(set.unusedColumns == ["source"], "those that are no names")
        let joined = PreferenceSet(joining: [(set, 1), (set, 1)], names: ["a", "b"], seed: 1)
        #expect(joined.comparisons.indices.map { joined.sources[$0] } == [
            "web", "a", "book", "a", "a", "web", "b", "book", "b", "b",
        ])
    }

    @Test("more sources than 255 are no names") func manySources() {
        var sources = RowSources()
        for number in 0..<300 { sources.append("s\(number)", of: number) }
        #expect(sources.names.count == 255 && sources[254] == "s254" && sources[255] == nil && sources[1000] == nil)
        sources.append("s7", of: 300)
        #expect(sources[299] == nil && sources[300] == "s7")
    }
}
