import Machine
import Objectives
import Preferences
import RunFiles
import Storage

/// Warnings on a run, each told once in one line. Nothing of it ends a run.
struct TrainingWarnings {
    private let objective: Objective
    private let limit: Double?
    private var firstLoss: Double?
    private var saidExplosion = false
    private var steps = 0
    private var clipped = 0
    /// Metrics of the last quarter of the run.
    private var lateMetrics: Metrics
    private let lateFrom: Int

    init(objective: Objective, maxGradNorm: Double?, totalSteps: Int) {
        self.objective = objective
        limit = maxGradNorm
        lateMetrics = Metrics(of: objective)
        lateFrom = totalSteps - max(1, totalSteps / 4)
    }

    /// The untrained policy's loss is the level to compare with; a mean over a batch this many times as large has exploded.
    private static let explosion = 4.0
    /// A reward or margin nearer to zero says nothing: of a run that has hardly moved.
    private static let noticeable = 0.01

    /// - Returns: what to say about a step.
    mutating func add(_ outcome: StepOutcome, step: Int) -> [String] {
        steps += 1
        if let limit, outcome.norm > limit { clipped += 1 }
        if step > lateFrom {
            for judgement in outcome.judgements { lateMetrics.add(judgement.input, judgement.output) }
        }
        let loss = outcome.judgements.reduce(0) { $0 + $1.lossWeight * $1.output.loss } / Double(max(1, outcome.judgements.count))
        guard let firstLoss else {
            firstLoss = loss
            return []
        }
        guard !saidExplosion, loss > Self.explosion * max(firstLoss, 0.5) else { return [] }
        saidExplosion = true
        return [
            "warning: step \(step)'s loss is \(fixed(loss, 2)), the first step's was \(fixed(firstLoss, 2)): training "
                + "diverges; lower learning_rate, or raise warmup_steps"
        ]
    }

    /// The warnings after the last step.
    func atEnd(_ heldOut: HeldOutProgress) -> [String] {
        var lines: [String] = []
        if heldOut.isAtChance == true {
            lines.append(
                "warning: held-out accuracy is no better than chance: what was learned of the training pairs doesn't carry "
                    + "over; look at the pairs by `swift-prefopt inspect`, or train longer")
        }
        if objective.needsReference, objective.needsRejected, let reward = lateMetrics["rewards/chosen"],
            let margin = lateMetrics["rewards/margins"], reward < -Self.noticeable,
            margin > Self.noticeable
        {
            lines.append(
                "warning: chosen responses became less likely than the reference has them (rewards/chosen "
                    + "\(fixed(reward, 3))) while the margin rose to \(fixed(margin, 3)); nll_weight, dpop or a lower "
                    + "learning_rate keep them up")
        }
        if steps >= 10, clipped == steps, let limit {
            lines.append(
                "warning: the gradient was clipped at every step (max_grad_norm \(limit)): its direction alone counted; "
                    + "a larger max_grad_norm or a smaller learning_rate makes the steps what was asked for")
        }
        return lines
    }
}

extension TrainingRun {
    /// Warnings of what looks wrong before the first step.
    package var warnings: [String] {
        var lines: [String] = []
        let set = train.set
        if set.drops.count * 2 > set.rows {
            lines.append(
                "warning: \(set.drops.count) of \(set.rows) training rows were dropped; the reasons are listed above")
        }
        let pairs = set.judgements.count
        if planner.settings.globalBatchSize > pairs {
            lines.append(
                "note: global_batch_size is \(planner.settings.globalBatchSize), but there are only \(pairs) to train on: a step "
                    + "takes them all, and an epoch is one step")
        }
        let cores = communicator.neighbourhood.cores
        if let threads = file.machine.threadsPerRank, threads > cores {
            lines.append(
                "warning: threads_per_rank is \(threads), but this rank's part of its node is \(cores) "
                    + "core\(cores == 1 ? "" : "s"): threads take turns there and steps get slower; set "
                    + "threads_per_rank: \(cores), or bind ranks to more cores (mpirun --bind-to none)")
        }
        let twice = Set(file.data.trainFiles.map { FileSystem.resolved($0.path) })
        for eval in file.data.evalFiles where twice.contains(FileSystem.resolved(eval.path)) {
            lines.append("warning: \(eval.path) is trained on and evaluated on: its metrics say nothing of other pairs")
        }
        let usual = file.objective.judges == .demonstrations ? 2e-5 : 1e-6
        let rate = file.optimizer.learningRate
        let isLarge = policy.frozen == nil && trained.count > 50_000_000 && file.optimizer.kind != .sgd
        if isLarge, rate > 20 * usual {
            lines.append(
                "warning: learning_rate \(rate) is \(Int((rate / usual).rounded())) times the \(usual) that papers use to "
                    + "train all weights with this objective; it suits adapters (use_peft: true)")
        }
        lines += train.columns.scales.flatMap { $0.lines(beside: nil) }
        if let margins = file.margins {
            let sum = margins.objectives.reduce(0) { $0 + $1.weight }
            if abs(sum - 1) > 1e-6 {
                lines.append(
                    "note: weights add up to \(fixed(sum, 4)), not to 1: all of them and beta times the same number are the same loss"
                )
            }
        }
        if file.objective.judges == .labelled, let line = labelBalance { lines.append(line) }
        return lines
    }

    /// TRL's check of KTO's weights: λ_D n_D / (λ_U n_U) should lie between 1 and 4/3, arXiv 2402.01306 eq. 8.
    private var labelBalance: String? {
        var (desirable, undesirable) = (0, 0)
        for case .labelled(_, let isDesirable) in train.set.judgements {
            if isDesirable { desirable += 1 } else { undesirable += 1 }
        }
        func weight(_ name: String) -> Double {
            if case .number(let weight)? = file.objective.constants[name] { weight } else { 1 }
        }
        let (positive, negative) = (weight("desirable_weight"), weight("undesirable_weight"))
        guard desirable > 0, undesirable > 0 else {
            return "warning: all \(desirable + undesirable) training responses have the same label"
        }
        let ratio = positive * Double(desirable) / (negative * Double(undesirable))
        guard !(1...4.0 / 3).contains(ratio) else { return nil }
        let least = negative * Double(undesirable) / Double(desirable)
        return "note: \(desirable) desirable and \(undesirable) undesirable responses with weights \(positive) and "
            + "\(negative) weigh \(fixed(ratio, 2)) : 1; KTO's paper asks for 1 to 1.33 : 1, which desirable_weight from "
            + "\(fixed(least, 2)) to \(fixed(least * 4 / 3, 2)) would give"
    }
}
