import Collectives
import Machine
import Modeling
import RunFiles
import Statistics
import Storage
import Training

/// `study simpo`: what SimPO's paper says of DPO and of itself, on the models and data of a study file.
package struct SimPOStudyJob {
    private let study: SimPOStudyFile
    private let folder: StudyFolder
    private let communicator: Communicator
    private let console: Console

    package init(_ study: SimPOStudyFile, over communicator: Communicator, console: Console) {
        (self.study, self.communicator, self.console) = (study, communicator, console)
        folder = StudyFolder(study.outputDirectory)
    }

    /// - Throws: on every rank alike. Collective.
    package func run() throws -> Report {
        try communicator.onRoot { try FileSystem.makeDirectories(folder.path) }
        if !study.scores.isEmpty {
            let found = try communicator.failingTogether {
                try study.scores.map { try LengthDiagnosis($0.name, PairScores($0.path), reward: $0.reward) }
            }
            return try conclude(SimPOFindings(heldOut: found))
        }
        let plan = try communicator.failingTogether { try SimPOStudyRuns(study) }
        console.line("study simpo: 1 of 4: \(plan.sweep.runs.count) runs")
        _ = try SweepJob.run(plan.sweep, groups: nil, over: communicator, console: console)

        console.line("study simpo: 2 of 4: scores")
        var findings = SimPOFindings(heldOut: [])
        for run in plan.runs {
            guard let model = try folder.finalModel(of: run.file, over: communicator) else {
                console.line("study simpo: \(run.name) has failed (\(folder.file("runs/sweep.jsonl")) says why); it is left out")
                continue
            }
            let path = folder.file("scores-\(run.name).jsonl")
            try score(model, of: run.file, run.file.requiredEvalFiles(), to: path)
            let diagnosis = try communicator.failingTogether {
                try LengthDiagnosis(run.name, PairScores(path), reward: run.reward)
            }
            findings.heldOut.append(diagnosis)
            if let gamma = run.gamma { findings.gammas.append((gamma, diagnosis)) }
            if run.isMain {
                let path = folder.file("train-scores-\(run.name).jsonl")
                try score(model, of: run.file, run.file.requiredTrainFiles(), to: path)
                findings.training.append(
                    try communicator.failingTogether {
                        try LengthDiagnosis(run.name, PairScores(path), reward: run.reward)
                    })
            }
        }
        console.line("study simpo: 3 of 4: lengths of generated responses")
        for run in plan.runs where run.isMain || run.reward == .sum(study.sumBeta) {
            guard let model = try folder.finalModel(of: run.file, over: communicator),
                let prompts = run.file.data.evalFiles.first?.path
            else { continue }
            findings.generated.append((run.name, try lengths(model, prompts, seed: run.file.data.seed, run.name)))
        }
        console.line("study simpo: 4 of 4: time of a step")
        if let simpo = plan.runs.first(where: { $0.gamma == study.gamma }), let dpo = plan.runs.first {
            findings.timing = try StepTiming(simpo: simpo.file, dpo: dpo.file, over: communicator)
        }
        return try conclude(findings)
    }

    private func conclude(_ findings: SimPOFindings) throws -> Report {
        try folder.conclude(over: communicator, console: console) {
            StudyResults(figures: findings.figures, points: findings.points, findings: findings.lines)
        }
    }

    private func score(_ model: String, of run: RunFile, _ files: [DataFile], to path: String) throws {
        // One file after the other; a study looks at rows, however often training draws them.
        var parts: [String] = []
        for (number, file) in files.enumerated() {
            let part = files.count == 1 ? path : "\(path).\(number)"
            var job = ScoreJob(
                model: model, reference: run.model.referencePath ?? run.model.path, data: file.path, output: part,
                maxLength: run.data.maxLength, threads: run.machine.threadsPerRank)
            job.mapping = run.data.mapping
            job.appendEOS = run.data.appendEOS
            job.truncation = run.data.truncation
            try job.run(over: communicator, console: Console(speaks: false))
            parts.append(part)
        }
        guard parts.count > 1 else { return }
        try communicator.onRoot {
            try AtomicFile.write(parts.flatMap { try FileSystem.read($0) }, to: path)
            for part in parts { try FileSystem.remove(part) }
        }
    }

    /// Tokens of responses that a model draws to the prompts of a file, its temperature 1.
    private func lengths(_ model: String, _ prompts: String, seed: UInt64, _ name: String) throws -> Sample {
        let path = folder.file("responses-\(name).jsonl")
        var job = GenerationJob(model: model, prompts: .file(prompts), output: path)
        job.maxNewTokens = SimPOStudyJob.longestResponse
        job.sampling = Sampling(temperature: 1)
        job.seed = seed
        try job.run(over: communicator, console: Console(speaks: false))
        return try communicator.failingTogether {
            let rows = try FileSystem.read(path).split(separator: UInt8(ascii: "\n")).map { try JSON.parse(Array($0)) }
            return Sample(rows.compactMap { $0["ids"]?.array.map { Double($0.count) } })
        }
    }

    private static let longestResponse = 128
}
