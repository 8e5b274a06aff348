import ArgumentParser
import Machine
import RunFiles
import Storage

struct ImportConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import-config",
        abstract: "Another trainer's recipe as a run file, with a note for each of its keys.")

    @Argument(help: "The recipe: YAML, JSON, or a shell command with --key value.") var recipe: String
    @Option(
        help:
            "Whose it is; default: told by its keys. One of \(PeerTrainer.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var from: PeerTrainer?
    @Option(help: "The run file to write.") var output: String

    func run() throws {
        do {
            let text = String(decoding: try FileSystem.read(recipe), as: UTF8.self)
            let imported = try RecipeImport(text: text, file: recipe, from: from)
            try AtomicFile.write(imported.yaml, to: output)
            print("\(output): from a recipe of \(imported.trainer.title)")
            for note in imported.notes { print("  \(note.line)") }
            for point in imported.open { print("to do: \(point)") }
        } catch {
            Console(speaks: true).line("swift-prefopt: \(error)")
            throw ExitCode(2)
        }
    }
}

extension PeerTrainer: ExpressibleByArgument {}
