import Glibc

/// The measures of a policy over enumerable texts: its mean reward, and its divergence from the reference.
struct Frontier {
    /// log π_ref(y)
    let reference: [Double]
    /// r(y)
    let rewards: [Double]

    /// π* ∝ π_ref e^{r/β}, which no policy beats in E r − β KL (arXiv 2305.18290 eq. 4), as logps; and β log Z, what it gets.
    func optimum(beta: Double) -> (logps: [Double], value: Double) {
        let scores = zip(reference, rewards).map { $0 + $1 / beta }
        return (ObjectiveTests.logSoftmax(scores), beta * log(scores.reduce(0) { $0 + exp($1) }))
    }

    func reward(_ logps: [Double]) -> Double { zip(logps, rewards).reduce(0) { $0 + exp($1.0) * $1.1 } }

    func divergence(_ logps: [Double]) -> Double { divergence(of: logps, from: reference) }

    /// KL(π ‖ π′)
    func divergence(of logps: [Double], from others: [Double]) -> Double {
        zip(logps, others).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    }

    /// The largest distance of a policy above the frontier, over all its points of the given β: negative below.
    func excess(of logps: [Double], betas: [Double]) -> Double {
        let (reward, divergence) = (reward(logps), divergence(logps))
        return betas.map { reward - $0 * divergence - optimum(beta: $0).value }.max() ?? 0
    }
}
