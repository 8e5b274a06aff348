/// The policy's logps of every response of every judgement of a step, in step order. Each is computed by one rank and zero on
/// the others, so the sum over ranks is exact.
struct StepResults {
    var shared: StepSums
    /// Where each judgement's logps begin, and at the end where the last one's end.
    private let starts: [Int]

    /// - Parameter responses: how many each judgement has, in step order.
    init(responses: [Int]) {
        var starts = [0]
        starts.reserveCapacity(responses.count + 1)
        for count in responses { starts.append(starts[starts.count - 1] + count) }
        self.starts = starts
        shared = StepSums(count: starts[responses.count])
    }

    /// Logps of the responses of the judgement at a position of the step.
    subscript(position: Int) -> [Double] {
        get { (starts[position]..<starts[position + 1]).map { shared[$0] } }
        set { for (place, value) in newValue.enumerated() { shared[starts[position] + place] = value } }
    }
}
