// Vectors of LANES floats, and what they are loaded from.
// The width of a tile of the result.
#define COLUMNS (2 * LANES)
// Rows of A that are multiplied with one panel of B after the other: together they stay in the second cache.
#define ROWS_AT_ONCE 192

#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((ext_vector_type(LANES)));
typedef unsigned lane_bits __attribute__((ext_vector_type(LANES)));
typedef int lane_numbers __attribute__((ext_vector_type(LANES)));
typedef float lanes_anywhere __attribute__((ext_vector_type(LANES), aligned(4)));
typedef unsigned bits_anywhere __attribute__((ext_vector_type(LANES), aligned(1)));
typedef unsigned short shorts_anywhere __attribute__((ext_vector_type(LANES), aligned(1)));
typedef _Float16 halves_anywhere __attribute__((ext_vector_type(LANES), aligned(1)));
typedef signed char bytes_anywhere __attribute__((ext_vector_type(LANES), aligned(1)));
typedef float quad __attribute__((ext_vector_type(4)));
typedef float quad_anywhere __attribute__((ext_vector_type(4), aligned(1)));

INLINE lanes load(const float *x) { return *(const lanes_anywhere *)x; }
INLINE void store(float *x, lanes y) { *(lanes_anywhere *)x = y; }
INLINE lanes fma_lanes(lanes a, lanes b, lanes c) { return __builtin_elementwise_fma(a, b, c); }
INLINE long least(long a, long b) { return a < b ? a : b; }

// 0, 1, 2, …
INLINE lane_numbers places(void) {
#if LANES == 16
    return (lane_numbers){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#else
    return (lane_numbers){0, 1, 2, 3, 4, 5, 6, 7};
#endif
}

// Zeros from the lane `count` on.
INLINE lanes first_lanes(lanes x, long count) {
    return (lanes)((lane_bits)x & (lane_bits)(places() < (lane_numbers)(int)count));
}

// Stores the first `count` lanes: all of them, or those of a panel as high as a tile.
INLINE void store_lines(float *x, lanes y, int count) {
    if (count == LANES) {
        store(x, y);
        return;
    }
    typedef float pair __attribute__((ext_vector_type(2)));
    typedef float pair_anywhere __attribute__((ext_vector_type(2), aligned(4)));
    for (int i = 0; i + 4 <= count; i += 4)
        *(quad_anywhere *)(x + i) = i == 0   ? __builtin_shufflevector(y, y, 0, 1, 2, 3)
                                    : i == 4 ? __builtin_shufflevector(y, y, 4, 5, 6, 7)
                                             : __builtin_shufflevector(y, y, LANES - 8, LANES - 7, LANES - 6, LANES - 5);
    if (count % 4 == 2)
        *(pair_anywhere *)(x + count - 2) = (pair)__builtin_shufflevector(y, y, 4, 5);
}

// Bytes of an element.
INLINE long bytes_of(prefopt_elements elements) {
    switch (elements) {
    case prefopt_float32: return 4;
    case prefopt_bfloat16: case prefopt_float16: return 2;
    case prefopt_int8: return 1;
    }
}

INLINE const char *address(const prefopt_rows *x, prefopt_elements elements, long row, long place) {
    return (const char *)x->base + (row * x->stride + place) * bytes_of(elements);
}

INLINE float factor(const prefopt_rows *x, long row) {
    float f;
    __builtin_memcpy(&f, (const char *)x->factors + 4 * row, 4);
    return f;
}

// LANES elements of a row from a place on, as floats: exact, but for the one rounding of int8's product.
INLINE lanes widen(const prefopt_rows *x, prefopt_elements elements, long row, long place) {
    const char *from = address(x, elements, row, place);
    switch (elements) {
    case prefopt_float32: return (lanes) * (const bits_anywhere *)from;
    case prefopt_bfloat16: return (lanes)(__builtin_convertvector(*(const shorts_anywhere *)from, lane_bits) << 16);
    case prefopt_float16: return __builtin_convertvector(*(const halves_anywhere *)from, lanes);
    case prefopt_int8: return __builtin_convertvector(*(const bytes_anywhere *)from, lanes) * factor(x, row);
    }
}

// One element.
INLINE float widen_one(const prefopt_rows *x, prefopt_elements elements, long row, long place) {
    const char *from = address(x, elements, row, place);
    unsigned bits = 0;
    float value;
    switch (elements) {
    case prefopt_float32: __builtin_memcpy(&value, from, 4); return value;
    case prefopt_bfloat16:
        __builtin_memcpy((char *)&bits + 2, from, 2);
        __builtin_memcpy(&value, &bits, 4);
        return value;
    case prefopt_float16: {
        _Float16 half;
        __builtin_memcpy(&half, from, 2);
        return (float)half;
    }
    case prefopt_int8: return (float)*(const signed char *)from * factor(x, row);
    }
}
