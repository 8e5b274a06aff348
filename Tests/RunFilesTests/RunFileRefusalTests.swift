import Objectives
import RunFiles
import Testing

@Suite("Run files that are refused")
struct RunFileRefusalTests {
    private let least = "model_name_or_path: model\n"
    private static let lossNames: String = {
        let names = Loss.all.map(\.name)
        return names.dropLast().joined(separator: ", ") + " or \(names[names.count - 1])"
    }()

    /// The message of the refusal, or "accepted".
    private func message(_ yaml: String, _ overrides: String...) -> String {
        do {
            _ = try RunFile(yaml: yaml, file: "run.yaml", overrides: overrides)
            return "accepted"
        } catch { return "\(error)" }
    }

    @Test(
        "an unknown key is refused with its line and its likely name",
        arguments: [
            ("learning_rte: 1", "learning_rte; did you mean learning_rate?"),
            ("Beta: 1", "Beta; did you mean beta?"),
            ("colour: red", "colour; swift-prefopt keys lists those that there are"),
        ])
    func unknownKeys(line: String, rest: String) {
        #expect(message(least + "\n# comment\n" + line) == "run.yaml:4: there is no key " + rest)
    }

    @Test(
        "a key that the objective doesn't read is refused",
        arguments: [
            ("sigmoid", "gamma: 1"), ("sigmoid", "weights: {preference: 1}"), ("sigmoid", "normalise: sum"),
            ("sigmoid", "margins: {a: {length: 1}}"), ("hinge", "label_smoothing: 0.1"),
            ("simpo", "ref_model_name_or_path: r"), ("modpo", "normalise: sum"), ("sft", "beta: 0.1"),
            ("sft", "nll_weight: 1"), ("sft", "rejected_column: r"),
        ])
    func unusedKeys(lossType: String, line: String) {
        let key = line.prefix { $0 != ":" }
        #expect(
            message(least + line + "\nloss_type: \(lossType)").prefix { $0 != "\n" }
                == "run.yaml:2: \(key) is not used: loss_type \(lossType) doesn't read it; remove it")
    }

    @Test(
        "keys that contradict each other are refused, with both places",
        arguments: [
            ("gamma", "gamma_beta_ratio"), ("global_batch_size", "per_device_train_batch_size"),
            ("global_batch_size", "gradient_accumulation_steps"), ("max_steps", "num_train_epochs"),
            ("warmup_steps", "warmup_ratio"),
        ])
    func contradictions(a: String, b: String) {
        let expected = "run.yaml:3: \(a) contradicts \(b) (run.yaml:2); give one of them"
        #expect(message(least + "\(b): 1\n\(a): 1\nloss_type: simpo") == expected)
    }

    @Test(
        "wrong types and numbers out of range are refused with what was found and what was expected",
        arguments: [
            ("beta: 0", "beta is 0; expected a number above 0"),
            ("beta: \"0.1\"", "beta is the string \"0.1\"; expected a number above 0"),
            ("beta: .inf", "beta is .inf; expected a number above 0"),
            ("beta: [0.1]", "beta is a list; expected a number above 0"),
            ("label_smoothing: 0.5", "label_smoothing is 0.5; expected a number from 0 to below 0.5"),
            ("max_steps: 0", "max_steps is 0; expected a whole number, 1 or more"),
            ("max_steps: 1.5", "max_steps is 1.5; expected a whole number, 1 or more"),
            ("max_steps: 1e30", "max_steps is 1e30; expected a whole number, 1 or more"),
            (
                "gradient_accumulation_steps: 9999999999",
                "gradient_accumulation_steps is 9999999999; expected a whole number from 1 to 1048576"
            ),
            ("seed: -1", "seed is -1; expected a whole number, 0 or more"),
            ("shuffle: 2", "shuffle is 2; expected true or false"),
            ("truncation: keep_end", "truncation is keep_end; expected drop, keep_start, keep_end_of_prompt or error"),
            ("loss_type: dpo", "loss_type is dpo, which isn't one of its values here; write sigmoid"),
            ("loss_type: []", "loss_type is a list; expected a list of names"),
            (
                "loss_type: [sigmoid, rrhf]",
                "loss_type is sigmoid, rrhf; expected losses and constants that go together: rrhf can't be one of several "
                    + "losses: it doesn't judge pairs by logps; train it alone"
            ),
            ("loss_type: guess", "loss_type is guess; expected \(RunFileRefusalTests.lossNames)"),
            ("optim: lion", "optim is lion; expected adamw, rmsprop, sgd or adamw_8bit"),
            ("zero_stage: 2", "zero_stage is 2; expected a whole number from 0 to 1"),
            (
                "lr_scheduler_type: poly",
                "lr_scheduler_type is poly; expected linear, cosine, constant or constant_with_warmup"
            ),
            ("warmup_ratio: 1.5", "warmup_ratio is 1.5; expected a number from 0 to 1"),
            (
                "warmup_steps: 2.5",
                "warmup_steps is 2.5; expected a whole number of steps, 0 or more, or a share of them below 1"
            ),
            ("train_file: {}", "train_file is a mapping; expected some text"),
            (
                "report_to: [wandb]",
                "report_to is a list; expected none or tensorboard: metrics.jsonl in output_dir has every number, and "
                    + "nothing is sent over a network"
            ),
            ("save_strategy: best", "save_strategy is best; expected no, steps or epoch"),
            ("train_file: ''", "train_file is the string \"\"; expected some text"),
            ("adam_beta1: 1", "adam_beta1 is 1; expected a number from 0 to below 1"),
        ])
    func wrongValues(line: String, text: String) {
        #expect(message(least + line) == "run.yaml:2: " + text)
    }

    @Test(
        "keys that need or exclude others say so",
        arguments: [
            ("eval_steps: 5", "eval_steps is not used: there is no eval_file; remove it"),
            (
                "metric_for_best_model: loss",
                "metric_for_best_model is not used: load_best_model_at_end is not true; remove it"
            ),
            (
                "load_best_model_at_end: true",
                "load_best_model_at_end is true; expected false, or eval_file and eval_steps to find the best model with"
            ),
            (
                "load_best_model_at_end: true\neval_file: e\neval_steps: 300",
                "load_best_model_at_end is true; expected save_steps (500) to be a multiple of eval_steps (300), so that "
                    + "every checkpoint has been evaluated"
            ),
            (
                "gradient_dtype: bfloat16\nreproducible: true",
                "gradient_dtype is bfloat16; expected float32 with reproducible: true, whose sums are exact: rounded ones "
                    + "depend on the nodes"
            ),
            (
                "overlap_comm: true\nzero_stage: 1",
                "overlap_comm is true; expected false, or zero_stage: 0: the ranks' shares lie one after the other, and to "
                    + "send one at a time would leave most links idle"
            ),
            ("adam_beta2: 0.9\noptim: rmsprop", "adam_beta2 is not used: optim rmsprop doesn't read it; remove it"),
            (
                "warmup_steps: 3\nlr_scheduler_type: constant",
                "warmup_steps is not used: lr_scheduler_type constant has no warm-up; choose constant_with_warmup; "
                    + "remove it"
            ),
            (
                "eval_strategy: steps\neval_file: e",
                "eval_strategy is steps; expected eval_steps beside it: how many steps between two evaluations"
            ),
            ("eval_strategy: epoch", "eval_strategy is not used: there is no eval_file; remove it"),
            ("save_steps: 5\nsave_strategy: epoch", "save_steps is not used: save_strategy is epoch; remove it"),
            ("loss_weights: [1, 2]", "loss_weights is not used: loss_type is a single loss; remove it"),
            (
                "loss_weights: [1]\nloss_type: [sigmoid, sft]",
                "loss_weights is a list; expected a list of 2 numbers, one for each loss of loss_type"
            ),
            (
                "nll_weight: 1\nloss_type: [sigmoid, sft]",
                "nll_weight is not used: in a list of losses sft has a weight of its own, in loss_weights; remove it"
            ),
            ("lora_r: 16", "lora_r is not used: use_peft isn't set; remove it"),
            ("use_rslora: true\nuse_peft: false", "use_rslora is not used: use_peft is false; remove it"),
            (
                "lora_alpha: 2\nadapter_name_or_path: a",
                "lora_alpha is not used: the adapter that adapter_name_or_path names has it; remove it"
            ),
        ])
    func dependentKeys(lines: String, text: String) {
        #expect(message(least + lines) == "run.yaml:2: " + text)
    }

    @Test(
        "MODPO's weights are checked one by one",
        arguments: [
            (
                "",
                "run.yaml: weights is missing; loss_type modpo needs a weight for each objective, for instance "
                    + "weights: {preference: 0.5, brevity: 0.5}"
            ),
            (
                "weights: {preference: 0, b: 1}",
                "run.yaml:3: weights.preference is 0; expected a number above 0, since the "
                    + "loss divides by the weight of the trained preference: train another objective by its preferences and "
                    + "give this one as a margin reward"
            ),
            (
                "weights: {a: 1, b: 1}",
                "run.yaml:3: weights is for a, b; expected one for preference too, the objective "
                    + "whose preferences are trained (preference_name)"
            ),
            ("weights: {preference: 1, b: -1}", "run.yaml:3: weights.b is -1; expected a number, 0 or more"),
            (
                "weights: 3",
                "run.yaml:3: weights is 3; expected a mapping of names, for instance "
                    + "weights: {preference: 0.5, brevity: 0.5}"
            ),
            (
                "weights: {preference: 1, b: 1}\nmargins: {c: {length: 1}}",
                "run.yaml:4: margins.c is not used: weights has no c; remove it"
            ),
            (
                "weights: {preference: 1, b: 1}\nmargins: {preference: {length: 1}}",
                "run.yaml:4: margins.preference is not used: it is the trained preference itself; remove it"
            ),
            (
                "weights: {preference: 1, b: 1}\nmargins:\n  b: {words: 1}",
                "run.yaml:5: margins.b is {words: 1}; expected "
                    + "{column: NAME}, {model: DIR, beta: 0.1}, {reward: \"model:DIR\"} or {length: -1}, each also with scale or normalise"
            ),
            (
                "weights: {preference: 1, b: 1}\nmargins:\n  b: {length: 1, column: b}",
                "run.yaml:5: margins.b is {length: 1, column: b}; expected "
                    + "{column: NAME}, {model: DIR, beta: 0.1}, {reward: \"model:DIR\"} or {length: -1}, each also with scale or normalise"
            ),
            (
                "weights: {preference: 1, b: 1}\nmargins:\n  b:\n    model: m\n    beta: x",
                "run.yaml:7: margins.b.beta is x; expected a number above 0"
            ),
        ])
    func modpoRefusals(lines: String, text: String) {
        #expect(message(least + "loss_type: modpo\n" + lines) == text)
    }

    @Test("a key given twice is refused, quoted or not")
    func duplicates() {
        let expected = "run.yaml:4: beta is given a second time, first in line 2; remove one"
        #expect(message(least + "beta: 1\nbeta_x: 1\nbeta: 2") == expected)
        #expect(message(least + "beta: 1\nseed: 1\n\"beta\": 2") == expected)
    }

    @Test("what a command can't do without is missing by name")
    func missing() throws {
        #expect(
            message("train_file: x")
                == "run.yaml: model_name_or_path is missing; name the folder of the model, in Hugging Face's layout")
        let run = try RunFile(yaml: least, file: "run.yaml")
        let expected = "run.yaml: train_file is missing; name the file of pairs to train on"
        #expect { _ = try run.requiredTrainFiles() } throws: { "\($0)" == expected }
        #expect(throws: RunFileError.self) { _ = try run.requiredOutputDirectory() }
        #expect(throws: RunFileError.self) { _ = try run.requiredEvalFiles() }
    }

    @Test("what isn't YAML is refused with its line")
    func notYAML() {
        #expect(message(least + "beta: 0.1\n  x: y").hasPrefix("run.yaml:3: not YAML: "))
        #expect(message("- a\n- b") == "run.yaml:1: the run file is a list; expected lines of the form key: value")
        #expect(message("hello") == "run.yaml:1: the run file is hello; expected lines of the form key: value")
        #expect(message(least + "? [a]\n: b").hasPrefix("run.yaml:2: not YAML: a key is a list or a mapping"))
        #expect(message(least + "---\nbeta: 1").contains("not YAML: "))
        #expect(message("beta: *nowhere").hasPrefix("run.yaml:1: not YAML: "))
        #expect(message("").hasPrefix("run.yaml: model_name_or_path is missing"))
        #expect { _ = try RunFile(bytes: [0x61, 0xFF], file: "run.yaml") } throws: {
            "\($0)" == "run.yaml:1: not YAML: the file is not UTF-8 text"
        }
    }

    @Test("alias bombs, deep nesting and huge files are refused before they cost anything")
    func bombs() {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for k in 1..<12 {
            bomb += "a\(k): &a\(k) [" + Array(repeating: "*a\(k - 1)", count: 10).joined(separator: ", ") + "]\n"
        }
        #expect(
            message(bomb) == "run.yaml: too many anchors and aliases; the limit of a run file is 16: "
                + "a run file is some fifty short lines")
        let small = "a: &a [1]\n" + (0..<7).map { "k\($0): &k\($0) [*\($0 == 0 ? "a" : "k\($0 - 1)")]\n" }.joined()
        #expect(message(small).hasPrefix("run.yaml:1: there is no key a"))
        for opening in ["[", "{a: ", "[\"]\", "] {
            #expect(message("a: " + String(repeating: opening, count: 30_000)).contains("too many brackets"))
        }
        for opening in ["- ", "? ", "-\t"] {
            #expect(message(String(repeating: opening, count: 30_000) + "a").contains("too deep an indentation"))
        }
        let stairs = (0..<400).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(message(stairs).contains("too deep an indentation"))
        #expect(message(String(repeating: "#", count: 300_000)).hasPrefix("run.yaml: 300000 bytes; the limit"))
    }

    @Test("no line of noise brings the reader down")
    func noise() {
        let pieces = [
            "a", ":", " ", "\n", "-", "?", "[", "]", "{", "}", "&a", "*a", "'", "\"", "#", "|", ">", "!", "%", "\t",
            "beta", "weights", "1e-6", "null", ",", "\u{0}", "\u{FEFF}", "é", "---\n", "...\n", "<<", "!!int", "\\",
        ]
        var state: UInt64 = 42
        for _ in 0..<3000 {
            var text = ""
            for _ in 0..<30 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(state >> 33) % pieces.count]
            }
            #expect(message(text) != "accepted")
        }
    }
}
