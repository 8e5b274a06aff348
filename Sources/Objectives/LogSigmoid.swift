import Glibc

/// log σ(x) = min(x, 0) − log(1 + e^{−|x|}): neither overflows nor loses the small end.
func logSigmoid(_ x: Double) -> Double {
    min(x, 0) - log1p(exp(-abs(x)))
}

/// σ(x), from e to a power that is never positive.
func logistic(_ x: Double) -> Double {
    let power = exp(-abs(x))
    return x < 0 ? power / (1 + power) : 1 / (1 + power)
}

/// σ′(x) = σ(x) σ(−x).
func logisticSlope(_ x: Double) -> Double { logistic(x) * logistic(-x) }

/// log(1 − e^x) for x < 0, by whichever of the two forms keeps the digits.
func log1mexp(_ x: Double) -> Double {
    x > -0.6931471805599453 ? log(-expm1(x)) : log1p(-exp(x))
}

/// −(1−ε) log σ(x) − ε log σ(−x), the conservative form of −log σ(x) (Mitchell's note on noisy preferences, eq. 3), and
/// its derivative by x.
func negativeLogSigmoid(_ x: Double, smoothing epsilon: Double) -> (loss: Double, slope: Double) {
    // Without smoothing also keeps 0 · ∞ out of a saturated pair.
    guard epsilon > 0 else { return (-logSigmoid(x), -logistic(-x)) }
    return (
        -(1 - epsilon) * logSigmoid(x) - epsilon * logSigmoid(-x),
        epsilon * logistic(x) - (1 - epsilon) * logistic(-x)
    )
}

/// 1 − e^x.
func oneMinusExp(_ x: Double) -> Double { -expm1(x) }
