import ModelFiles
import Modeling
import Storage

/// `export`: another tool's file of the same weights.
package enum ExportJob {
    package static var formats: [String] { GGUFExport.Format.allCases.map(\.rawValue) }

    /// Writes a GGUF file.
    ///
    /// - Parameter type: one of `formats`; nil: what the weights are stored in.
    /// - Returns: what llama.cpp will compute otherwise than the model does.
    /// - Throws: `CheckpointError`, `ModelError` or `TrainingError.input`.
    package static func run(model: String, output: String, type: String?) throws -> [String] {
        try OutputFile.check(output)
        let export = try GGUFExport(model, format: type.flatMap { GGUFExport.Format(rawValue: $0) })
        try export.write(to: output)
        return export.notes
    }
}
