import RunFiles
import Scratch
import Storage
import Testing

@Suite struct SweepFileTests {
    private static let base = """
        model_name_or_path: m
        train_file: t.jsonl
        eval_file: e.jsonl
        beta: 0.1
        gamma_beta_ratio: 0.5
        loss_type: simpo

        """

    private func read(_ text: String, base: String = base) throws -> SweepFile {
        let folder = try TemporaryDirectory()
        _ = try folder.write(base, as: "run.yaml")
        return try SweepFile(bytes: Array(text.utf8), file: folder.file("sweep.yaml"))
    }

    @Test("Every combination of runs, zip, grid and seeds is a run, named by what differs")
    func combinations() throws {
        let sweep = try read(
            """
            base: run.yaml
            output_dir: out
            grid: {learning_rate: [1e-6, 5e-7], max_steps: [10]}
            zip: {beta: [2, 2.5], gamma: [1, 1.2]}
            seeds: [3, 4]
            """)
        #expect(sweep.runs.count == 8)
        #expect(sweep.runs[0].name == "beta=2,gamma=1,learning_rate=1e-6,seed=3")
        #expect(sweep.runs[7].name == "beta=2.5,gamma=1.2,learning_rate=5e-7,seed=4")
        #expect(sweep.varied == ["beta", "gamma", "learning_rate", "seed"])
        let last = sweep.runs[7].file
        #expect(last.optimizer.learningRate == 5e-7 && last.data.seed == 4)
        #expect(last.model.outputDirectory == "out/\(sweep.runs[7].name)")
        // gamma takes the place of the base's gamma_beta_ratio.
        #expect(last.objective == sweep.runs[6].file.objective)
        #expect(sweep.runs[6].repetition == sweep.runs[7].repetition)
        #expect(sweep.metric.name == "eval_rewards/accuracies" && sweep.metric.isGreaterBetter)
    }

    @Test("Keys within a key, models by their names, and values that aren't names of folders")
    func names() throws {
        let margins = "loss_type: modpo\nbeta: 0.1\nweights: {a: 0.5, b: 0.5}\npreference_name: a\n"
        let sweep = try read(
            """
            base: run.yaml
            output_dir: out
            runs: [{weights.a: 0.9, weights.b: 0.1}, {weights.a: 0.1, weights.b: 0.9}]
            """, base: "model_name_or_path: m\ntrain_file: t\n" + margins)
        #expect(sweep.runs.map(\.name) == ["weights.a=0.9,weights.b=0.1", "weights.a=0.1,weights.b=0.9"])
        let models = try read("base: run.yaml\noutput_dir: out\ngrid: {model_name_or_path: [a/one, b/one]}\n")
        #expect(models.runs[0].name.hasPrefix("model_name_or_path=one-"))
        #expect(models.runs[0].name != models.runs[1].name)
    }

    @Test("All that is wrong comes at once, each with its place")
    func faults() throws {
        func message(_ text: String, base: String = Self.base) -> [String] {
            do {
                _ = try read(text, base: base)
                return []
            } catch {
                return "\(error)".split(separator: "\n").map { line in
                    String(line.firstRange(of: "sweep.yaml").map { line[$0.lowerBound...] } ?? line)
                }
            }
        }
        #expect(
            message("base: run.yaml\nparameters: {beta: [1]}\ngrid: {beta: 0.1}\nseeds: 3\n") == [
                "sweep.yaml:2: parameters is wandb's; here it is grid: {key: [values]}",
                "sweep.yaml: output_dir is missing; name the folder for sweep.jsonl and the runs' folders",
                "sweep.yaml:3: grid.beta is 0.1; expected a list of values, as [0.05, 0.1]",
                "sweep.yaml:4: seeds is 3; expected a list of whole numbers from 0, as [1, 2, 3]",
            ])
        let wrong = message("base: run.yaml\noutput_dir: o\ngrid: {beta: [-1, 2], bet: [1, 2]}\n")
        #expect(
            wrong == [
                "sweep.yaml:3: there is no key bet; did you mean beta?", "sweep.yaml:3: beta is -1; expected a number above 0",
            ])
        // What can't be read hides nothing else, nor is what follows from it said.
        #expect(
            message("base: run.yaml\noutput_dir: o\ngrid: {bet: [1], learning_rate: [-1]}\nseeds: [a]\nmetric: [x]\n") == [
                "sweep.yaml:4: seeds is a list; expected a list of whole numbers from 0, as [1, 2, 3]",
                "sweep.yaml:5: metric is a list; expected a name of metrics.jsonl, as eval_rewards/accuracies",
                "sweep.yaml:3: there is no key bet; did you mean beta?",
                "sweep.yaml:3: learning_rate is -1; expected a number, 0 or more",
            ])
        #expect(
            message(
                "base: run.yaml\ngrid: {gama: [1, 2]}\nzip: {loss_type: 3, beta: [1, 2]}\n",
                base: "model_name_or_path: m\ntrain_file: t.jsonl\ngamma_beta_ratio: 0.5\n") == [
                    "sweep.yaml: output_dir is missing; name the folder for sweep.jsonl and the runs' folders",
                    "sweep.yaml:3: zip.loss_type is 3; expected a list of values, as [0.05, 0.1]",
                    "sweep.yaml:2: there is no key gama; did you mean gamma?",
                ])
        #expect(
            message("base: run.yaml\noutput_dir: o\nzip: {beta: [1, 2], gamma: [1]}\n")[0].contains("as many as beta has"))
        #expect(message("base: run.yaml\noutput_dir: o\nseeds: [1, 1]\n")[0].contains("twice"))
        #expect(
            message("base: run.yaml\noutput_dir: o\nseeds: [1, 2]\nmetric: eval_kindness\n")[0].contains(
                "a metric of all runs"))
        #expect(
            message("base: run.yaml\noutput_dir: o\nseeds: [1, 2]\n", base: Self.base + "gradient_accumulation_steps: 2\n")[0]
                .contains("give global_batch_size"))
    }
}
