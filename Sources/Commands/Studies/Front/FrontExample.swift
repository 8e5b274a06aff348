import Rewards
import RunFiles
import Storage

/// The study that `study front` makes of the embedded example: its pairs, judged anew by rewards that want different things.
enum FrontExample {
    /// Kind words cost letters, so the first two objectives are at odds.
    private static let kind = """
        welcome thank nice happy help good pleasure lovely like luck glad dear beautiful sorry together course
        """
    private static let unkind = "not alone better waste tired bother cares ugly dreadful leave stop never"
    private static let plain = "is comes follows after yes in white yellow green red blue brown black orange pink"

    /// Four updates of whitened advantages go further than one step on pairs.
    private static let settings = "ppo_settings: {learning_rate: 1e-4, global_batch_size: 64}\n"

    /// Writes the files that aren't there yet.
    ///
    /// - Parameter writes: false on all ranks but one.
    /// - Returns: the path of the study file; another one beside it has three objectives.
    /// - Throws: `StorageError`, or `RewardError`.
    static func unpack(to folder: String, _ writes: Bool) throws -> String {
        let path = FileSystem.join(folder, "front.yaml")
        guard writes else { return path }
        let example = FileSystem.join(folder, "example")
        _ = try EmbeddedExample.unpack(to: example, true)
        func file(_ name: String) -> String { FileSystem.join(folder, name) }
        func words(_ text: String, _ weight: Int) -> String {
            text.split { $0.isWhitespace }.map { "\($0) \(weight)\n" }.joined()
        }
        try write(words(kind, 1) + words(unkind, -1), to: file("kind.txt"))
        try write(words(plain, 1), to: file("plain.txt"))
        let rewards = [
            "kind": "lexicon:\(file("kind.txt"))", "brief": "length:-0.02", "plain": "lexicon:\(file("plain.txt"))",
        ]
        for (name, spec) in rewards {
            try write(pairs(file("example/train.jsonl.gz"), by: RewardSource(spec)), to: file("\(name).jsonl"))
        }
        try write(
            """
            model_name_or_path: \(example)/model
            max_length: 64
            global_batch_size: 16
            learning_rate: 3e-4
            warmup_ratio: 0.1
            save_strategy: "no"
            reference_cache: \(folder)/reference-cache

            """, to: file("base.yaml"))
        func study(_ names: [String], _ rest: String) -> String {
            "base: base.yaml\noutput_dir: \(folder)\nprompts: \(example)/test.jsonl.gz\nobjectives:\n"
                + names.map { "  \($0): {train_file: \(file("\($0).jsonl")), reward: \"\(rewards[$0] ?? "")\"}\n" }.joined()
                + rest
        }
        try write(study(["kind", "brief"], "max_steps: 60\nlattice: 4\nresponse_length: 32\n" + settings), to: path)
        try write(
            study(["kind", "brief", "plain"], "max_steps: 60\nlattice: 3\nresponse_length: 32\n" + settings).replacing(
                "output_dir: \(folder)\n", with: "output_dir: \(folder)/three\n"), to: file("front-three.yaml"))
        return path
    }

    private static func write(_ text: String, to path: String) throws(StorageError) {
        if !FileSystem.exists(path) { try AtomicFile.write(text, to: path) }
    }

    /// Pairs of which the chosen response is the one of the greater reward; ties are left out.
    private static func pairs(_ path: String, by source: RewardSource) throws -> String {
        let rewards = try TextRewards(source)
        var lines = try LineReader(path: path)
        var text = ""
        while let line = try lines.next() {
            let row = try JSON.parse(line)
            guard let prompt = row["prompt"], let chosen = row["chosen"]?.string, let rejected = row["rejected"]?.string
            else { continue }
            var found = [0.0, 0.0]
            let texts = [chosen, rejected].map { RatedText(prompt: prompt, response: $0, row: lines.lineNumber) }
            try rewards.rewards(of: texts) { index, reward in found[index] = reward }
            guard found[0] != found[1] else { continue }
            let (better, worse) = found[0] > found[1] ? (chosen, rejected) : (rejected, chosen)
            text += JSON.object(["prompt": prompt, "chosen": .string(better), "rejected": .string(worse)]).text + "\n"
        }
        return text
    }
}
