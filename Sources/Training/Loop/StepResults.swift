import Collectives

/// What the ranks found in a step, as one small reduction: the policy's logps of every response of every judgement in step
/// order. Each is computed by one rank and zero on the others, so the sum is exact.
struct StepResults {
    private var values: [Double]
    /// Where each judgement's logps begin, and at the end where the last one's end.
    private let starts: [Int]
    private static let extras = 2

    /// - Parameter responses: how many each judgement has, in step order.
    init(responses: [Int]) {
        var starts = [0]
        starts.reserveCapacity(responses.count + 1)
        for count in responses { starts.append(starts[starts.count - 1] + count) }
        self.starts = starts
        values = [Double](repeating: 0, count: starts[responses.count] + StepResults.extras)
    }

    /// Logps of the responses of the judgement at a position of the step.
    subscript(position: Int) -> [Double] {
        get { Array(values[starts[position]..<starts[position + 1]]) }
        set { values.replaceSubrange(starts[position]..<starts[position + 1], with: newValue) }
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
