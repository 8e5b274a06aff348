import Glibc
import Statistics

/// Wins of one set of responses over another on the same prompts.
///
/// A prompt's score is 1 for a win, ½ for a tie, 0 for a loss; a judge that is asked in both orders gives the mean of both.
package struct WinRate: Sendable, Equatable {
    /// Of each prompt, from 0 to 1.
    package let scores: [Double]
    /// Characters of A's response minus those of B's.
    package let lengthDifferences: [Double]

    package init(scores: [Double], lengthDifferences: [Double]) {
        (self.scores, self.lengthDifferences) = (scores, lengthDifferences)
    }

    package var wins: Int { scores.count { $0 > 0.5 } }
    package var losses: Int { scores.count { $0 < 0.5 } }
    package var ties: Int { scores.count { $0 == 0.5 } }

    /// p, the mean of the scores.
    package var rate: Double { scores.isEmpty ? 0 : scores.reduce(0, +) / Double(scores.count) }

    /// Wilson's 95 % interval of the rate.
    package var interval: Interval { .wilson(share: rate, of: scores.count) }

    /// The rate if both answers were of one length: σ(a) of the logistic regression
    ///
    ///     P(win) = σ(a + b · tanh(Δ / s))
    ///
    /// with Δ the difference of lengths and s its root mean square; after AlpacaEval's length-controlled win rate
    /// (arXiv 2404.04475), without its terms for the difficulty of an instruction. Fitted by Newton's method with the
    /// penalty (a² + b²) · 10⁻³ / 2, which keeps it finite when one side wins always. Nil without prompts.
    package var lengthControlledRate: Double? {
        guard !scores.isEmpty else { return nil }
        let spread = (lengthDifferences.reduce(0) { $0 + $1 * $1 } / Double(scores.count)).squareRoot()
        let x = lengthDifferences.map { spread > 0 ? tanh($0 / spread) : 0 }
        let penalty = 1e-3
        var (a, b) = (0.0, 0.0)
        for _ in 0..<100 {
            var (ga, gb) = (-penalty * a, -penalty * b)
            var (haa, hab, hbb) = (penalty, 0.0, penalty)
            for (score, x) in zip(scores, x) {
                let p = 1 / (1 + exp(-(a + b * x)))
                let weight = p * (1 - p)
                (ga, gb) = (ga + score - p, gb + (score - p) * x)
                (haa, hab, hbb) = (haa + weight, hab + weight * x, hbb + weight * x * x)
            }
            let determinant = haa * hbb - hab * hab
            let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant)
            // Never further than the curve is known.
            let step = min(1, 4 / max(abs(da), abs(db), 4))
            (a, b) = (a + step * da, b + step * db)
            if max(abs(da), abs(db)) < 1e-12 { break }
        }
        return 1 / (1 + exp(-a))
    }
}
