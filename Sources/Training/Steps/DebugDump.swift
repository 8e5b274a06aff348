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

        let text = judgements.map { JSON.object($0.json(of: objective)).text + "\n" }.joined()
        try AtomicFile.write(text, to: FileSystem.join(folder, "pairs-\(step).jsonl"))
    }
}
