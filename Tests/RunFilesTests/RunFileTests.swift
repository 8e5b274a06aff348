import Objectives
import Preferences
import RunFiles
import Testing

@Suite("Run files")
struct RunFileTests {
    private let least = "model_name_or_path: model\n"

    private func read(_ yaml: String, _ overrides: String...) throws -> RunFile {
        try RunFile(yaml: yaml, file: "run.yaml", overrides: overrides)
    }

    /// The message of the refusal, or "accepted".
    private func message(_ yaml: String, _ overrides: String...) -> String {
        do {
            _ = try RunFile(yaml: yaml, file: "run.yaml", overrides: overrides)
            return "accepted"
        } catch { return "\(error)" }
    }

    // MARK: Reading

    @Test("a byte order mark before the text and spaces around an override's key mean nothing")
    func marks() throws {
        let bytes = [0xEF, 0xBB, 0xBF] + Array((least + "beta: 0.3\r\n").utf8)
        let run = try RunFile(bytes: bytes, file: "run.yaml", overrides: [" max_steps = 7"])
        #expect(run.duration == .steps(7))
        #expect(try run.objective == Objective(.sigmoid, ["beta": 0.3, "label_smoothing": 0, "nll_weight": 0]))
    }

    @Test("a model alone is a run with every default")
    func defaults() throws {
        let run = try read(least)
        #expect(run.model.path == "model" && run.model.referencePath == nil && run.model.outputDirectory == nil)
        #expect(run.data.maxLength == nil && run.data.truncation == .drop && run.data.appendEOS)
        #expect(run.data.shuffle && run.data.seed == 42 && run.data.mapping == RowMapping())
        #expect(try run.objective == Objective(.sigmoid, ["beta": 0.1, "label_smoothing": 0, "nll_weight": 0]))
        #expect(run.batch.size == .global(8) && run.batch.microBatchTokens == nil)
        #expect(run.duration == .epochs(3))
        #expect(run.optimizer.kind == .adamw && run.optimizer.learningRate == 1e-6)
        #expect(run.optimizer.schedule == .linear && run.optimizer.warmup == .none)
        #expect(run.optimizer.maxGradNorm == 1 && run.optimizer.weightDecay == 0)
        #expect(run.optimizer.adamBeta1 == 0.9 && run.optimizer.adamBeta2 == 0.999 && run.optimizer.adamEpsilon == 1e-8)
        #expect(run.records.loggingSteps == 1 && run.records.saveSteps == 500 && run.records.evalSteps == nil)
        #expect(run.records.bestMetric == nil && run.records.saveTotalLimit == nil)
        #expect(!run.machine.reproducible && !run.machine.gradientCheckpointing && run.machine.saveFormat == .float32)
        #expect(run.machine.threadsPerRank == nil && run.machine.referenceCache == nil && run.margins == nil)
    }

    @Test("every key of a full run is read")
    func full() throws {
        let run = try read(
            """
            model_name_or_path: m
            ref_model_name_or_path: r
            tokenizer_name_or_path: t
            output_dir: out
            train_file: "train file.jsonl"
            eval_file: eval.jsonl.gz
            prompt_column: question
            chosen_column: better
            rejected_column: worse
            max_length: 512
            truncation: keep_start
            append_eos: no
            shuffle: False
            seed: 7
            loss_type: sigmoid
            beta: 5e-1
            label_smoothing: .1
            nll_weight: 0.2
            per_device_train_batch_size: 4
            gradient_accumulation_steps: 2
            micro_batch_tokens: 4096
            max_steps: 20
            optim: adamw_torch
            learning_rate: 5e-7
            lr_scheduler_type: cosine
            warmup_ratio: 0.1
            weight_decay: 0.01
            adam_beta1: 0.8
            adam_beta2: 0.95
            adam_epsilon: 1e-6
            max_grad_norm: 10
            use_peft: false
            logging_steps: 5
            eval_steps: 10
            save_steps: 1e9
            save_total_limit: 2
            save_in_background: false
            load_best_model_at_end: true
            metric_for_best_model: eval_rewards/accuracies
            threads_per_rank: 2
            gradient_checkpointing: true
            reproducible: true
            bf16: true
            zero_stage: 1
            gradient_dtype: float32
            overlap_comm: false
            save_dtype: bfloat16
            reference_cache: cache
            debug_dump: dump
            """)
        #expect(run.model.referencePath == "r" && run.model.tokenizerPath == "t" && run.model.outputDirectory == "out")
        #expect(
            run.data.trainFiles == [DataFile(path: "train file.jsonl")]
                && run.data.evalFiles == [DataFile(path: "eval.jsonl.gz")])
        #expect(
            run.data.mapping
                == RowMapping(promptColumn: "question", chosenColumn: "better", rejectedColumn: "worse"))
        #expect(run.data.maxLength == 512 && run.data.truncation == .keepStart)
        #expect(!run.data.appendEOS && !run.data.shuffle && run.data.seed == 7)
        #expect(try run.objective == Objective(.sigmoid, ["beta": 0.5, "label_smoothing": 0.1, "nll_weight": 0.2]))
        #expect(run.batch.size == .perDevice(4, accumulation: 2) && run.batch.pairs(worldSize: 3) == 24)
        #expect(run.duration == .steps(20) && run.batch.microBatchTokens == 4096)
        #expect(run.optimizer.kind == .adamw && run.optimizer.learningRate == 5e-7)
        #expect(run.optimizer.schedule == .cosine && run.optimizer.warmup == .ratio(0.1))
        #expect(run.optimizer.weightDecay == 0.01 && run.optimizer.maxGradNorm == 10)
        #expect(run.optimizer.adamBeta1 == 0.8 && run.optimizer.adamBeta2 == 0.95 && run.optimizer.adamEpsilon == 1e-6)
        #expect(run.records.loggingSteps == 5 && run.records.evalSteps == 10 && run.records.saveSteps == 1_000_000_000)
        #expect(run.records.saveTotalLimit == 2 && run.records.bestMetric == "rewards/accuracies")
        #expect(
            run.records.bestMetricIsGreatest(of: run.objective) && !run.records.savesInBackground
                && run.machine.zeroStage == 1)
        #expect(run.machine.threadsPerRank == 2 && run.machine.gradientCheckpointing && run.machine.reproducible)
        #expect(run.machine.saveFormat == .bfloat16 && run.machine.overlapsReduction == false)
        #expect(run.machine.referenceCache == "cache" && run.machine.debugDump == "dump")
        #expect(try read(run.resolved()) == run)
    }

    @Test(
        "numbers are read as numbers in each of their spellings",
        arguments: [
            ("5e-7", 5e-7), ("1e-6", 1e-6), ("1.0e-06", 1e-6), ("+2E-5", 2e-5), ("0.001", 0.001), (".5", 0.5), ("1", 1),
        ])
    func numbers(text: String, value: Double) throws {
        #expect(try read(least + "learning_rate: \(text)").optimizer.learningRate == value)
    }

    @Test("train_file may be a list, with weights, and is written out as it was read")
    func dataFiles() throws {
        let run = try read(least + "train_file: [a.jsonl, {path: b c.csv, weight: 2.5}, {path: d}]\neval_file: [e, f]")
        #expect(
            run.data.trainFiles
                == [DataFile(path: "a.jsonl"), DataFile(path: "b c.csv", weight: 2.5), DataFile(path: "d")])
        #expect(run.data.evalFiles == [DataFile(path: "e"), DataFile(path: "f")])
        #expect(try read(run.resolved()) == run)
        #expect(try read(least + "train_file: [{path: a, weight: 0.5}]").data.trainFiles[0].weight == 0.5)
    }

    @Test(
        "a list of data files that can't be meant is refused",
        arguments: [
            ("train_file: []", "train_file is a list; expected a file, a folder, or a list of them"),
            ("train_file: [[a]]", "train_file[0] is a list; expected a path, or {path: …, weight: …}"),
            ("train_file: [{weight: 2}]", "train_file[0] is a mapping; expected a path in it: {path: …}"),
            ("train_file: [{path: a, weight: 0}]", "train_file[0].weight is 0; expected a number above 0"),
            (
                "train_file: [{path: a, weight: 1e9}]",
                "train_file[0].weight is 1e9; expected a number above 0 and at most 1000"
            ),
            (
                "train_file: [{path: a, size: 2}]",
                "there is no key train_file[0].size; did you mean train_file[0].path, .weight, .loss_weight or .preference?"
            ),
            (
                "eval_file: [{path: a, weight: 2}]",
                "eval_file[0].weight is not used: an evaluation counts every pair once; remove it"
            ),
        ])
    func wrongDataFiles(line: String, message: String) {
        do {
            _ = try read(least + line)
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasSuffix(message), "\(error)")
        }
    }

    @Test("a JSON run file works too")
    func json() throws {
        let run = try read(#"{"model_name_or_path": "m\u0041", "beta": 0.2, "shuffle": false, "eval_file": null}"#)
        #expect(try run.model.path == "mA" && run.objective == Objective(.sigmoid, ["beta": 0.2]))
        #expect(!run.data.shuffle && run.data.evalFiles.isEmpty)
    }

    @Test("SimPO's gamma is absolute or a ratio, and half of beta by default")
    func simpo() throws {
        #expect(
            try read(least + "loss_type: simpo").objective == Objective(.simpo, ["beta": 2, "gamma_beta_ratio": 0.5]))
        #expect(
            try read(least + "loss_type: simpo\nbeta: 2.5\ngamma: 1.4").objective
                == Objective(.simpo, ["beta": 2.5, "gamma": 1.4]))
        let run = try read(least + "loss_type: simpo\nbeta: 10\ngamma_beta_ratio: 0.3")
        #expect(try run.objective == Objective(.simpo, ["beta": 10, "gamma_beta_ratio": 0.3]))
        #expect(try read(run.resolved()) == run)
    }

    @Test("MODPO's weights and margins are read in the file's order, a missing margin being the column of its name")
    func modpo() throws {
        let run = try read(
            """
            model_name_or_path: m
            loss_type: modpo
            preference_name: helpful
            weights:
              brevity: 0.2
              helpful: 0.5
              harmless: 0.2
              "short: words": 0.1
              kind: 0
            margins:
              "short: words": {length: -1}
              harmless: {model: ./safe model, beta: 0.3}
              kind: {column: kindness}
            """)
        #expect(try run.objective == Objective(.modpo, preferenceWeight: 0.5))
        let margins = try #require(run.margins)
        #expect(margins.preferenceName == "helpful")
        #expect(margins.rewards.map(\.name) == ["brevity", "harmless", "short: words", "kind"])
        #expect(margins.rewards.map(\.weight) == [0.2, 0.2, 0.1, 0])
        #expect(
            margins.rewards.map(\.source) == [
                .column("brevity"), .model(path: "./safe model", beta: 0.3), .length(factor: -1), .column("kindness"),
            ])
        #expect(try read(run.resolved()) == run)
        #expect(try read(least + "loss_type: modpo\nweights: {preference: 1}").margins?.rewards.isEmpty == true)
    }

    @Test("a resolved run reads back as the same run, whatever its objective and odd its names")
    func resolved() throws {
        for lines in [
            "", "loss_type: sft", "loss_type: simpo\nnll_weight: 1", "loss_type: ipo\nnormalise: sum",
            "loss_type: [sigmoid, bco_pair, sft]\nloss_weights: [0.8, 0.2, 1]\nnll_reduction: response",
            "max_length: null", "max_grad_norm: 0",
            "num_train_epochs: 0.25", "optim: rmsprop\nlr_scheduler_type: constant_with_warmup\nwarmup_steps: 150",
            "loss_type: modpo\nweights: {preference: 0.1, x: 0.9}", "seed: 9223372036854775807", "learning_rate: 0",
            #"output_dir: "no"\#ntrain_file: "1e-6"\#neval_file: "a \"b\"\\ \t\u00e9\u0007 # {x}: \U0001F600""#,
            "global_batch_size: 128\nwarmup_steps: 0.1", "beta: 0.30000000000000004\nlearning_rate: 3e-7",
        ] {
            let run = try read(least + lines)
            #expect(try read(run.resolved()) == run, "\(lines)")
            #expect(try read(run.resolved()).resolved() == run.resolved())
        }
    }

    @Test("steps of a run: a fraction of an epoch is rounded up")
    func duration() throws {
        #expect(try read(least + "num_train_epochs: 0.5").duration.steps(stepsPerEpoch: 7) == 4)
        #expect(try read(least).duration.steps(stepsPerEpoch: 7) == 21)
        #expect(try read(least + "max_steps: 5").duration.steps(stepsPerEpoch: 7) == 5)
        #expect(try read(least + "max_steps: -1\nnum_train_epochs: 2").duration == .epochs(2))
    }

    // MARK: Overrides

    @Test("--set wins over the file, nested keys too, and over what contradicts it there")
    func overrides() throws {
        let run = try read(
            least + "beta: 0.1\nnum_train_epochs: 3\nglobal_batch_size: 64\neval_file: e", "beta=0.3", "max_steps=4",
            "gradient_accumulation_steps=2", "eval_file=null", "output_dir=a=b")
        #expect(try run.objective == Objective(.sigmoid, ["beta": 0.3]))
        #expect(run.duration == .steps(4) && run.batch.size == .perDevice(8, accumulation: 2))
        #expect(run.data.evalFiles.isEmpty && run.model.outputDirectory == "a=b")

        let modpo = try read(
            least + "loss_type: modpo\nweights: {preference: 0.5, brevity: 0.5}", "weights.preference=0.9",
            "weights.brevity=0.1", "margins.brevity.length=-1")
        #expect(try modpo.objective == Objective(.modpo, preferenceWeight: 0.9))
        #expect(modpo.margins?.rewards.map(\.source) == [.length(factor: -1)])
        #expect(try read("", "model_name_or_path=m").model.path == "m")
    }

    @Test("a wrong --set is named as it was typed")
    func wrongOverrides() {
        #expect(message(least, "beta") == "--set beta: expected key=value, for instance --set learning_rate=1e-6")
        #expect(message(least, "beta=large") == "--set beta=large: beta is large; expected a number above 0")
        #expect(message(least, "bet=1") == "--set bet=1: there is no key bet; did you mean beta?")
        #expect(message(least, "=1").hasPrefix("--set =1: expected key=value"))
        #expect(message(least, "a..b=1").hasPrefix("--set a..b=1: expected key=value"))
        #expect(message(least, "beta=[").hasPrefix("--set beta=[: not YAML: "))
        #expect(
            message(least, "max_steps=1", "num_train_epochs=2")
                == "--set num_train_epochs=2: num_train_epochs contradicts max_steps (--set max_steps=1); "
                + "give one of them")
    }
}
