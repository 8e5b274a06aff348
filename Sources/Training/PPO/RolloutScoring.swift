import Collectives
import Machine
import Modeling
import Preferences

/// Computes numbers of every token of the policy's own responses, by all ranks. Each token is computed by one of them,
/// alike whatever it is packed with, so the bits don't depend on the ranks.
struct RolloutScoring {
    let set: PreferenceSet
    let communicator: Communicator
    let console: Console
    /// Where each response's tokens begin among those of all, and at the end their number.
    private let starts: [Int]

    init(set: PreferenceSet, communicator: Communicator, console: Console) {
        (self.set, self.communicator, self.console) = (set, communicator, console)
        starts = set.responses.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.length) }
    }

    /// log π and v of every token's state, response by response.
    /// - Throws: `TrainingError.nonFiniteScore`, alike on every rank. Collective.
    func states(_ policy: Transformer, model: String) throws -> (logps: [[Double]], values: [[Double]]) {
        var (logps, values) = (flat, flat)
        try scoring.eachMicroBatch(of: all, with: [policy], title: nil) { microBatch, batch, spaces in
            for (planned, found) in zip(microBatch.comparisons, policy.scoreStates(batch, in: spaces[0])) {
                for (response, states) in zip(set.comparisons[planned.comparison].responses, found) {
                    put(states.logps, of: response, into: &logps)
                    put(states.values, of: response, into: &values)
                }
            }
        }
        return (try shared(logps, model), try shared(values, model))
    }

    /// log π of every token under a model without values.
    /// - Throws: `TrainingError.nonFiniteScore`, alike on every rank. Collective.
    func logps(_ transformer: Transformer, model: String) throws -> [[Double]] {
        var logps = flat
        try scoring.eachScore(of: all, with: transformer, title: nil) { put($1, of: $0, into: &logps) }
        return try shared(logps, model)
    }

    private var scoring: ResponseScoring {
        ResponseScoring(set: set, communicator: communicator, console: console)
    }
    private var all: [Int] { Array(set.comparisons.indices) }

    private var flat: [Double] { [Double](repeating: 0, count: starts[set.responses.count]) }

    private func put(_ numbers: [Float], of response: Int, into flat: inout [Double]) {
        for (t, number) in numbers.enumerated() { flat[starts[response] + t] = Double(number) }
    }

    /// Collective.
    private func shared(_ flat: [Double], _ model: String) throws -> [[Double]] {
        var flat = flat
        communicator.sum(&flat)
        return try set.responses.indices.map { response in
            let numbers = Array(flat[starts[response]..<starts[response + 1]])
            guard numbers.allSatisfy(\.isFinite) else {
                throw TrainingError.nonFiniteScore(
                    model: model, line: set.comparisons[set.responses[response].comparison].line)
            }
            return numbers
        }
    }
}
