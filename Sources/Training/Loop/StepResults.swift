import Collectives

/// What the ranks found in a step, as one small reduction: the policy's logps of every pair in step order. Each is computed
/// by one rank and zero on the others, so the sum is exact.
struct StepResults {
    private var values: [Double]
    private static let extras = 2

    init(pairs: Int) { values = [Double](repeating: 0, count: 2 * pairs + StepResults.extras) }

    /// Chosen and rejected logps of the pair at a position of the step.
    subscript(position: Int) -> (chosen: Double, rejected: Double) {
        get { (values[2 * position], values[2 * position + 1]) }
        set { (values[2 * position], values[2 * position + 1]) = newValue }
    }

    /// The bound of the exact sums: this rank's, then that of all ranks together.
    var bound: Double {
        get { values[values.count - 1] }
        set { values[values.count - 1] = newValue }
    }

    /// Whether this rank, then any rank, was asked to stop.
    var stop: Bool {
        get { values[values.count - 2] > 0 }
        set { values[values.count - 2] = newValue ? 1 : 0 }
    }

    /// Collective.
    mutating func reduce(over communicator: Communicator) { communicator.sum(&values) }
}
