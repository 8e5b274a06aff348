import Rewards
import Scratch
import Testing

@Suite("Where rewards come from") struct RewardSourceTests {
    @Test(
        "a SPEC is read with its options",
        arguments: [
            ("model:runs/reward/final", RewardSource.model("runs/reward/final")),
            ("implicit:dpo/final", .implicit(model: "dpo/final", reference: nil, beta: 0.1)),
            ("implicit:dpo,beta=0.5,reference=sft", .implicit(model: "dpo", reference: "sft", beta: 0.5)),
            ("implicit:a,b,beta=1", .implicit(model: "a,b", reference: nil, beta: 1)),
            ("length:-1", .length(factor: -1)), ("lexicon:words.txt", .lexicon(path: "words.txt")),
            ("command:python3 r.py --x=1", .command("python3 r.py --x=1")),
            ("command:\"a b\"", .command("a b")),
            (
                "endpoint:http://localhost:8000/v1,model=m,prompt=p,q.txt",
                .endpoint(url: "http://localhost:8000/v1", model: "m", promptFile: "p,q.txt")
            ),
        ])
    func read(spec: String, source: RewardSource) throws { #expect(try RewardSource(spec) == source) }

    @Test(
        "a SPEC that means nothing is refused with what is wrong",
        arguments: [
            ("happy", "it has no \"KIND:\" in front"), ("model:", "nothing after it"),
            ("score:x", "is no kind of reward"),
            ("length:0", "is no factor"), ("length:long", "is no factor"),
            ("implicit:a,beta=-1", "expected a number above 0"),
            ("implicit:a,beta=1,beta=2", "given twice"), ("endpoint:http://h", "names no model"),
            ("endpoint:localhost,model=a", "is no URL"), ("endpoint:http://h,model=", "model is empty"),
        ])
    func refused(spec: String, reason: String) {
        let error = #expect(throws: RewardError.self) { try RewardSource(spec) }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains(reason))
    }

    @Test("a lexicon's reward is the sum of its words' weights over the root of the number of words") func lexicon()
        throws
    {
        let folder = try TemporaryDirectory()
        let path = try folder.write("# comment\nhappy 1\nSad\t-2\ndon't,0.5\nfine\n", as: "words")
        let lexicon = try Lexicon(path: path)
        #expect(lexicon.reward(of: "") == 0)
        #expect(lexicon.reward(of: "Happy, happy and SAD.") == (1 + 1 - 2) / 2)
        #expect(lexicon.reward(of: "I don't") == 0.5 / 2.0.squareRoot())
        #expect(lexicon.reward(of: "fine") == 1)
    }

    @Test(
        "a lexicon with a wrong line is refused by its line",
        arguments: [
            ("good x", ":1: \"good x\""), ("good 1\ngood 2", ":2: \"good\" has a weight already"),
            ("# no", ":1: there is no word"),
        ])
    func wrongLexicon(text: String, message: String) throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write(text, as: "words")
        let error = #expect(throws: RewardError.self) { try Lexicon(path: path) }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains(message))
    }
}
