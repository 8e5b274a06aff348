import Objectives
import Preferences

extension RunFile {
    package struct Model: Sendable, Equatable {
        /// `model_name_or_path`: a folder in Hugging Face's layout.
        package let path: String
        /// `ref_model_name_or_path`; nil: the initial policy.
        package let referencePath: String?
        /// `tokenizer_name_or_path`; nil: the model's folder.
        package let tokenizerPath: String?
        /// `output_dir`.
        package let outputDirectory: String?

        init(_ reader: RunFileReader) throws(RunFileError) {
            guard let path = try reader.text("model_name_or_path") else {
                throw .missing(
                    file: reader.file, key: "model_name_or_path",
                    remedy: "name the folder of the model, in Hugging Face's layout")
            }
            self.path = path
            referencePath = try reader.text("ref_model_name_or_path")
            tokenizerPath = try reader.text("tokenizer_name_or_path")
            outputDirectory = try reader.text("output_dir")
        }
    }

    package struct Data: Sendable, Equatable {
        /// `train_file`, `eval_file`; empty if not given.
        package let trainFiles: [DataFile]
        package let evalFiles: [DataFile]
        /// `prompt_column`, `chosen_column`, `rejected_column`.
        package let mapping: RowMapping
        /// `max_length`: most tokens of a prompt with one response. nil: 1024, or what the model was made for if that is less.
        package let maxLength: Int?
        /// `truncation`. Default `drop`: TRL cuts (`keep_start`), but a response that was cut teaches a wrong ending.
        package let truncation: Truncation
        /// `append_eos`. Default true; token ids are used as they are in any case.
        package let appendEOS: Bool
        /// `shuffle`: a new order for each epoch. Default true.
        package let shuffle: Bool
        /// `seed`. Default 42.
        package let seed: UInt64

        init(_ reader: RunFileReader) throws(RunFileError) {
            trainFiles = try reader.dataFiles("train_file", weighted: true)
            evalFiles = try reader.dataFiles("eval_file", weighted: false)
            mapping = RowMapping(
                promptColumn: try reader.text("prompt_column") ?? "prompt",
                chosenColumn: try reader.text("chosen_column") ?? "chosen",
                rejectedColumn: try reader.text("rejected_column") ?? "rejected")
            maxLength = try reader.integer("max_length", atLeast: 2)
            truncation = try reader.choice("truncation", default: .drop)
            appendEOS = try reader.flag("append_eos", default: true)
            shuffle = try reader.flag("shuffle", default: true)
            seed = UInt64(try reader.integer("seed", atLeast: 0, atMost: .max) ?? 42)
        }
    }

    package struct Batch: Sendable, Equatable {
        package enum Size: Sendable, Equatable {
            /// `global_batch_size`: pairs per step on any number of ranks.
            case global(Int)
            /// `per_device_train_batch_size` (default 8) and `gradient_accumulation_steps` (default 1): pairs per step
            /// are their product times the number of ranks.
            case perDevice(Int, accumulation: Int)
        }

        /// Default `.global(8)`: what TRL does on one device, made the same on any number of them.
        package var size: Size
        /// `micro_batch_tokens`: most packed tokens of one forward and backward, unless one comparison has more.
        /// By default chosen for the machine (`MicroBatchSize`) when the run begins.
        package var microBatchTokens: Int?

        init(_ reader: RunFileReader) throws(RunFileError) {
            let perDevice = try reader.integer("per_device_train_batch_size", atLeast: 1, atMost: 1 << 20)
            let accumulation = try reader.integer("gradient_accumulation_steps", atLeast: 1, atMost: 1 << 20)
            if perDevice != nil || accumulation != nil {
                size = .perDevice(perDevice ?? 8, accumulation: accumulation ?? 1)
            } else {
                size = .global(try reader.integer("global_batch_size", atLeast: 1) ?? 8)
            }
            microBatchTokens = try reader.integer("micro_batch_tokens", atLeast: 1)
        }

        /// Pairs per step.
        package func pairs(worldSize: Int) -> Int {
            switch size {
            case .global(let pairs): pairs
            case .perDevice(let pairs, let accumulation): pairs * accumulation * worldSize
            }
        }
    }

    package enum Duration: Sendable, Equatable {
        /// `num_train_epochs`, also a fraction. Default 3.
        case epochs(Double)
        /// `max_steps`.
        case steps(Int)

        init(_ reader: RunFileReader) throws(RunFileError) {
            if let steps = try reader.integer("max_steps", atLeast: 1) {
                self = .steps(steps)
            } else {
                self = .epochs(try reader.number("num_train_epochs", .positive) ?? 3)
            }
        }

        /// Optimizer steps of the whole run; a fraction of an epoch is rounded up.
        package func steps(stepsPerEpoch: Int) -> Int {
            switch self {
            case .steps(let steps): steps
            case .epochs(let epochs): Int(min((epochs * Double(stepsPerEpoch)).rounded(.up), 0x1p53))
            }
        }
    }

    package struct Optimizer: Sendable, Equatable {
        package enum Kind: String, Sendable, CaseIterable {
            case adamw, rmsprop, sgd
            /// AdamW with both moments in eight bits.
            case adamw8Bit = "adamw_8bit"

            package var isAdam: Bool { self == .adamw || self == .adamw8Bit }
        }

        /// `optim`. Default `adamw`, also reached by transformers' names `adamw_torch` and `adamw_torch_fused`; `adamw_8bit`
        /// by `adamw_bnb_8bit` and, there being no GPU to page from, `paged_adamw_8bit`.
        package let kind: Kind
        /// `learning_rate`. Default 1e-6, for `sft` 2e-5: TRL's.
        package let learningRate: Double
        /// `lr_scheduler_type`. Default `linear`.
        package let schedule: Schedule.Kind
        /// `warmup_steps` (below 1 a share of all steps, as transformers has it) or `warmup_ratio`. Default none.
        package let warmup: Schedule.Warmup
        /// `weight_decay`. Default 0.
        package let weightDecay: Double
        /// `adam_beta1`, `adam_beta2`, `adam_epsilon`. Default 0.9, 0.999, 1e-8.
        package let adamBeta1: Double
        package let adamBeta2: Double
        package let adamEpsilon: Double
        /// `max_grad_norm`. Default 1; nil (`max_grad_norm: 0` or null) doesn't clip.
        package let maxGradNorm: Double?

        init(_ reader: RunFileReader, objective: Objective) throws(RunFileError) {
            kind = try Self.readKind(reader)
            for key in ["adam_beta1", "adam_beta2", "adam_epsilon"] where !kind.isAdam {
                guard let entry = reader[key] else { continue }
                throw .unused(entry.place, key: key, because: "optim \(kind.rawValue) doesn't read it")
            }
            learningRate = try reader.number("learning_rate", .nonNegative) ?? (objective.judges == .demonstrations ? 2e-5 : 1e-6)
            schedule = try reader.choice("lr_scheduler_type", default: .linear)
            warmup = try Self.readWarmup(reader)
            if schedule == .constant, warmup != .none, let entry = reader["warmup_steps"] ?? reader["warmup_ratio"] {
                throw .unused(
                    entry.place, key: entry.key,
                    because: "lr_scheduler_type constant has no warm-up; choose constant_with_warmup")
            }
            weightDecay = try reader.number("weight_decay", .nonNegative) ?? 0
            adamBeta1 = try reader.number("adam_beta1", .below(1)) ?? 0.9
            adamBeta2 = try reader.number("adam_beta2", .below(1)) ?? 0.999
            adamEpsilon = try reader.number("adam_epsilon", .positive) ?? 1e-8
            let maxGradNorm = try reader.number("max_grad_norm", .nonNegative) ?? 1
            self.maxGradNorm = maxGradNorm == 0 || reader.isNull("max_grad_norm") ? nil : maxGradNorm
        }

        private static func readKind(_ reader: RunFileReader) throws(RunFileError) -> Kind {
            guard let word = reader["optim"]?.value.text else {
                return try reader.choice("optim", default: .adamw)
            }
            if ["adamw_torch", "adamw_torch_fused"].contains(word) { return .adamw }
            if ["adamw_bnb_8bit", "paged_adamw_8bit"].contains(word) { return .adamw8Bit }
            return try reader.choice("optim", default: .adamw)
        }

        private static func readWarmup(_ reader: RunFileReader) throws(RunFileError) -> Schedule.Warmup {
            if let ratio = try reader.number("warmup_ratio", .share) { return ratio == 0 ? .none : .ratio(ratio) }
            guard let entry = reader["warmup_steps"] else { return .none }
            if let steps = entry.value.integer, steps >= 0 { return .steps(steps) }
            guard let share = entry.value.number, share > 0, share < 1 else {
                throw RunFileReader.wrong(entry, "a whole number of steps, 0 or more, or a share of them below 1")
            }
            return .ratio(share)
        }
    }

    package struct Records: Sendable, Equatable {
        /// `logging_steps`. Default 1, where TRL has 10: steps on CPUs are seconds, lines are cheap.
        package let loggingSteps: Int
        /// `eval_steps`; nil: no evaluation between steps.
        package let evalSteps: Int?
        /// `save_steps`. Default 500.
        package let saveSteps: Int
        /// `save_total_limit`: checkpoints to keep; nil: all.
        package let saveTotalLimit: Int?
        /// `save_in_background`: from a copy of what is saved, while the steps go on. Default true; without the memory for
        /// the copy all ranks wait until a checkpoint is written, as with false.
        package let savesInBackground: Bool
        /// `metric_for_best_model` (default `loss`) if `load_best_model_at_end`, otherwise nil. Without the prefix
        /// `eval_`.
        package let bestMetric: String?

        /// Whether more of `bestMetric` is better.
        package let bestMetricIsGreatest: Bool

        init(_ reader: RunFileReader, objective: Objective) throws(RunFileError) {
            loggingSteps = try reader.integer("logging_steps", atLeast: 1) ?? 1
            evalSteps = try reader.integer("eval_steps", atLeast: 1)
            saveSteps = try reader.integer("save_steps", atLeast: 1) ?? 500
            saveTotalLimit = try reader.integer("save_total_limit", atLeast: 1)
            savesInBackground = try reader.flag("save_in_background", default: true)
            let loadBest = try reader.flag("load_best_model_at_end", default: false)
            let metric = try reader.text("metric_for_best_model")
            guard let entry = reader["metric_for_best_model"], let metric else {
                bestMetric = loadBest ? "loss" : nil
                bestMetricIsGreatest = false
                return
            }
            guard loadBest else {
                throw .unused(entry.place, key: entry.key, because: "load_best_model_at_end is not true")
            }
            let name = metric.hasPrefix("eval_") ? String(metric.dropFirst(5)) : metric
            let metrics = Metric.of(objective).filter { $0.isBetterWhen != .neither }
            guard let chosen = metrics.first(where: { $0.name == name }) else {
                throw RunFileReader.wrong(entry, RunFileReader.alternatives(metrics.map(\.name)))
            }
            bestMetric = name
            bestMetricIsGreatest = chosen.isBetterWhen == .greater
        }

        /// What the records need of other keys.
        func check(_ reader: RunFileReader) throws(RunFileError) {
            if let entry = reader["eval_steps"], reader["eval_file"] == nil {
                throw .unused(entry.place, key: entry.key, because: "there is no eval_file")
            }
            guard bestMetric != nil, let entry = reader["load_best_model_at_end"] else { return }
            guard let evalSteps else {
                throw RunFileReader.wrong(entry, "false, or eval_file and eval_steps to find the best model with")
            }
            guard saveSteps % evalSteps == 0 else {
                throw RunFileReader.wrong(
                    entry,
                    "save_steps (\(saveSteps)) to be a multiple of eval_steps (\(evalSteps)), so that every checkpoint "
                        + "has been evaluated")
            }
        }
    }

    package struct Machine: Sendable, Equatable {
        /// The format of saved weights.
        package enum SaveFormat: String, Sendable, CaseIterable {
            case float32, bfloat16, float16
        }

        /// How gradients travel between nodes.
        package enum GradientFormat: String, Sendable, CaseIterable {
            case float32, bfloat16
        }

        /// `threads_per_rank`; nil: by the machine's cores.
        package let threadsPerRank: Int?
        /// `gradient_checkpointing`. Default false, where TRL has true: nodes have more memory than time.
        package let gradientCheckpointing: Bool
        /// `reproducible`: the same bits on any number of ranks. Default false.
        package let reproducible: Bool
        /// `gradient_dtype`: how gradients travel between nodes; inside a node, and where they are added up, they are float32.
        /// Default `float32`; `bfloat16` halves the bytes. On one node nothing travels and it changes nothing.
        package let gradientFormat: GradientFormat
        /// `overlap_comm`: gradients are summed over ranks while the last micro-batch's backward pass still goes on. nil: if the
        /// job has more than one node. With `zero_stage: 1` never.
        package let overlapsReduction: Bool?
        /// `zero_stage`: 0, each rank keeps the optimizer's whole state, or 1, its share. Default 0.
        package let zeroStage: Int
        /// `save_dtype`. Default `float32`, what is trained in.
        package let saveFormat: SaveFormat
        /// `hang_timeout`: seconds after which a rank that stands still ends the run; nil: 60, or 20 usual steps.
        package let hangTimeout: Double?
        /// `reference_cache`: a folder; nil: one for all of the user's runs.
        package let referenceCache: String?
        /// `debug_dump`: a folder; nil: no dump.
        package let debugDump: String?

        init(_ reader: RunFileReader) throws(RunFileError) {
            threadsPerRank = try reader.integer("threads_per_rank", atLeast: 1)
            gradientCheckpointing = try reader.flag("gradient_checkpointing", default: false)
            reproducible = try reader.flag("reproducible", default: false)
            gradientFormat = try reader.choice("gradient_dtype", default: .float32)
            if reproducible, gradientFormat != .float32, let entry = reader["gradient_dtype"] {
                throw RunFileReader.wrong(
                    entry, "float32 with reproducible: true, whose sums are exact: rounded ones depend on the nodes")
            }
            zeroStage = try reader.integer("zero_stage", atLeast: 0, atMost: 1) ?? 0
            overlapsReduction = try reader.flag("overlap_comm")
            if overlapsReduction == true, zeroStage > 0, let entry = reader["overlap_comm"] {
                throw RunFileReader.wrong(
                    entry,
                    "false, or zero_stage: 0: the ranks' shares lie one after the other, and to send one at a time would leave "
                        + "most links idle")
            }
            saveFormat = try reader.choice("save_dtype", default: .float32)
            hangTimeout = try reader.number("hang_timeout", .positive)
            referenceCache = try reader.text("reference_cache")
            debugDump = try reader.text("debug_dump")
        }
    }
}
