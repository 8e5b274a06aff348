import Collectives
import Figures
import Machine
import RunFiles
import Storage
import Training

/// The findings of a study of runs.
struct StudyResults {
    let figures: [(name: String, figure: Figure)]
    /// Rows of `points.jsonl`.
    let points: [JSONObject]
    /// Lines of `findings.md`.
    let findings: [String]
}

/// The folder of a study's results: figures, `points.jsonl` and `findings.md`.
struct StudyFolder {
    let path: String

    init(_ path: String) { self.path = path }

    func file(_ name: String) -> String { FileSystem.join(path, name) }

    /// The folder of what one of the study's runs has trained; nil for a run that has failed. Collective.
    func finalModel(of run: RunFile, over communicator: Communicator) throws -> String? {
        let path = FileSystem.join(try run.requiredOutputDirectory(), "final")
        return communicator.broadcast(FileSystem.isDirectory(path)) ? path : nil
    }

    /// Writes what was found, by rank 0, which alone is asked for it, and says where.
    ///
    /// - Returns: the findings on rank 0, nothing on the others.
    /// - Throws: on every rank alike. Collective.
    func conclude(
        over communicator: Communicator, console: Console, _ results: () throws -> StudyResults
    ) throws -> Report {
        let report = try communicator.onRoot {
            let results = try results()
            try write(results)
            let figures = results.figures.map { "\($0.name).svg" }.joined(separator: ", ")
            console.line("\(path): points.jsonl, findings.md, \(figures)")
            return Report(json: ["points": .array(results.points.map { .object($0) })], lines: results.findings)
        }
        return report ?? Report(json: [:], lines: [])
    }

    /// Writes each figure, with a table of its numbers beside it, the points and the findings.
    private func write(_ results: StudyResults) throws(StorageError) {
        try FileSystem.makeDirectories(path)
        for (name, figure) in results.figures where !figure.isEmpty {
            try AtomicFile.write(figure.svg, to: file("\(name).svg"))
            try AtomicFile.write(figure.csv, to: file("\(name).csv"))
        }
        try AtomicFile.write(results.points.map { JSON.object($0).text + "\n" }.joined(), to: file("points.jsonl"))
        try AtomicFile.write(results.findings.joined(separator: "\n") + "\n", to: file("findings.md"))
    }
}
