import RunFiles
import Testing

@Suite("The spelling of keys and commands") struct SpellingTests {
    @Test(
        "letters that are added, left out, changed or swapped count once each",
        arguments: [
            ("beta", "beta", 0), ("bet", "beta", 1), ("betta", "beta", 1), ("bota", "beta", 1), ("beat", "beta", 1),
            ("Beta", "beta", 0), ("", "beta", 4), ("beta", "", 4), ("tarin", "train", 1), ("kitten", "sitting", 3),
        ])
    func distance(a: String, b: String, expected: Int) {
        #expect(Spelling.distance(a, b) == expected)
    }

    @Test("the nearest word within a third of the letters is meant, the first of equals")
    func nearest() {
        let known = ["train", "trail", "score", "generate"]
        #expect(Spelling.nearest(to: "tarin", in: known) == "train")
        #expect(Spelling.nearest(to: "trai", in: known) == "train")
        #expect(Spelling.nearest(to: "genrate", in: known) == "generate")
        #expect(Spelling.nearest(to: "scan", in: known) == nil)
        #expect(Spelling.nearest(to: "x", in: []) == nil)
    }
}
