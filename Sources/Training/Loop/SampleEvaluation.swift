import Collectives
import Kernels
import Machine
import Modeling
import Preferences
import Rewards
import RunFiles
import Storage
import Tokenization

/// Answers a run's `sample_prompts` with the policy as it is, and asks its `rewards` what the answers are worth. Texts and
/// numbers are the same on any number of ranks.
struct SampleEvaluation {
    private let run: TrainingRun
    private let prompts: SamplePrompts
    private let scoring: RewardScoring
    private let rules: GenerationRules

    /// Nil for a run without `sample_prompts`.
    /// - Throws: on every rank alike. Collective.
    init?(_ run: TrainingRun) throws {
        guard let prompts = run.samples, let path = run.file.samples.promptsFile else { return nil }
        (self.run, self.prompts) = (run, prompts)
        scoring = try RewardScoring(
            run.file.rewards.sources, cacheFolder: FileSystem.join(run.file.cacheFolder, "rewards"), sharing: run.policy,
            on: run.pool, over: run.communicator, console: run.console)
        rules = GenerationRules(
            sampling: Sampling(temperature: run.file.samples.temperature), maxNewTokens: prompts.length,
            endTokens: prompts.endTokens)
        let names = run.file.rewards.sources.map(\.name).joined(separator: ", ")
        run.console.line(
            "samples: \(prompts.samples) to each of \(prompts.rows.count) prompts of \(path) at each evaluation, temperature "
                + "\(run.file.samples.temperature)" + (names.isEmpty ? "" : ", rewarded by \(names)"))
    }

    /// Lines of `samples.jsonl` at a step.
    var count: Int { prompts.count }

    /// - Throws: on every rank alike. Collective.
    func result(step: Int) throws -> SampleResult {
        let (longest, samples) = (prompts.longest, prompts.samples)
        // Made anew each time: between evaluations the memory is the training's.
        let drawing = try ResponseDrawing(
            run.communicator.failingTogether {
                try run.policy.seeing(positions: longest + rules.maxNewTokens, on: run.pool)
            }, texts: count, longestPrompt: longest, rules, over: run.communicator)
        run.console.beginActivity()
        let drawn = drawing.draw(prompts.rows.map(\.tokens), samples: samples, key: run.file.data.seed) {
            run.console.progress("samples: \($0) of \(count)")
        }
        run.console.endProgress()
        let texts = zip(prompts.rows, drawn).flatMap { prompt, responses in
            responses.map {
                RatedText(
                    prompt: prompt.given ?? .null, response: prompts.tokenizer.text(of: $0.tokens, after: prompt.tokens),
                    row: prompt.line)
            }
        }
        let rewards = try scoring.rewards(of: texts, from: run.file.samples.promptsFile ?? "")
        var rows: [JSONObject] = []
        for (index, text) in texts.enumerated() {
            let (place, sample) = index.quotientAndRemainder(dividingBy: samples)
            var row: JSONObject = [
                "step": .integer(step), "index": .integer(prompts.rows[place].row), "prompt": text.prompt,
            ]
            if samples > 1 { row["sample"] = .integer(sample) }
            row["response"] = .string(text.response)
            row["finished"] = .bool(drawn[place][sample].isFinished)
            if !rewards.isEmpty {
                var object = JSONObject()
                for (name, values) in rewards { object[name] = .number(values[index]) }
                row["rewards"] = .object(object)
            }
            rows.append(row)
        }
        return SampleResult(
            rows: rows,
            rewards: rewards.map { name, values in (name, SampleResult.means(values, of: samples)) },
            tokens: drawn.flatMap { $0.map { Double($0.tokens.count) } },
            finished: drawn.flatMap { $0.map(\.isFinished) })
    }
}
