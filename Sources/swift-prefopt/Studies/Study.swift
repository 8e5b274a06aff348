import ArgumentParser

struct Study: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The experiments of the papers, on one's own models and data or on the embedded example.",
        subcommands: [Frontier.self])
}
