import Foundation
import Scratch
import Storage

/// A number of ranks, and how many of them count as a node.
package struct Layout: Sendable, CustomStringConvertible {
    package let ranks: Int
    /// nil: all are on one.
    package let ranksPerNode: Int?

    package init(_ ranks: Int, perNode ranksPerNode: Int? = nil) {
        (self.ranks, self.ranksPerNode) = (ranks, ranksPerNode)
    }

    package var description: String {
        "\(ranks) ranks" + (ranksPerNode.map { ", \($0) a node" } ?? " on one node")
    }

    /// One node; nodes of one rank; even nodes; uneven ones, with ranks in no lane.
    package static let all = [
        Layout(2), Layout(3, perNode: 1), Layout(4, perNode: 2), Layout(5, perNode: 2), Layout(5, perNode: 3),
    ]

    /// Starts this test bundle again under mpirun, for the suites whose names match.
    ///
    /// - Returns: what they said if any failed; nil if all passed.
    package func run(suites pattern: String) throws -> String? {
        let folder = try TemporaryDirectory()
        let log = try folder.write("", as: "log")
        let job = Process()
        job.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // A rank that waits for ever is ended, and with it the test.
        job.arguments =
            [
                "timeout", "--kill-after=2", "60", "mpirun", "-n", "\(ranks)", "--oversubscribe", "--tag-output",
                CommandLine.arguments[0],
            ] + ["--testing-library", "swift-testing", "--no-parallel", "--filter", pattern]
        // A launcher around the tests must not be taken for this job's own.
        var environment = ProcessInfo.processInfo.environment.filter { name, _ in
            !["OMPI_", "PMIX_", "SLURM_"].contains { name.hasPrefix($0) }
        }
        environment["PREFOPT_RANKS_PER_NODE"] = ranksPerNode.map { "\($0)" }
        environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
        environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        environment["OMPI_MCA_pml"] = "ob1"
        environment["OMPI_MCA_btl"] = "self,vader"
        job.environment = environment
        job.standardInput = FileHandle.nullDevice
        job.standardOutput = FileHandle(forWritingAtPath: log)
        job.standardError = job.standardOutput
        try job.run()
        job.waitUntilExit()
        let lines = String(decoding: try FileSystem.read(log), as: UTF8.self).split(separator: "\n").map(String.init)
        // Of a pattern that matches nothing, too, the status is 0.
        let passed = lines.filter {
            $0.contains("Test run with") && $0.contains("passed") && !$0.contains("with 0 tests")
        }
        guard job.terminationStatus != 0 || passed.count != ranks else { return nil }
        let failures = lines.filter { $0.contains("recorded an issue") || $0.contains("↳") }
        return
            (["mpirun ended with status \(job.terminationStatus)"] + (failures.isEmpty ? lines.suffix(20) : failures))
            .joined(separator: "\n")
    }
}
