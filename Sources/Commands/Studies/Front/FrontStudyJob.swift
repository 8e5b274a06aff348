import Checkpoints
import Collectives
import Machine
import RunFiles
import Storage
import Training

/// `study front`: fronts of several objectives by MODPO and its rivals, from the same models, data and numbers of steps.
package struct FrontStudyJob {
    private let study: FrontStudyFile
    private let folder: StudyFolder
    private let lattice: WeightLattice
    private let communicator: Communicator
    private let console: Console

    package init(_ study: FrontStudyFile, over communicator: Communicator, console: Console) {
        (self.study, self.communicator, self.console) = (study, communicator, console)
        folder = StudyFolder(study.outputDirectory)
        lattice = WeightLattice(objectives: study.objectives.count, parts: study.lattice)
    }

    /// - Throws: on every rank alike. Collective.
    package func run() throws -> Report {
        try communicator.onRoot { try FileSystem.makeDirectories(folder.path) }
        let runs = try communicator.failingTogether { try FrontRuns(study) }
        let base = runs.ends.runs[0].file

        console.line(
            "study front: 1 of 3: the ends, DPO on the preferences of each objective alone"
                + (study.methods.contains(.morlhf) ? ", and MORLHF's reward models" : ""))
        _ = try SweepJob.run(runs.ends, groups: nil, over: communicator, console: console)
        let models = try runs.ends.runs.map { run -> String in
            guard let model = try folder.finalModel(of: run.file, over: communicator) else {
                throw TrainingError.input(
                    "\(folder.file("runs/ends")): the run \(run.name) has failed, and the others need it; sweep.jsonl says why")
            }
            return model
        }
        let ends = Array(models.prefix(study.objectives.count))
        if let between = runs.between {
            console.line("study front: 2 of 3: \(between.runs.count) runs of single weights")
            _ = try SweepJob.run(between, groups: nil, over: communicator, console: console)
        }

        console.line("study front: 3 of 3: responses and rewards")
        let sampling = try FrontSampling(
            study, reference: base.model.path, threads: base.machine.threadsPerRank, over: communicator, console: console)
        var findings = FrontFindings(study)
        findings.reference = try sampling.point(
            base.model.path, "reference", method: "reference", weights: study.objectives.map { _ in 0 })
        findings.points = try points(of: runs, ends, base, by: sampling)
        return try folder.conclude(over: communicator, console: console) {
            findings.ledgers = try FrontLedgers(study, runs, drawnTokens: findings.reference?.tokens ?? 0).all
            return StudyResults(figures: findings.figures, points: findings.rows, findings: findings.lines)
        }
    }

    // MARK: - Points

    private func points(
        of runs: FrontRuns, _ ends: [String], _ base: RunFile, by sampling: FrontSampling
    ) throws -> [FrontPoint] {
        let start = SteadyClock.now()
        let trained = try ends.enumerated().map { place, model in
            try sampling.point(
                model, "end-\(study.objectives[place].name)", method: "", weights: lattice.weights(endCounts(place)))
        }
        let pool = study.methods.contains(.bestOfN) ? try sampling.draw(base.model.path, "best-of-n", samples: study.bestOf) : nil
        let sampled = runs.between?.runs.first { $0.name == FrontStudyFile.Method.sampled.rawValue }
        let adapter = try sampled.flatMap { try folder.finalModel(of: $0.file, over: communicator) }
        if sampled != nil, adapter == nil {
            console.line("study front: \(FrontStudyFile.Method.sampled.rawValue) has failed and is left out")
        }
        var points: [FrontPoint] = []
        for (number, method) in study.methods.enumerated() {
            for counts in lattice.counts {
                let (weights, name) = (lattice.weights(counts), FrontRuns.name(method, counts))
                if method == .bestOfN {
                    points += pool.map { [sampling.bestOfN($0, weights: weights)] } ?? []
                } else if method == .sampled {
                    guard let adapter else { continue }
                    let plain = try adapterAt(counts, of: adapter, name, base)
                    points.append(try sampling.point(plain, name, method: method.rawValue, weights: weights))
                } else if method != .morlhf, let end = lattice.end(counts) {
                    points.append(trained[end].of(method))
                } else if method == .soups {
                    let soup = try soup(ends, counts, name, base)
                    points.append(try sampling.point(soup, name, method: method.rawValue, weights: weights))
                } else if let run = runs.between?.runs.first(where: { $0.name == name }) {
                    guard let model = try folder.finalModel(of: run.file, over: communicator) else {
                        console.line("study front: \(name) has failed and is left out")
                        continue
                    }
                    points.append(try sampling.point(model, name, method: method.rawValue, weights: weights))
                }
            }
            let left = (SteadyClock.now() - start) / Double(number + 1) * Double(study.methods.count - number - 1)
            console.line("study front: points of \(method.rawValue)\(left > 1 ? ", \(readableDuration(left)) left" : "")")
        }
        return points
    }

    private func endCounts(_ place: Int) -> [Int] {
        study.objectives.indices.map { $0 == place ? study.lattice : 0 }
    }

    /// The plain adapter that the one for all weights is at some weights.
    private func adapterAt(_ counts: [Int], of adapter: String, _ name: String, _ base: RunFile) throws -> String {
        let path = folder.file("runs/\(name)")
        try communicator.onRoot {
            // Of an earlier job of this study: the adapter may be another.
            try FileSystem.removeTree(path)
            let weights = zip(study.objectives, lattice.weights(counts)).map { MergeJob.Part(path: $0.0.name, weight: $0.1) }
            let task = MergeJob.Task.weighted(model: base.model.path, adapter: adapter, weights: weights, asAdapter: true)
            try MergeJob(task, output: path, as: nil, threads: communicator.neighbourhood.cores).run(console: Console(speaks: false))
        }
        return path
    }

    /// Rewarded soups (arXiv 2306.04488): the ends' weights, added up.
    private func soup(_ ends: [String], _ counts: [Int], _ name: String, _ base: RunFile) throws -> String {
        let path = folder.file("runs/\(name)")
        try communicator.onRoot {
            // Of an earlier job of this study: the ends may be others.
            try FileSystem.removeTree(path)
            let parts = zip(ends, lattice.weights(counts)).filter { $0.1 > 0 }.map { MergeJob.Part(path: $0.0, weight: $0.1) }
            let isAdapter = FileSystem.exists(FileSystem.join(ends[0], AdapterConfig.fileName))
            let task: MergeJob.Task = isAdapter ? .asAdapter(model: base.model.path, parts) : .models(parts)
            try MergeJob(task, output: path, as: nil, threads: communicator.neighbourhood.cores).run(console: Console(speaks: false))
        }
        return path
    }
}

extension FrontPoint {
    /// The same policy as a method's.
    fileprivate func of(_ method: FrontStudyFile.Method) -> FrontPoint {
        FrontPoint(
            method: method.rawValue, weights: weights, rewards: rewards, logRatios: logRatios, bound: bound, tokens: tokens)
    }
}
