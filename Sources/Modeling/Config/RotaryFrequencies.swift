import Glibc

/// The angle by which each pair of a head's elements turns per position, with the published ways of stretching a
/// model's context.
package struct RotaryFrequencies: Sendable, Equatable {
    /// θ: pair i of R/2 turns by θ^(−2i/R) radians a position.
    package var theta: Double
    /// R: how many of a head's first elements turn.
    package var width: Int
    package var scaling: Scaling

    /// The scalings of frequencies for longer texts.
    package enum Scaling: Sendable, Equatable {
        case none
        /// Positions divided by the factor (arXiv 2306.15595).
        case linear(factor: Double)
        /// θ grows with the sequence's length once it is longer than `positions`, so that long wavelengths stretch and
        /// short ones don't ("NTK-aware" scaling).
        case dynamic(factor: Double, positions: Int)
        /// Llama 3.1's: long wavelengths are divided by the factor, short ones kept, those between blended
        /// (arXiv 2407.21783, section 3.4, in the form of the released model code).
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalPositions: Double)
        /// The blend goes over the pairs' numbers instead, and cos and sin are scaled (arXiv 2309.00071).
        case yarn(Yarn)
        /// A factor of its own for every pair, of two sets: one for sequences up to `originalPositions`, one for longer
        /// ones (arXiv 2402.13753).
        case longRope(short: [Double], long: [Double], originalPositions: Int, attention: Double)
    }

    /// The constants of YaRN (arXiv 2309.00071).
    package struct Yarn: Sendable, Equatable {
        package var factor: Double
        /// Pairs that make more turns than `fast` in the original context are kept, those below `slow` divided.
        package var fast: Double
        package var slow: Double
        package var originalPositions: Double
        /// Whether the blend begins and ends at whole pairs.
        package var truncates: Bool
        /// Factor on cos and sin.
        package var attention: Double
    }

    /// Factor on cos and sin.
    package var attentionFactor: Double {
        switch scaling {
        case .yarn(let yarn): yarn.attention
        case .longRope(_, _, _, let attention): attention
        default: 1
        }
    }

    /// Pairs that turn. An odd R is rounded up, as `transformers` does.
    package var pairs: Int { (width + 1) / 2 }

    /// Which set of frequencies a sequence of this length has. Sequences of one set can share a prompt's rows.
    func frequencySet(length: Int) -> Int {
        switch scaling {
        case .dynamic(_, let positions): length > positions ? length : 0
        case .longRope(_, _, let original, _): length > original ? 1 : 0
        default: 0
        }
    }

    /// Whether there is more than one set of frequencies.
    var dependsOnLength: Bool {
        switch scaling {
        case .dynamic, .longRope: true
        default: false
        }
    }

    /// Radians per position of every pair, in sequences of a set.
    package func values(set: Int = 0) -> [Double] {
        let plain = { (theta: Double) in
            (0..<pairs).map { pow(theta, -2 * Double($0) / Double(width)) }
        }
        switch scaling {
        case .none: return plain(theta)
        case .linear(let factor): return plain(theta).map { $0 / factor }
        case .dynamic(let factor, let positions):
            guard set > 0 else { return plain(theta) }
            let growth = factor * Double(set) / Double(positions) - (factor - 1)
            return plain(theta * pow(growth, Double(width) / Double(width - 2)))
        case .llama3(let factor, let low, let high, let original):
            return plain(theta).map { frequency in
                let wavelength = 2 * Double.pi / frequency
                if wavelength < original / high { return frequency }
                if wavelength > original / low { return frequency / factor }
                let blend = (original / wavelength - low) / (high - low)
                return (1 - blend) * frequency / factor + blend * frequency
            }
        case .yarn(let yarn): return blended(plain(theta), yarn)
        case .longRope(let short, let long, _, _):
            return zip(plain(theta), set > 0 ? long : short).map { $0 / $1 }
        }
    }

    private func blended(_ frequencies: [Double], _ yarn: Yarn) -> [Double] {
        /// The pair that makes so many turns in the original context.
        func pair(turns: Double) -> Double {
            Double(width) * log(yarn.originalPositions / (turns * 2 * Double.pi)) / (2 * log(theta))
        }
        var (low, high) = (pair(turns: yarn.fast), pair(turns: yarn.slow))
        if yarn.truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        low = max(low, 0)
        high = min(high, Double(width - 1))
        if low == high { high += 0.001 }
        return frequencies.enumerated().map { i, frequency in
            let share = min(1, max(0, (Double(i) - low) / (high - low)))
            return frequency / yarn.factor * share + frequency * (1 - share)
        }
    }
}
