import ArgumentParser
import Commands
import Modeling
import Training

struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Adapters into the model they were trained on, or several models into one.",
        discussion: """
            merge --model DIR --adapter DIR --output DIR
                W + s B A for every adapted matrix (DoRA too), as peft's merge_and_unload; what the adapter keeps whole \
            replaces the model's.
            merge --model DIR --adapters DIR:0.5 DIR:0.5 --output DIR [--as-adapter]
                W plus the weighted sum of the adapters' deltas. With --as-adapter one adapter of that very delta, whose \
            rank is the sum of theirs (peft's add_weighted_adapter with combination_type "cat").
            merge --model DIR --adapter DIR --weights NAME:0.3 NAME:0.7 --output DIR [--as-adapter]
                Of an adapter that weights: sampled has trained, what it is at these weights of its objectives: a model, or a \
            plain adapter that other tools load.
            merge --models DIR:0.3 DIR:0.7 --output DIR
                The weighted sum of full checkpoints (rewarded soups).

            Weights needn't sum to 1; a note says when they don't. The result is a complete Hugging Face folder (PEFT's with \
            --as-adapter), made tensor by tensor in little memory.
            """)

    @Option(help: "The model that the adapters were trained on.") var model: String?
    @Option(help: "An adapter in PEFT's layout.") var adapter: String?
    @Option(parsing: .upToNextOption, help: .init("Adapters, each with its weight.", valueName: "DIR:weight"))
    var adapters: [String] = []
    @Option(
        parsing: .upToNextOption,
        help: .init("The weight of each objective of --adapter, one for any weights.", valueName: "NAME:weight"))
    var weights: [String] = []
    @Option(parsing: .upToNextOption, help: .init("Full checkpoints, each with its weight.", valueName: "DIR:weight"))
    var models: [String] = []
    @Option(help: "The folder to make.") var output: String
    @Option(help: "float32, bfloat16 or float16; default: as the (first) model has it, adapters float32.")
    var dtype: String?
    @Flag(help: "One adapter of --adapters, or of --adapter at --weights, not a model.") var asAdapter = false
    @Option(help: "Threads; default: by the machine's cores.") var threadsPerRank: Int?

    func validate() throws {
        if let dtype, SaveType(rawValue: dtype) == nil {
            throw ValidationError("--dtype \(dtype): expected float32, bfloat16 or float16.")
        }
        for (option, texts) in [("--models", models), ("--adapters", adapters)] {
            for text in texts where MergeJob.Part(text) == nil {
                throw ValidationError("\(option) \(text): expected a folder and its weight, as in \(text):0.5.")
            }
        }
        for text in weights where MergeJob.Part(text) == nil {
            throw ValidationError("--weights \(text): expected an objective and its weight, as in \(text):0.5.")
        }
        guard weights.isEmpty || adapter != nil else {
            throw ValidationError("--weights needs --adapter, one that weights: sampled has trained.")
        }
        guard [adapter != nil, !adapters.isEmpty, !models.isEmpty].filter(\.self).count == 1 else {
            throw ValidationError("Give one of --adapter, --adapters and --models.")
        }
        guard (model != nil) == models.isEmpty else {
            throw ValidationError(
                models.isEmpty
                    ? "--model is missing: the model that the adapters were trained on."
                    : "--model has no meaning beside --models; give every model with its weight.")
        }
        guard !asAdapter || !adapters.isEmpty || !weights.isEmpty else {
            throw ValidationError("--as-adapter needs --adapters, or --weights.")
        }
    }

    func run() throws {
        runJob { communicator, console in
            try communicator.onRoot {
                let job = MergeJob(
                    task, output: output, as: dtype.flatMap { SaveType(rawValue: $0) },
                    threads: threadsPerRank ?? communicator.neighbourhood.cores)
                try job.run(console: console)
            }
            console.line("\(output): written")
        }
    }

    private var task: MergeJob.Task {
        guard let model else { return .models(models.compactMap { MergeJob.Part($0) }) }
        if let adapter, !weights.isEmpty {
            return .weighted(
                model: model, adapter: adapter, weights: weights.compactMap { MergeJob.Part($0) }, asAdapter: asAdapter)
        }
        let parts = adapter.map { [MergeJob.Part(path: $0, weight: 1)] } ?? adapters.compactMap { MergeJob.Part($0) }
        return asAdapter ? .asAdapter(model: model, parts) : .adapters(model: model, parts)
    }
}
