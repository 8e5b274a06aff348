import Storage

/// Why a reward can't be had.
package enum RewardError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A SPEC that can't be read.
    case spec(String, problem: String)
    case storage(StorageError)
    /// A line of a file that belongs to a reward.
    case file(String, line: Int, problem: String)
    /// A command or an endpoint failed at a row; what was rewarded before is kept.
    case failed(source: String, row: Int, problem: String, remedy: String)

    package var description: String {
        switch self {
        case .spec(let spec, let problem):
            "reward \"\(spec)\": \(problem); the kinds are \(RewardSource.forms.joined(separator: ", "))"
        case .storage(let error): "\(error)"
        case .file(let path, let line, let problem): "\(path):\(line): \(problem)"
        case .failed(let source, let row, let problem, let remedy):
            "row \(row): \(source): \(problem); \(remedy). Rewards so far are kept: the same command goes on from here"
        }
    }
}
