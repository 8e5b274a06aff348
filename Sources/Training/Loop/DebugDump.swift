import Checkpoints
import Modeling
import Objectives
import Preferences
import Storage

/// The gradients and judgements of a step, for comparison with another implementation.
struct DebugDump {
    let folder: String

    /// Writes `gradients-<step>.safetensors`: ∂(global-batch mean loss)/∂parameter, before clipping, float32, with Hugging
    /// Face's names; and `pairs-<step>.jsonl`.
    func write(
        step: Int, gradients: GradientVector, table: ParameterTable,
        judgements: [JudgementResult],
        objective: Objective
    ) throws {
        try FileSystem.makeDirectories(folder)
        var writer = try SafetensorsWriter(
            path: FileSystem.join(folder, "gradients-\(step).safetensors"),
            layout: table.parameters.map { ($0.name, .float32, $0.shape) }, metadata: ["format": "pt"])
        for parameter in table.parameters { try writer.write(parameter, of: gradients.values, as: .float32) }
        try writer.finish()

        let text = judgements.map { JSON.object(Self.row($0, of: objective)).text + "\n" }.joined()
        try AtomicFile.write(text, to: FileSystem.join(folder, "pairs-\(step).jsonl"))
    }

    /// A pair's numbers by `chosen` and `rejected`; a single response's under the same names without them; a list's as lists.
    private static func row(_ judgement: JudgementResult, of objective: Objective) -> JSONObject {
        let (input, output) = (judgement.input, judgement.output)
        var row: JSONObject = [
            "index": .integer(judgement.row), "line": .integer(judgement.line), "loss": .number(output.loss),
        ]
        func add(_ values: [JSON], prefix: String = "", _ name: String) {
            switch input.verdict {
            case .pair:
                for (side, value) in zip(["chosen", "rejected"], values) { row["\(prefix)\(side)_\(name)"] = value }
            case .list: row["\(prefix)\(name)"] = .array(values)
            case .labelled: row["\(prefix)\(name)"] = values[0]
            case .demonstration: row["\(prefix)chosen_\(name)"] = values[0]
            }
        }
        if case .labelled(let isDesirable) = input.verdict { row["label"] = .bool(isDesirable) }
        add(output.rewards.map { .number($0) }, "reward")
        add(input.responses.map { .number($0.logps) }, prefix: "policy_", "logps")
        add(input.responses.map { .integer($0.length) }, "length")
        if objective.needsReference {
            add(input.responses.map { .number($0.referenceLogps) }, prefix: "reference_", "logps")
        }
        if objective.needsMarginRewards { add(output.combinedRewards.map { .number($0) }, "combined_reward") }
        if objective.needs(.mismatchedLogRatio) || objective.needs(.runningLogRatio) {
            row["reference_point"] = .number(output.referencePoint)
        }
        return row
    }
}
