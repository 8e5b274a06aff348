import Reporting
import Storage
import Training

/// `report`: a page on runs, and what it says in short.
package enum ReportJob {
    static let fileName = "report.html"

    /// - Parameters:
    ///   - folders: of runs, sweeps and studies.
    ///   - output: the page; nil: in the folder of the only run.
    /// - Returns: what was found, and the page that was written if one was.
    /// - Throws: `TrainingError.input` for a folder without anything to report, `StorageError`.
    package static func run(_ folders: [String], output: String?) throws -> (report: Report, page: String?) {
        if let output { try OutputFile.check(output) }
        do {
            let found = try RunReport(folders)
            let page = output ?? (folders.count == 1 ? FileSystem.join(folders[0], fileName) : nil)
            if let page { try AtomicFile.write(found.html, to: page) }
            return (Report(json: found.json, lines: found.lines), page)
        } catch let error as ReportError {
            throw TrainingError.input("\(error)")
        }
    }
}
