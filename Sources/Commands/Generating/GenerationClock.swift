import Machine

/// The pace of a generation, and the time that is left.
struct GenerationClock {
    private let start = SteadyClock.now()
    private let texts: Int
    private let ranks: Int
    /// Drawn by this rank, or at the end by all.
    var tokens = 0

    init(texts: Int, ranks: Int) { (self.texts, self.ranks) = (texts, ranks) }

    private var seconds: Double { max(1e-9, SteadyClock.now() - start) }

    /// Ranks work alike: their tokens are taken for as many as this one's.
    func line(done: Int) -> String {
        let rate = fixed(Double(tokens * ranks) / seconds, 1)
        let left = done == 0 ? "" : ", \(duration(seconds * Double(texts - done) / Double(done))) left"
        return "generate: \(done) of \(texts) continuations, \(rate) tokens/s\(left)"
    }

    var total: String { "\(tokens) tokens in \(duration(seconds)), \(fixed(Double(tokens) / seconds, 1)) tokens/s" }

    private func duration(_ seconds: Double) -> String {
        seconds < 90 ? "\(fixed(seconds, seconds < 10 ? 1 : 0)) s" : "\(fixed(seconds / 60, 1)) min"
    }
}
