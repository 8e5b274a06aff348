import Glibc
import Preferences
import RunFiles
import Statistics

/// Weights of the objectives drawn for each comparison and step, whichever rank asks: uniform on the part of the simplex where
/// the comparison's own preferences weigh `Margins.leastSampledWeight` at least, since the loss divides by their weight.
///
/// Pairs of one prompt in one step share the prompt's rows, and so their weights.
struct WeightSampling: Sendable {
    /// In the order of the adapters' parts.
    let objectives: [String]
    private let preferenceName: String
    private let seed: UInt64

    /// Nil for a run whose weights are given.
    init?(_ run: RunFile) {
        guard let margins = run.margins, margins.areSampled else { return nil }
        objectives = margins.objectives.map(\.name)
        preferenceName = margins.preferenceName
        seed = run.data.seed
    }

    /// The number of the objective whose preferences a comparison has.
    func preference(of comparison: Int, in set: PreferenceSet) -> Int {
        let name = set.preference(of: comparison) ?? preferenceName
        return objectives.firstIndex(of: name) ?? 0
    }

    /// w, which sums to 1.
    ///
    /// - Parameter step: counted from 0; nil: of evaluations, which are all alike.
    func weights(of comparison: Int, in set: PreferenceSet, step: Int?) -> [Double] {
        let time = SplitMix64.mixed(seed &+ SplitMix64.mixed(step.map { UInt64($0) &+ 1 } ?? 0))
        var random = SplitMix64(state: SplitMix64.mixed(time ^ UInt64(comparison)))
        // Exponential numbers over their sum are uniform on the simplex (Devroye 1986, V.2).
        let draws = objectives.map { _ in -log((Double(random.next() >> 12) + 0.5) * 0x1p-52) }
        let sum = draws.reduce(0, +)
        let least = Margins.leastSampledWeight
        var weights = draws.map { (1 - least) * $0 / sum }
        weights[preference(of: comparison, in: set)] += least
        return weights
    }

    /// The same as the model reads them.
    func floats(of comparison: Int, in set: PreferenceSet, step: Int?) -> [Float] {
        weights(of: comparison, in: set, step: step).map { Float($0) }
    }
}

extension RunFile {
    /// The objectives that fresh adapters have parts for.
    var sampledObjectives: [String] { WeightSampling(self)?.objectives ?? [] }
}
