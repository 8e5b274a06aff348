import Machine

/// A failure that every rank knows of and reports alike: the message and exit status of the lowest rank that met it.
package struct SharedFailure: Error, Sendable, CustomStringConvertible {
    package let status: Int32
    package let rank: Int
    /// Where that rank runs.
    package let host: String
    package let message: String
    package var description: String { message }
}

extension Communicator {
    /// Runs something that may fail on some ranks only, and makes all ranks fail together if it does. So none goes on to a
    /// collective call that another will never reach.
    ///
    /// - Parameters:
    ///   - status: the exit status that an error stands for.
    ///   - body: must not call the communicator.
    /// - Throws: `SharedFailure`, on every rank, if `body` threw on any. Collective.
    package func failingTogether<Value>(
        status: (any Error) -> Int32 = { _ in 2 }, _ body: () throws -> Value
    ) throws -> Value {
        let result = Result { try body() }
        var report = ""
        if case .failure(let error) = result { report = "\(status(error))\n\(hostName())\n\(error)" }
        let first = min(report.isEmpty ? size : rank)
        guard first < size else { return try result.get() }
        throw SharedFailure(broadcast(report, from: first), rank: first)
    }

    /// Runs something on rank 0 only: what reads or writes files for all, say. If it fails, all ranks fail together.
    ///
    /// - Parameters:
    ///   - status: the exit status that an error stands for.
    ///   - body: must not call the communicator.
    /// - Returns: nil on the other ranks.
    /// - Throws: `SharedFailure`, on every rank, if `body` threw. Collective.
    @discardableResult
    package func onRoot<Value>(
        status: (any Error) -> Int32 = { _ in 2 }, _ body: () throws -> Value
    ) throws -> Value? {
        try failingTogether(status: status) { isRoot ? try body() : nil }
    }
}

extension SharedFailure {
    /// - Parameter report: a line of the status, one of the host, and the message.
    fileprivate init(_ report: String, rank: Int) {
        let parts = report.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        self.init(
            status: Int32(parts[0]) ?? 2, rank: rank, host: parts.count > 1 ? parts[1] : "",
            message: parts.count > 2 ? parts[2] : "")
    }
}
