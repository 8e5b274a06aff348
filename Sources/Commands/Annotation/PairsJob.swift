import Collectives
import Machine
import RunFiles
import Statistics
import Storage
import Training

/// `pairs`: preference rows out of annotated responses.
///
/// Responses that are the same text, and those whose rewards are equal or nearer than `leastGap`, make no pair; both are
/// counted. All rewards of a row go along as margin rewards, and `origin` keeps where a pair came from.
package struct PairsJob: Sendable {
    package let data: String
    package let output: String
    /// The reward that decides.
    package let name: String
    package let choice: PairChoice
    package let leastGap: Double
    package let seed: UInt64

    package init(data: String, output: String, name: String, choice: PairChoice, leastGap: Double, seed: UInt64) {
        (self.data, self.output, self.name) = (data, output, name)
        (self.choice, self.leastGap, self.seed) = (choice, leastGap, seed)
    }

    /// Counts of a file's responses by what became of them.
    package struct Counts: Sendable, Equatable {
        package var prompts = 0
        package var pairs = 0
        package var identical = 0
        package var ties = 0
        package var near = 0
        package var single = 0
    }

    /// - Throws: `TrainingError.input` or `StorageError`.
    package func run(console: Console) throws -> Counts {
        try OutputFile.check(output)
        let rows = try AnsweredPrompt.read(data)
        var counts = Counts()
        var lines: [String] = []
        for (index, row) in rows.enumerated() {
            guard let rewards = row.scores.first(where: { $0.name == name })?.values else {
                let known = row.scores.map(\.name)
                throw TrainingError.input(
                    "\(data):\(row.line): there is no reward \"\(name)\"; "
                        + (known.isEmpty ? "run annotate first" : "--by one of \(known.joined(separator: ", "))"))
            }
            counts.prompts += 1
            for (chosen, rejected) in pairs(of: row, rewards, index: index, counting: &counts) {
                lines.append(line(row, chosen: chosen, rejected: rejected))
                counts.pairs += 1
            }
        }
        try AtomicFile.write(lines.map { $0 + "\n" }.joined(), to: output)
        for line in summary(counts) { console.line(line) }
        return counts
    }

    /// Indices of chosen and rejected responses.
    private func pairs(
        of row: AnsweredPrompt, _ rewards: [Double], index: Int, counting counts: inout Counts
    ) -> [(chosen: Int, rejected: Int)] {
        guard rewards.count > 1 else {
            counts.single += 1
            return []
        }
        let candidates: [(Int, Int)]
        switch choice {
        case .bestWorst:
            let order = rewards.indices.sorted { (rewards[$0], -$0) > (rewards[$1], -$1) }
            candidates = [(order[0], order.last { rewards[$0] == rewards[order[order.count - 1]] } ?? 0)]
        case .all:
            candidates = rewards.indices.flatMap { a in (a + 1..<rewards.count).map { (a, $0) } }
        case .random:
            var draw = SplitMix64(state: seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
            let first = Int(draw.next() % UInt64(rewards.count))
            let other = Int(draw.next() % UInt64(rewards.count - 1))
            candidates = [(first, other < first ? other : other + 1)]
        }
        return candidates.compactMap { a, b in
            let (chosen, rejected) = rewards[a] >= rewards[b] ? (a, b) : (b, a)
            if row.responses[chosen] == row.responses[rejected] {
                counts.identical += 1
            } else if rewards[chosen] == rewards[rejected] {
                counts.ties += 1
            } else if rewards[chosen] - rewards[rejected] < leastGap {
                counts.near += 1
            } else {
                return (chosen, rejected)
            }
            return nil
        }
    }

    private func line(_ row: AnsweredPrompt, chosen: Int, rejected: Int) -> String {
        func side(_ response: Int) -> (text: JSON, scores: JSON) {
            var scores = JSONObject()
            for (name, values) in row.scores { scores[name] = .number(values[response]) }
            // A conversation's responses are messages too.
            let text = JSON.string(row.responses[response])
            let isConversation = row.prompt.array != nil
            return (isConversation ? [["role": "assistant", "content": text]] : text, .object(scores))
        }
        let (winner, loser) = (side(chosen), side(rejected))
        var origin: JSONObject = ["by": .string(name), "chosen": .integer(chosen), "rejected": .integer(rejected)]
        for (name, value) in row.rest.members where name != "origin" { origin[name] = value }
        if let earlier = row.rest["origin"]?.object {
            for (name, value) in earlier.members where origin[name] == nil { origin[name] = value }
        }
        return JSON.object([
            "prompt": row.prompt, "chosen": winner.text, "rejected": loser.text, "scores_chosen": winner.scores,
            "scores_rejected": loser.scores, "origin": .object(origin),
        ]).text
    }

    private func summary(_ counts: Counts) -> [String] {
        var lines = ["\(output): \(counts.pairs) pairs of \(counts.prompts) prompts, \(choice.rawValue) by \(name)"]
        let drops = [
            (counts.identical, "of one text twice"), (counts.ties, "of equal rewards"),
            (counts.near, "nearer than --min-gap \(leastGap)"), (counts.single, "with one response only"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        if !drops.isEmpty { lines.append("  left out: \(drops.joined(separator: ", "))") }
        return lines
    }
}
