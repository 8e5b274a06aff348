import Machine
import Reporting
import Storage
import Training

/// `report`: a page on runs, and what it says in short.
package enum ReportJob {
    static let fileName = "report.html"

    /// - Parameters:
    ///   - folders: of runs, sweeps and studies.
    ///   - output: the page; nil: in the folder of the only run.
    /// - Returns: what was found, and a line on the page that was written if one was.
    /// - Throws: `TrainingError.input` for a folder without anything to report, `StorageError`.
    package static func run(_ folders: [String], output: String?) throws -> (report: Report, page: String?) {
        if let output { try OutputFile.check(output) }
        let start = SteadyClock.now()
        do {
            let found = try RunReport(folders)
            let report = Report(json: found.json, lines: found.lines)
            guard let page = output ?? (folders.count == 1 ? FileSystem.join(folders[0], fileName) : nil) else {
                return (report, nil)
            }
            let html = found.html
            try AtomicFile.write(html, to: page)
            return (report, "\(page): \(readableBytes(html.utf8.count)), made in \(fixed(SteadyClock.now() - start, 1)) s")
        } catch let error as ReportError {
            throw TrainingError.input("\(error)")
        }
    }
}
