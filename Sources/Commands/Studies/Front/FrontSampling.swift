import Collectives
import Glibc
import Kernels
import Machine
import Modeling
import Rewards
import RunFiles
import Statistics
import Storage
import Training

/// Draws policies' responses to the held-out prompts and asks for their rewards.
struct FrontSampling {
    private let study: FrontStudyFile
    private let folder: StudyFolder
    private let reference: String
    private let pool: ThreadPool
    private let scoring: RewardScoring
    private let communicator: Communicator
    private let silent = Console(speaks: false)

    /// - Throws: on every rank alike. Collective.
    init(_ study: FrontStudyFile, reference: String, threads: Int?, over communicator: Communicator, console: Console) throws {
        (self.study, self.reference, self.communicator) = (study, reference, communicator)
        folder = StudyFolder(study.outputDirectory)
        pool = ThreadPool(count: threads ?? communicator.neighbourhood.cores)
        scoring = try RewardScoring(
            study.objectives.map { NamedReward(name: $0.name, source: $0.reward) }, cacheFolder: rewardCacheFolder(), on: pool,
            over: communicator, console: console)
    }

    /// Responses with their rewards.
    struct Drawn {
        let texts: [RatedText]
        let tokens: [Int]
        /// Of each objective, for each response.
        let rewards: [[Double]]
        /// Responses of a prompt.
        let samples: Int
        var prompts: Int { texts.count / samples }
    }

    /// - Throws: on every rank alike. Collective.
    func draw(_ model: String, _ name: String, samples: Int) throws -> Drawn {
        let path = folder.file("responses-\(name).jsonl")
        var job = GenerationJob(model: model, prompts: .file(study.prompts), output: path)
        job.maxNewTokens = study.responseLength
        job.sampling = Sampling(temperature: 1)
        job.samples = samples
        job.seed = UInt64(study.seed)
        try job.run(over: communicator, console: silent)
        let (texts, tokens) = try communicator.failingTogether { () throws -> ([RatedText], [Int]) in
            let rows = try FileSystem.read(path).split(separator: UInt8(ascii: "\n")).map { try JSON.parse(Array($0)) }
            return (
                try rows.enumerated().map { place, row in
                    guard let prompt = row["prompt"]?.string, let response = row["response"]?.string else {
                        throw TrainingError.input(
                            "\(study.prompts): a prompt without text; a reward needs texts, so the model needs a tokenizer")
                    }
                    return RatedText(prompt: .string(prompt), response: response, row: place / samples + 1)
                }, rows.map { $0["ids"]?.array?.count ?? 0 }
            )
        }
        let rewards = try scoring.rewards(of: texts, from: path).map(\.values)
        return Drawn(texts: texts, tokens: tokens, rewards: rewards, samples: samples)
    }

    /// The point of a policy.
    /// - Throws: on every rank alike. Collective.
    func point(_ model: String, _ name: String, method: String, weights: [Double]) throws -> FrontPoint {
        let drawn = try draw(model, name, samples: study.samples)
        // log π/π_ref of a response that π drew is an estimate of the KL without bias.
        let ratio = NamedReward(name: "kl", source: .implicit(model: model, reference: reference, beta: 1))
        let logRatios =
            model == reference
            ? [Double](repeating: 0, count: drawn.texts.count)
            : try RewardScoring([ratio], cacheFolder: nil, on: pool, over: communicator, console: silent)
                .rewards(of: drawn.texts, from: name)[0].values
        return FrontPoint(
            method: method, weights: weights, rewards: drawn.rewards.map { means($0, of: drawn.samples) },
            logRatios: logRatios, bound: nil, tokens: Sample(drawn.tokens.map { Double($0) }).mean)
    }

    private func means(_ values: [Double], of samples: Int) -> [Double] {
        stride(from: 0, to: values.count, by: samples).map { first in
            values[first..<first + samples].reduce(0, +) / Double(samples)
        }
    }

    /// Of each prompt's responses the best by Σ w_k r_k, each reward in deviations of all responses.
    func bestOfN(_ drawn: Drawn, weights: [Double]) -> FrontPoint {
        let scales = drawn.rewards.map { max(Sample($0).deviation, .leastNonzeroMagnitude) }
        func worth(_ response: Int) -> Double {
            drawn.rewards.indices.reduce(0) { $0 + weights[$1] * drawn.rewards[$1][response] / scales[$1] }
        }
        let chosen = (0..<drawn.prompts).map { prompt in
            let own = prompt * drawn.samples..<(prompt + 1) * drawn.samples
            return own.reduce(own.lowerBound) { worth($1) > worth($0) ? $1 : $0 }
        }
        let n = Double(drawn.samples)
        return FrontPoint(
            method: FrontStudyFile.Method.bestOfN.rawValue, weights: weights,
            rewards: drawn.rewards.map { values in chosen.map { values[$0] } }, logRatios: nil,
            bound: log(n) - (n - 1) / n, tokens: Sample(chosen.map { Double(drawn.tokens[$0]) }).mean)
    }
}
