import Figures
import Storage

/// The folder of a study's results: figures, `points.jsonl` and `findings.md`.
struct StudyFolder {
    let path: String

    init(_ path: String) { self.path = path }

    func file(_ name: String) -> String { FileSystem.join(path, name) }

    /// Writes what was found, and a table of each figure's numbers beside it.
    /// - Throws: `StorageError`.
    func write(figures: [(name: String, figure: Figure)], points: [JSONObject], findings: [String]) throws {
        try FileSystem.makeDirectories(path)
        for (name, figure) in figures where !figure.isEmpty {
            try AtomicFile.write(figure.svg, to: file("\(name).svg"))
            try AtomicFile.write(figure.csv, to: file("\(name).csv"))
        }
        try AtomicFile.write(points.map { JSON.object($0).text + "\n" }.joined(), to: file("points.jsonl"))
        try AtomicFile.write(findings.joined(separator: "\n") + "\n", to: file("findings.md"))
    }
}
