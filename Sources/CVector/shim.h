// Swift's SIMD8<Float>.squareRoot() takes the lanes one by one; clang's builtin is one instruction.
typedef float prefopt_float8 __attribute__((ext_vector_type(8)));

static inline prefopt_float8 prefopt_square_root(prefopt_float8 x) { return __builtin_elementwise_sqrt(x); }
