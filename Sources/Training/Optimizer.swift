import Kernels
import Modeling

/// The update rule and its state: one or two vectors beside the weights.
final class Optimizer {
    let settings: RunFile.Optimizer
    private let table: ParameterTable
    private let pool: ThreadPool
    private let memory: Memory
    /// What is saved and resumed: named vectors as long as the weights.
    let moments: [(name: String, values: UnsafeMutablePointer<Float>)]

    /// - Throws: `MemoryError`.
    init(_ settings: RunFile.Optimizer, table: ParameterTable, on pool: ThreadPool) throws(MemoryError) {
        self.settings = settings
        self.table = table
        self.pool = pool
        let names = Optimizer.momentNames(settings.kind)
        memory = try Memory(bytes: 4 * names.count * table.count, touchedBy: pool)
        let base = memory.bind(to: Float.self).baseAddress!
        moments = names.enumerated().map { ($1, base + $0 * table.count) }
    }

    /// torch's names of the vectors.
    static func momentNames(_ kind: RunFile.Optimizer.Kind) -> [String] {
        switch kind {
        case .adamw: ["exp_avg", "exp_avg_sq"]
        case .rmsprop: ["square_avg"]
        case .sgd: []
        }
    }

    static func bytes(count: Int, kind: RunFile.Optimizer.Kind) -> Int { 4 * count * momentNames(kind).count }

    /// One update. Weight decay applies to matrices only, neither to norms nor to biases, as transformers has it.
    ///
    /// - Parameters:
    ///   - gradients: become zeros.
    ///   - factor: what the gradients are multiplied with: 1, or less when their norm is clipped.
    ///   - rate: the step's learning rate.
    ///   - step: counted from 1.
    func update(_ weights: Weights, gradients: UnsafeMutablePointer<Float>, factor: Float, rate: Double, step: Int) {
        for run in decayRuns {
            let (values, g, count) = (
                weights.values + run.range.lowerBound, gradients + run.range.lowerBound, run.range.count
            )
            let decay = run.decays ? settings.weightDecay : 0
            switch settings.kind {
            case .adamw:
                Update.adamW(
                    values, gradients: g, factor: factor, first: moments[0].values + run.range.lowerBound,
                    second: moments[1].values + run.range.lowerBound, count: count, rate: rate,
                    beta1: settings.adamBeta1,
                    beta2: settings.adamBeta2, epsilon: settings.adamEpsilon, decay: decay, step: step, on: pool)
            case .rmsprop:
                Update.rmsProp(
                    values, gradients: g, factor: factor, second: moments[0].values + run.range.lowerBound,
                    count: count, rate: rate,
                    alpha: 0.99, epsilon: 1e-8, decay: decay, on: pool)
            case .sgd:
                Update.sgd(
                    values, gradients: g, factor: factor, count: count, rate: rate, decay: decay, on: pool)
            }
        }
    }

    /// The whole vector at once when there is no decay, otherwise runs of parameters that are treated alike.
    private var decayRuns: [(range: Range<Int>, decays: Bool)] {
        guard settings.weightDecay > 0 else { return [(0..<table.count, false)] }
        return table.parameters.map { ($0.range, $0.decays) }
    }
}
