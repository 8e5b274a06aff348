import ArgumentParser
import Machine
import RunFiles

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The keys of a run file: values, defaults and their reasons, which objectives read them.")

    @Argument(help: "One key, of this program or of another trainer.") var key: String?
    @Flag(help: "The table as docs/run-file.md has it.") var markdown = false
    @Flag(help: "A JSON Schema for editors.") var jsonSchema = false

    func validate() throws {
        guard [key != nil, markdown, jsonSchema].count(where: \.self) <= 1 else {
            throw ValidationError("give one of KEY, --markdown and --json-schema")
        }
    }

    func run() throws {
        if markdown {
            print(KeyDocument.markdown, terminator: "")
        } else if jsonSchema {
            print(KeySchema.json.prettyText, terminator: "")
        } else if let key {
            do {
                print(try KeyDocument.text(of: key), terminator: "")
            } catch {
                Console(speaks: true).line("swift-prefopt: \(error)")
                throw ExitCode(2)
            }
        } else {
            print(KeyDocument.list, terminator: "")
        }
    }
}
