import Machine

/// The progress of a study of several parts, and the time that is left: by the time of the parts so far, each with its
/// weight.
struct StudyProgress {
    private let weights: [Double]
    private let console: Console
    private let start = SteadyClock.now()
    private var done = 0.0
    private var finished = 0

    /// - Parameter parts: how much work each is, in any unit.
    init(parts: [Double], on console: Console) {
        (weights, self.console) = (parts, console)
    }

    /// The next part is done; says so.
    mutating func finish(_ text: String) {
        done += weights[min(finished, weights.count - 1)]
        finished += 1
        let rest = max(0, weights.reduce(0, +) - done)
        let left = (SteadyClock.now() - start) / max(done, 1e-9) * rest
        console.line(
            "[\(finished)/\(weights.count)] \(text)"
                + (finished < weights.count ? "; about \(readableDuration(left)) left" : ""))
    }
}
