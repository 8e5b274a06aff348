import Modeling
import Preferences

extension ResponseScoring {
    /// The policy's logps, in nats, of each scored token of every response of the given comparisons; none for the other
    /// responses.
    ///
    /// - Parameters:
    ///   - title: for the progress line; nil: none.
    ///   - model: its directory, for messages.
    /// - Throws: `TrainingError.nonFiniteScore`, alike on every rank. Collective.
    package func tokenLogps(
        of comparisons: [Int], with transformer: Transformer, title: String?, model: String
    ) throws -> [[Double]] {
        // Each response's tokens follow the one's before it; a token is computed by one rank and zero on the others.
        var starts = [Int](repeating: -1, count: set.responses.count)
        var count = 0
        for comparison in comparisons {
            for response in set.comparisons[comparison].responses where starts[response] < 0 {
                starts[response] = count
                count += set.responses[response].length
            }
        }
        var values = [Double](repeating: 0, count: count)
        try eachScore(of: comparisons, with: transformer, title: title) { response, logps in
            for (place, value) in logps.enumerated() { values[starts[response] + place] = Double(value) }
        }
        communicator.sum(&values)
        for comparison in comparisons {
            for response in set.comparisons[comparison].responses {
                let tokens = starts[response]..<starts[response] + set.responses[response].length
                guard values[tokens].allSatisfy(\.isFinite) else {
                    throw TrainingError.nonFiniteScore(model: model, line: set.comparisons[comparison].line)
                }
            }
        }
        return set.responses.indices.map { response in
            starts[response] < 0
                ? [] : Array(values[starts[response]..<starts[response] + set.responses[response].length])
        }
    }
}
