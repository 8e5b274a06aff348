import Checkpoints
import Modeling
import Objectives
import Preferences
import Storage

/// The gradients and pairs of a step, for comparison with another implementation.
struct DebugDump {
    let folder: String

    /// Writes `gradients-<step>.safetensors`: ∂(global-batch mean loss)/∂parameter, before clipping, float32, with Hugging
    /// Face's names; and `pairs-<step>.jsonl`.
    func write(
        step: Int, gradients: GradientVector, table: ParameterTable,
        pairs: [PairResult],
        objective: Objective
    ) throws {
        try FileSystem.makeDirectories(folder)
        var writer = try SafetensorsWriter(
            path: FileSystem.join(folder, "gradients-\(step).safetensors"),
            layout: table.parameters.map { ($0.name, .float32, $0.shape) }, metadata: ["format": "pt"])
        for parameter in table.parameters { try writer.write(parameter, of: gradients.values, as: .float32) }
        try writer.finish()

        var text = ""
        for pair in pairs {
            var row: JSONObject = [
                "index": .integer(pair.row), "line": .integer(pair.line), "loss": .number(pair.output.loss),
                "chosen_reward": .number(pair.output.chosenReward),
                "policy_chosen_logps": .number(pair.input.chosenLogps),
                "chosen_length": .integer(pair.input.chosenLength),
            ]
            if objective.needsRejected {
                row["rejected_reward"] = .number(pair.output.rejectedReward)
                row["policy_rejected_logps"] = .number(pair.input.rejectedLogps)
                row["rejected_length"] = .integer(pair.input.rejectedLength)
            }
            if objective.needsReference {
                row["reference_chosen_logps"] = .number(pair.input.referenceChosenLogps)
                row["reference_rejected_logps"] = .number(pair.input.referenceRejectedLogps)
            }
            if objective.needsMarginRewards {
                row["chosen_combined_reward"] = .number(pair.output.chosenCombinedReward)
                row["rejected_combined_reward"] = .number(pair.output.rejectedCombinedReward)
            }
            text += JSON.object(row).text + "\n"
        }
        try AtomicFile.write(text, to: FileSystem.join(folder, "pairs-\(step).jsonl"))
    }
}
