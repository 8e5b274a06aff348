// Passes over rows whose share of a step shows: activations, softmax, the update.

// The last lanes of a row, fewer than there are in a vector; the rest zeros.
INLINE lanes load_part(const float *x, long count) {
    float part[LANES] = {0};
    for (long i = 0; i < count; ++i) part[i] = x[i];
    return load(part);
}

INLINE void store_part(float *x, lanes y, long count) {
    for (long i = 0; i < count; ++i) x[i] = y[i];
}

INLINE lanes load_up_to(const float *x, long count) { return count >= LANES ? load(x) : load_part(x, count); }

INLINE void store_up_to(float *x, lanes y, long count) {
    if (count >= LANES) store(x, y);
    else store_part(x, y, count);
}

// y = f(x), or f(x) ∘ up
INLINE void activate_as(
    prefopt_nonlinearity f, const float *x, const float *up, float *y, long count) {
    for (long i = 0; i < count; i += LANES) {
        lanes value = nonlinear(f, load_up_to(x + i, count - i)).value;
        if (up) value *= load_up_to(up + i, count - i);
        store_up_to(y + i, value, count - i);
    }
}

// In place: y, which holds dy, becomes f(x) (∘ up), up its derivative dy · f(x), and x the derivative dy (· up) · f′(x).
INLINE void differentiate_as(prefopt_nonlinearity f, float *x, float *up, float *y, long count) {
    for (long i = 0; i < count; i += LANES) {
        long rest = count - i;
        curve a = nonlinear(f, load_up_to(x + i, rest));
        lanes dy = load_up_to(y + i, rest);
        if (up) {
            lanes u = load_up_to(up + i, rest);
            store_up_to(y + i, a.value * u, rest);
            store_up_to(up + i, dy * a.value, rest);
            store_up_to(x + i, dy * u * a.slope, rest);
        } else {
            store_up_to(x + i, dy * a.slope, rest);
            store_up_to(y + i, a.value, rest);
        }
    }
}

// CALL with each function as a constant: a loop of its own for each.
#define CASE(name) case name: CALL(name); break;

static void activate(prefopt_nonlinearity f, const float *x, const float *up, float *y, long count) {
#define CALL(f) if (up) activate_as(f, x, up, y, count); else activate_as(f, x, 0, y, count)
    switch (f) { PREFOPT_NONLINEARITIES(CASE) }
#undef CALL
}

static void differentiate(prefopt_nonlinearity f, float *x, float *up, float *y, long count) {
#define CALL(f) if (up) differentiate_as(f, x, up, y, count); else differentiate_as(f, x, 0, y, count)
    switch (f) { PREFOPT_NONLINEARITIES(CASE) }
#undef CALL
}

// Sums keep eight lanes at every level, so that their bits do.
typedef float eight __attribute__((ext_vector_type(8)));

INLINE eight eight_of(lanes x, int half) {
#if LANES == 16
    return half ? __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)
                : __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    return x;
#endif
}

INLINE float total(eight x) {
    quad four = __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

// Whole groups of eight, the last of them alone where vectors hold two.
INLINE long groups_end(long count) { return count & ~7L; }

// max over a row; NaNs are passed over, the exponentials that follow keep them.
static float largest(const float *x, long count) {
    lanes peaks = -__builtin_inff();
    float peak = -__builtin_inff();
    long i = 0;
    for (; i + LANES <= count; i += LANES) {
        lanes y = load(x + i);
        peaks = peaks < y ? y : peaks;
    }
    for (; i < count; ++i) peak = peak < x[i] ? x[i] : peak;
    for (int lane = 0; lane < LANES; ++lane) peak = peak < peaks[lane] ? peaks[lane] : peak;
    return peak;
}

// x = e^(x · factor − peak); returns the sum.
static float exponentiate(float *x, long count, float factor, float peak) {
    eight sums = 0;
    long i = 0, end = groups_end(count);
    for (; i + LANES <= end; i += LANES) {
        lanes e = exponential(load(x + i) * factor - peak);
        sums += eight_of(e, 0);
        if (LANES == 16) sums += eight_of(e, 1);
        store(x + i, e);
    }
    if (i < end) {
        lanes e = exponential(load_part(x + i, 8) * factor - peak);
        sums += eight_of(e, 0);
        store_part(x + i, e, 8);
        i = end;
    }
    float rest = 0;
    for (; i < count; ++i) {
        x[i] = expf(x[i] * factor - peak);
        rest += x[i];
    }
    return total(sums) + rest;
}

// From raw scores p and the derivatives d by probabilities: p = e^(p · scale − normalizer), d = the derivative by the raw
// score. Where a cap c bounds scores (share = 1 / c, else 0), `p` holds capped ones and factor is 1.
static void differentiate_scores(
    float *p, float *d, long count, float factor, float scale, float share, float normalizer, float projection) {
    long i = 0, end = groups_end(count);
    while (i < end) {
        long step = least(LANES, end - i);
        lanes score = load_up_to(p + i, step) * factor;
        lanes value = exponential(score - normalizer);
        store_up_to(p + i, value, step);
        lanes slope = scale - (score * share) * (score * share) * scale;
        store_up_to(d + i, value * (load_up_to(d + i, step) - projection) * slope, step);
        i += step;
    }
    for (; i < count; ++i) {
        float score = p[i] * factor;
        p[i] = expf(score - normalizer);
        d[i] = p[i] * (d[i] - projection) * (scale - (score * share) * (score * share) * scale);
    }
}

// x = cap · tanh(x · share)
static void limit(float *x, long count, float share, float cap) {
    for (long i = 0; i < count; i += LANES)
        store_up_to(x + i, hyperbolic_tangent(load_up_to(x + i, count - i) * share) * cap, count - i);
}

// Σ e^(x − peak). Blocks of lanes are added up in double precision: a vocabulary has a hundred thousand terms.
static double sum_exponentials(const float *x, long count, float peak) {
    double sum = 0;
    for (long start = 0; start < count; start += 1024) {
        long block = least(1024, count - start), end = groups_end(block), i = 0;
        eight sums = 0;
        for (; i + LANES <= end; i += LANES) {
            lanes e = exponential(load(x + start + i) - peak);
            sums += eight_of(e, 0);
            if (LANES == 16) sums += eight_of(e, 1);
        }
        if (i < end) {
            sums += eight_of(exponential(load_part(x + start + i, 8) - peak), 0);
            i = end;
        }
        float rest = 0;
        for (; i < block; ++i) rest += expf(x[start + i] - peak);
        sum += (double)(total(sums) + rest);
    }
    return sum;
}

// Logits become the derivatives of a row's loss but for the target's own part: factor · e^(x − normalizer).
static void differentiate_logits(float *x, long count, float normalizer, float factor) {
    long i = 0, end = groups_end(count);
    while (i < end) {
        long step = least(LANES, end - i);
        store_up_to(x + i, exponential(load_up_to(x + i, step) - normalizer) * factor, step);
        i += step;
    }
    for (; i < count; ++i) x[i] = factor * expf(x[i] - normalizer);
}

// The same for logits that were capped (share = 1 / cap): by the logits before the cap.
static void differentiate_capped_logits(float *x, long count, float normalizer, float factor, float share) {
    for (long i = 0; i < count; i += LANES) {
        lanes y = load_up_to(x + i, count - i);
        lanes slope = 1.0f - (y * share) * (y * share);
        store_up_to(x + i, exponential(y - normalizer) * slope * factor, count - i);
    }
}
