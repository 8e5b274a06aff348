import Collectives

/// Numbers of a step that every rank has a part of, summed over the ranks in one small reduction, with two that every step
/// needs.
struct StepSums {
    /// The step's own numbers, then the two.
    private var values: [Double]
    private static let extras = 2

    /// - Parameter count: of the step's own numbers, all 0 at first.
    init(count: Int) { values = [Double](repeating: 0, count: count + StepSums.extras) }

    /// The step's own numbers.
    var numbers: ArraySlice<Double> { values.dropLast(StepSums.extras) }

    subscript(index: Int) -> Double {
        get { values[index] }
        set { values[index] = newValue }
    }

    /// The bound of the exact sums of gradients: this rank's, then that of all ranks together.
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
