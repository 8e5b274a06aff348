// The most multiply-adds that a core does: chains in registers that depend on nothing but themselves.
//
// They begin at a number that the compiler can't know: of known ones it would work out a chain that stays as it is (1 does, in
// float32), leave it out, and what is counted would be more than what is done.
static double multiply_add(long rounds, float *result) {
    // As many chains as hide an instruction's latency on two or three units.
#define CHAINS 12
    lanes x[CHAINS];
    for (int i = 0; i < CHAINS; ++i) x[i] = *result + (float)i;
    // Neither zero, denormal nor infinite in the end.
    lanes factor = 0.999f, step = 1e-3f;
    for (long round = 0; round < rounds; ++round) {
        _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; ++i) x[i] = fma_lanes(x[i], factor, step);
    }
    lanes sum = 0;
    for (int i = 0; i < CHAINS; ++i) sum += x[i];
    *result = sum[0] + sum[LANES - 1];
    return 2.0 * LANES * CHAINS * (double)rounds;
}
