import ArgumentParser
import Collectives
import Commands
import Glibc
import Modeling
import RunFiles
import Storage
import Training

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Logps of every pair of a file, one JSON line per input row.")

    @Option(help: "A model directory in Hugging Face's layout.") var model: String
    @Option(help: "Another one: its logps go along as reference_….") var reference: String?
    @Option(help: "An adapter in PEFT's layout.") var adapter: String?
    @Option(help: "The file of pairs.") var data: String
    @Option(help: "The JSONL file to write.") package var output: String
    @Flag(help: "The logps of every token too.") var perToken = false
    @Option(help: "Longest prompt with response; default: what the model was made for.") var maxLength: Int?
    @Option(help: "Threads of a rank; default: by the machine's cores.") var threadsPerRank: Int?

    func run() throws {
        runJob { communicator, console in
            try ScoreJob(
                model: model, adapter: adapter, reference: reference, data: data, output: output, perToken: perToken,
                maxLength: maxLength,
                threads: threadsPerRank
            ).run(over: communicator, console: console)
        }
    }
}

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Held-out metrics of a model, as one JSON object.")

    @Argument(help: .init("The run file: its eval_file, objective and reference.", valueName: "run.yaml")) var runFile:
        String
    @Option(help: "The model directory to evaluate.") var model: String
    @Option(name: .customLong("set"), help: "Override a key of the run file: --set key=value.") var overrides:
        [String] = []

    func run() throws {
        runJob { communicator, console in
            let file = try communicator.failingTogether {
                try RunFile(bytes: FileSystem.read(runFile), file: runFile, overrides: overrides)
            }
            let result = try EvaluationJob.run(file, model: model, over: communicator, console: console)
            if communicator.isRoot { print(JSON.object(result).text) }
        }
    }
}

struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Token ids of texts: {\"text\": …} per line in, ids and decodings out.")

    @Option(help: "A directory with tokenizer.json.") var model: String
    @Flag(help: "What the tokenizer adds to a text, too.") var addSpecialTokens = false

    func run() throws {
        runJob(isWatched: false) { communicator, _ in
            try communicator.onRoot {
                let job = try TokenizeJob(model: model, addSpecialTokens: addSpecialTokens)
                var lines = try LineReader(path: "/dev/stdin")
                var number = 0
                while let line = try lines.next() {
                    number += 1
                    if line.isEmpty { continue }
                    print(try job.run(line: line, number: number))
                }
            }
        }
    }
}

struct Render: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Texts of conversations by the model's chat template: {\"messages\": […], …} per line in, texts out.",
        discussion:
            "A conversation that the template refuses gives {\"error\": …}; what else a line holds are variables.")

    @Option(help: "A directory with a chat template.") var model: String

    func run() throws {
        runJob(isWatched: false) { communicator, _ in
            try communicator.onRoot {
                let job = try RenderJob(model: model)
                var lines = try LineReader(path: "/dev/stdin")
                var number = 0
                while let line = try lines.next() {
                    number += 1
                    if line.isEmpty { continue }
                    print(try job.run(line: line, number: number))
                }
            }
        }
    }
}

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A model directory with random weights of a shape.")

    @Option(help: "The config.json of the shape; a tokenizer beside it goes along.") var config: String
    @Option(help: "The folder to make.") package var output: String
    @Option(help: "Seed of the weights.") var seed: UInt64 = 42
    @Option(help: "float32, bfloat16 or float16.") var dtype = "float32"

    func validate() throws {
        guard SaveType(rawValue: dtype) != nil else {
            throw ValidationError("--dtype \(dtype): expected float32, bfloat16 or float16.")
        }
    }

    func run() throws {
        runJob { communicator, console in
            try communicator.onRoot {
                guard let type = SaveType(rawValue: dtype) else { return }
                try InitJob.run(config: config, output: output, seed: seed, as: type)
            }
            console.line("\(output): written")
        }
    }
}

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Throughput of the training step, its share of the CPU's peak, time per phase, memory by part.",
        discussion: """
            Without a run file: the embedded example. What a run file leaves out is made up: without train_file, pairs of \
            random tokens as long as those of dialogues; a model_name_or_path with config.json alone gets random weights. \
            Nothing is saved.
            """)

    @OptionGroup var timed: TimedRun
    @Flag(help: "Decoding instead of training: tokens a second for one text and for many together.") var generate = false
    @Flag(help: "One JSON object instead of tables.") var json = false

    func run() throws {
        runJob { communicator, console in
            let path = try timed.path(over: communicator)
            let report = try timed.made(from: path, over: communicator).with {
                generate
                    ? try GenerationTiming.run($0, over: communicator, console: console)
                    : try BenchJob.run($0, steps: timed.steps, over: communicator, console: console)
            }
            guard communicator.isRoot else { return }
            print(json ? JSON.object(report.json).text : report.lines.joined(separator: "\n"))
        }
    }
}
