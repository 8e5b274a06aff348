import ArgumentParser
import Commands
import Training

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Another tool's file of the same weights.")

    @Option(help: "A model directory in Hugging Face's layout.") var model: String
    @Option(help: "gguf, llama.cpp's.") var format = "gguf"
    @Option(help: "The file to write.") var output: String
    @Option(help: "f32, f16, bf16 or q8_0; default: what the weights are stored in.") var dtype: String?

    func validate() throws {
        guard format == "gguf" else { throw ValidationError("--format \(format): expected gguf.") }
        if let dtype, !ExportJob.formats.contains(dtype) {
            throw ValidationError("--dtype \(dtype): expected \(ExportJob.formats.joined(separator: ", ")).")
        }
    }

    func run() throws {
        runJob { communicator, console in
            let notes = try communicator.onRoot { try ExportJob.run(model: model, output: output, type: dtype) }
            for note in notes ?? [] { console.line("note: \(note)") }
            console.line("\(output): written")
        }
    }
}
