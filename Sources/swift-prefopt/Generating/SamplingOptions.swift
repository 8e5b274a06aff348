import ArgumentParser

/// The options by which tokens are drawn.
enum SamplingOptions {
    /// - Throws: `ValidationError`.
    static func check(temperature: Double, topP: Double, topK: Int?) throws {
        guard temperature >= 0, temperature.isFinite else { throw ValidationError("--temperature must be 0 or more.") }
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p must be above 0 and at most 1.") }
        guard topK ?? 1 > 0 else { throw ValidationError("--top-k must be positive.") }
    }
}
