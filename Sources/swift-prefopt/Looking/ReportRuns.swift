import ArgumentParser
import Commands
import Storage

struct ReportRuns: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "One self-contained page on a run, or on several side by side.",
        discussion: """
            Of one run the page is report.html in its folder unless --output says otherwise; of several it is written only \
            with --output. What it says in short is printed.
            """)

    @Argument(help: "Folders of runs (output_dir), of sweeps and of studies.") var runs: [String]
    @Option(help: "The page to write.") var output: String?
    @Flag(help: "Print one JSON object in place of lines.") var json = false

    func run() throws {
        runJob { communicator, console in
            try communicator.failingTogether {
                guard communicator.isRoot else { return }
                let report = try ReportJob.run(runs, output: output)
                if let page = report.page { console.line("page: \(page)") }
                print(report.report.text(asJSON: json))
            }
        }
    }
}
