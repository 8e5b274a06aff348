import ArgumentParser
import Commands
import Modeling

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A model directory with random weights of a shape.")

    @Option(help: "The config.json of the shape; a tokenizer beside it goes along.") var config: String
    @Option(help: "The folder to make.") var output: String
    @Option(help: "Seed of the weights.") var seed: UInt64 = 42
    @Option(help: "float32, bfloat16 or float16.") var dtype = "float32"

    func validate() throws {
        guard SaveType(rawValue: dtype) != nil else {
            throw ValidationError("--dtype \(dtype): expected float32, bfloat16 or float16.")
        }
    }

    func run() throws {
        runJob { communicator, console in
            try communicator.onRoot {
                guard let type = SaveType(rawValue: dtype) else { return }
                try InitJob.run(config: config, output: output, seed: seed, as: type)
            }
            console.line("\(output): written")
        }
    }
}
