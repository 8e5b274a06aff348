// Functions of every lane.

INLINE lanes magnitude(lanes x) { return (lanes)((lane_bits)x & 0x7FFFFFFF); }

// eˣ within 1 ulp on [−87.3, 88.3] and clamped outside; NaN stays NaN.
//
// x = n·ln 2 + r with |r| ≤ ln 2 / 2, ln 2 in two parts so that r keeps its bits; a degree-7 polynomial for eʳ, times 2ⁿ made of
// its exponent bits. Adding n to the bits of eʳ instead would turn some NaNs into numbers.
INLINE lanes exponential(lanes y) {
    lanes floor = -87.33654f, ceiling = 88.37f;
    lanes x = y < floor ? floor : y;
    x = y > ceiling ? ceiling : x;
    // Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits; the 127 is the exponent's bias.
    lanes magic = 12582912.0f + 127.0f;
    lanes shifted = fma_lanes(x, (lanes)1.442695041f, magic);
    lanes n = shifted - magic;
    lanes r = fma_lanes(n, (lanes)-0.693145751953125f, x);
    r = fma_lanes(n, (lanes)-1.42860682e-6f, r);
    lanes p = 1.9875691e-4f;
    p = fma_lanes(p, r, (lanes)1.3981999e-3f);
    p = fma_lanes(p, r, (lanes)8.3334519e-3f);
    p = fma_lanes(p, r, (lanes)4.1665795e-2f);
    p = fma_lanes(p, r, (lanes)1.6666665e-1f);
    p = fma_lanes(p, r, (lanes)5.0000000e-1f);
    p = fma_lanes(p, r, (lanes)1.0f);
    p = fma_lanes(p, r, (lanes)1.0f);
    return p * (lanes)((lane_bits)shifted << 23);
}

// 1 / (1 + e⁻ˣ)
INLINE lanes logistic(lanes x) { return 1.0f / (1.0f + exponential(-x)); }

// tanh x: 2σ(2x) − 1, but near zero, where that cancels, x times a polynomial in x².
INLINE lanes hyperbolic_tangent(lanes x) {
    lanes far = 2.0f * logistic(x + x) - 1.0f;
    lanes square = x * x;
    lanes p = 0.021869489f;
    p = fma_lanes(p, square, (lanes)-0.053968254f);
    p = fma_lanes(p, square, (lanes)0.133333333f);
    p = fma_lanes(p, square, (lanes)-0.333333333f);
    p = fma_lanes(p, square, (lanes)1.0f);
    return square < (lanes)0.0625f ? x * p : far;
}

// A function's value and its slope.
typedef struct {
    lanes value, slope;
} curve;

// Φ(x) and φ(x) of the normal distribution, Φ within about 3e-7 of its own size on both sides.
//
// For x ≤ 0, Φ(x) = e^(−x²/2) · t · p(t) with t = 1 / (1 + 0.34 |x|); p is a least-squares fit of degree 8 to the tail
// (relative error 4e-8 for |x| ≤ 14, beyond which e^(−x²/2) has vanished). The other side is 1 − Φ(−x).
INLINE curve normal_distribution(lanes x) {
    lanes bell = exponential(x * x * -0.5f);
    lanes t = 1.0f / (1.0f + magnitude(x) * 0.34f);
    lanes p = -0.02664113f;
    p = fma_lanes(p, t, (lanes)0.14181252f);
    p = fma_lanes(p, t, (lanes)-0.27745654f);
    p = fma_lanes(p, t, (lanes)0.20660812f);
    p = fma_lanes(p, t, (lanes)-0.04742070f);
    p = fma_lanes(p, t, (lanes)0.11636355f);
    p = fma_lanes(p, t, (lanes)0.11497641f);
    p = fma_lanes(p, t, (lanes)0.13613855f);
    p = fma_lanes(p, t, (lanes)0.13561920f);
    lanes tail = bell * t * p;
    return (curve){x < (lanes)0.0f ? tail : 1.0f - tail, bell * 0.398942280f};
}

// σ(2u), u = √(2/π) (x + 0.044715 x³), and its derivative by x.
INLINE curve tanh_gate(lanes x) {
    float rate = 1.595769122f, cubic = 0.044715f;
    lanes square = x * x;
    lanes s = logistic(x * (1.0f + square * cubic) * rate);
    return (curve){s, s * (1.0f - s) * (1.0f + square * (3 * cubic)) * rate};
}

// f(x), and f′(x) if it is asked for: the compiler drops what isn't.
INLINE curve nonlinear(prefopt_nonlinearity f, lanes x) {
    switch (f) {
    case prefopt_silu: {
        lanes s = logistic(x);
        return (curve){x * s, s * (1.0f + x * (1.0f - s))};
    }
    case prefopt_gelu: {
        curve normal = normal_distribution(x);
        return (curve){x * normal.value, fma_lanes(x, normal.slope, normal.value)};
    }
    case prefopt_gelu_tanh: {
        curve gate = tanh_gate(x);
        return (curve){x * gate.value, fma_lanes(x, gate.slope, gate.value)};
    }
    case prefopt_relu: {
        // NaN stays NaN: comparisons with it are false.
        lanes zero = 0;
        return (curve){x < zero ? zero : x, x <= zero ? zero : (lanes)1.0f};
    }
    }
}
