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
    /// Runs something that may fail on some ranks only, and makes all ranks fail together if it does, so that none goes on
    /// to a collective call that another will never reach.
    ///
    /// - Parameters:
    ///   - status: the exit status that an error stands for.
    ///   - body: must not call the communicator.
    /// - Throws: `SharedFailure`, on every rank, if `body` threw on any. Collective.
    package func failingTogether<Value>(status: (any Error) -> Int32 = { _ in 2 }, _ body: () throws -> Value) throws -> Value {
        let result = Result { try body() }
        var failing = Double(-size)
        var report: [UInt8] = []
        if case .failure(let error) = result {
            failing = Double(-rank)
            report = [UInt8(truncatingIfNeeded: status(error))] + Array("\(hostName())\n\(error)".utf8)
        }
        let first = Int(-max(failing))
        guard first < size else { return try result.get() }
        let shared = broadcast(report, from: first)
        let text = String(decoding: shared.dropFirst(), as: UTF8.self)
        let host = text.prefix { $0 != "\n" }
        throw SharedFailure(
            status: Int32(shared[0]), rank: first, host: String(host), message: String(text.dropFirst(host.count + 1)))
    }
}
