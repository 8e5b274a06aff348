/// Why the ranks of a job can't work together.
package enum PreflightError: Error, Sendable, CustomStringConvertible {
    /// The things that ranks must have in common.
    package enum Subject: Sendable, Equatable {
        case version, binary, library, run
        /// With its path.
        case file(String)
    }

    case different(
        Subject, rank: Int, host: String, found: String, otherRank: Int, otherHost: String, expected: String)
    case processor(host: String, rank: Int, problem: String)
    /// An interface was chosen that a host doesn't have.
    case interface(String)
    case wrongSum(host: String, rank: Int)

    /// A run that isn't the same everywhere is the user's; a node that isn't like the others is the cluster's.
    package var status: Int32 {
        switch self {
        case .different(.run, _, _, _, _, _, _), .different(.file, _, _, _, _, _, _), .interface, .processor: 2
        default: 4
        }
    }

    package var description: String {
        switch self {
        case .different(let subject, let rank, let host, let found, let otherRank, let otherHost, let expected):
            "rank \(rank) on \(host): \(PreflightError.words(subject)) is \(found), but on rank \(otherRank) on \(otherHost) "
                + "\(expected); \(PreflightError.remedy(subject))"
        case .processor(let host, let rank, let problem): "rank \(rank) on \(host): \(problem)"
        case .interface(let message): message
        case .wrongSum(let host, let rank):
            "rank \(rank) on \(host): a sum over all ranks came out wrong: the network or Open MPI is broken; run "
                + "swift-prefopt doctor on fewer hosts to find which"
        }
    }

    private static func words(_ subject: Subject) -> String {
        switch subject {
        case .version: "the program's version"
        case .binary: "the program's SHA-256"
        case .library: "the MPI library"
        case .run: "the run"
        case .file(let path): path
        }
    }

    private static func remedy(_ subject: Subject) -> String {
        switch subject {
        case .version, .binary: "copy one build to all nodes, or start it from a disk that they share"
        case .library: "install the same Open MPI on all nodes"
        case .run: "give all ranks the same run file and the same --set options"
        case .file: "copy it to all nodes, or put it on a disk that they share"
        }
    }
}
