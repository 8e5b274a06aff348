import ArgumentParser
import Collectives
import Commands
import Machine

/// The options of a study that reports what it found.
struct StudyOptions: ParsableArguments {
    @Argument(help: .init("The study's file (YAML or JSON).", valueName: "study.yaml")) var path: String?
    @Flag(help: "The findings as one JSON object.") var json = false

    /// Runs a study and prints its report.
    func run(_ study: (_ path: String?, Communicator, Console) throws -> Report) {
        runJob { communicator, console in
            let report = try study(path, communicator, console)
            if communicator.isRoot { print(report.text(asJSON: json)) }
        }
    }
}
