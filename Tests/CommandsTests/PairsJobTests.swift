import Commands
import Machine
import RunFiles
import Scratch
import Storage
import Testing

@Suite("Pairs out of annotated responses") struct PairsJobTests {
    private let row = """
        {"prompt": "p", "responses": ["a", "b", "c", "a"], "scores": {"good": [1, 3, 2, 3], "brief": [0, 1, 2, 3]}, "seed": 7}

        """

    private func pairs(
        _ text: String, by name: String = "good", _ choice: PairChoice, gap: Double = 0
    ) throws -> (rows: [JSON], counts: PairsJob.Counts) {
        let folder = try TemporaryDirectory()
        let data = try folder.write(text, as: "a.jsonl")
        let output = folder.path + "/pairs.jsonl"
        let job = PairsJob(data: data, output: output, name: name, choice: choice, leastGap: gap, seed: 1)
        let counts = try job.run(console: Console(speaks: false))
        var lines = try LineReader(path: output)
        var rows: [JSON] = []
        while let line = try lines.next() { rows.append(try JSON.parse(line)) }
        return (rows, counts)
    }

    @Test("best against worst, with all rewards and the origin") func bestWorst() throws {
        let (rows, counts) = try pairs(row, .bestWorst)
        #expect(counts.pairs == 1)
        #expect(
            rows == [
                [
                    "prompt": "p", "chosen": "b", "rejected": "a", "scores_chosen": ["good": 3.0, "brief": 1.0],
                    "scores_rejected": ["good": 1.0, "brief": 0.0],
                    "origin": ["by": "good", "chosen": 1, "rejected": 0, "seed": 7],
                ]
            ])
    }

    @Test("all pairs but ties, one text twice, and those below the gap") func all() throws {
        let (rows, counts) = try pairs(row, .all)
        #expect(rows.count == 4)
        #expect((counts.pairs, counts.ties, counts.identical) == (4, 1, 1))
        let (far, dropped) = try pairs(row, .all, gap: 1.5)
        #expect(far.count == 1)
        #expect((dropped.near, dropped.ties, dropped.identical) == (3, 1, 1))
    }

    @Test("a random pair is the same in every run, and never one response with itself") func random() throws {
        let many = String(repeating: row, count: 50)
        let (rows, counts) = try pairs(many, by: "brief", .random)
        #expect(try pairs(many, by: "brief", .random).rows == rows)
        #expect(counts.pairs + counts.identical == 50)
        #expect(rows.allSatisfy { $0["chosen"] != $0["rejected"] })
    }

    @Test("what generate writes is gathered by prompt; conversations give messages") func generated() throws {
        let lines = [("x", 0), ("y", 0), ("z", 1)].map { text, index in
            """
            {"index": \(index), "prompt": [{"role": "user", "content": "hi"}], "sample": 0, "response": "\(text)", "ids": [1], "finished": true}

            """
        }
        let folder = try TemporaryDirectory()
        let rows = try AnsweredPrompt.read(try folder.write(lines.joined(), as: "g.jsonl"))
        #expect(rows.map(\.responses) == [["x", "y"], ["z"]])
        #expect(rows.map { $0.texts.map(\.row) } == [[1, 2], [3]])
        let annotated = String(rows[0].json.text.dropLast()) + ", \"scores\": {\"r\": [2, 1]}}\n"
        let (pairs, _) = try pairs(annotated, by: "r", .bestWorst)
        #expect(pairs[0]["chosen"] == [["role": "assistant", "content": "x"]])
    }

    @Test(
        "a row that can't be read is named with what is wrong",
        arguments: [
            ("{\"prompt\": \"p\", \"responses\": [1]}", "a.jsonl:1: \"responses\" holds"),
            ("{\"responses\": [\"a\"]}", "\"prompt\" is missing"), ("{\"prompt\": \"p\"}", "neither \"response\""),
            (
                "{\"prompt\": \"p\", \"responses\": [\"a\"], \"scores\": {\"r\": [1, 2]}}",
                "isn't a list of 1 finite numbers"
            ),
            ("", "there are no rows"), ("{\"prompt\": \"p\", \"responses\": [\"a\", \"b\"]}", "run annotate first"),
        ])
    func wrong(line: String, message: String) {
        let error = #expect(throws: (any Error).self) { try pairs(line + "\n", by: "r", .bestWorst) }
        #expect("\(error.map { "\($0)" } ?? "")".contains(message))
    }
}
