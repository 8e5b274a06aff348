// Products of few rows: y = x Wᵀ. Each line of W is read once from memory, which is what takes the time, widened if it is stored
// narrower, and turned into columns in registers: nothing is packed. Vectors of eight floats are enough for that on every CPU.
//
// An element of y is one chain of fused multiply-adds for each part of the depth, in its order, begun at zero: the bits are
// those of products of many rows.
typedef float line8 __attribute__((ext_vector_type(8)));
typedef float line8_anywhere __attribute__((ext_vector_type(8), aligned(4)));
typedef unsigned bits8 __attribute__((ext_vector_type(8)));
typedef unsigned bits8_anywhere __attribute__((ext_vector_type(8), aligned(1)));
typedef unsigned short shorts8_anywhere __attribute__((ext_vector_type(8), aligned(1)));
typedef _Float16 halves8_anywhere __attribute__((ext_vector_type(8), aligned(1)));
typedef signed char bytes8_anywhere __attribute__((ext_vector_type(8), aligned(1)));

// x[i] becomes column i of the square whose rows x holds.
INLINE void transpose_square(line8 x[8]) {
    line8 y[8];
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 8; i += 2) {
        y[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        y[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 8; i += 4) {
        x[i] = __builtin_shufflevector(y[i], y[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        x[i + 1] = __builtin_shufflevector(y[i], y[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        x[i + 2] = __builtin_shufflevector(y[i + 1], y[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        x[i + 3] = __builtin_shufflevector(y[i + 1], y[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 4; ++i) {
        y[i] = __builtin_shufflevector(x[i], x[4 + i], 0, 1, 2, 3, 8, 9, 10, 11);
        y[i + 4] = __builtin_shufflevector(x[i], x[4 + i], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 8; ++i) x[i] = y[i];
}

// Eight elements as floats: exact, but for the one rounding of int8's product.
INLINE line8 widen8(prefopt_elements elements, const char *from, float factor) {
    switch (elements) {
    case prefopt_float32: return (line8) * (const bits8_anywhere *)from;
    case prefopt_bfloat16: return (line8)(__builtin_convertvector(*(const shorts8_anywhere *)from, bits8) << 16);
    case prefopt_float16: return __builtin_convertvector(*(const halves8_anywhere *)from, line8);
    case prefopt_int8: return __builtin_convertvector(*(const bytes8_anywhere *)from, line8) * factor;
    }
}

// Adds to the sums of 16 lines what a column of them gives.
#define ADD_COLUMN(half, column, place) \
    _Pragma("clang loop unroll(full)") for (int row = 0; row < rows; ++row) sum[half][row] = \
        __builtin_elementwise_fma((line8)x[row * x_stride + (place)], column, sum[half][row])

// Rows that are worked at together: their sums and a square fill the registers.
#define FEW_AT_ONCE (LANES == 16 ? 8 : 4)
// With more rows it isn't the memory alone that is waited for.
#define ROWS_AT_MEMORY_SPEED 2

// Asks for a line of the cache, into the second one.
INLINE void ask(const char *place) { __builtin_prefetch(place, 0, 2); }

// y [rows, 16] = x [rows, depth] wᵀ, or += …, for 16 lines of W from a depth on and a constant number of rows, at most
// FEW_AT_ONCE.
//
// Sixteen lines are as many streams as no prefetcher follows, but 16 lines that lie behind one another are one stretch of memory:
// asked for in its order while another is worked at, it comes at the memory's speed. A core drops what it is asked for while all
// its places for misses are taken, so where the memory is waited for each line is asked for twice, two stretches ahead and one, in
// even steps.
INLINE void stream_lines(
    prefopt_elements elements, int rows, const float *x, long x_stride, const prefopt_rows *w, long first, long depth,
    prefopt_ahead ahead, float *y, long y_stride, int adding) {
    line8 sum[2][8];
    for (int half = 0; half < 2; ++half)
        _Pragma("clang loop unroll(full)") for (int row = 0; row < rows; ++row) sum[half][row] = 0;
    const long bytes = bytes_of(elements), line_bytes = w->stride * bytes;
    const char *lines = (const char *)w->base + first * bytes;
    const char *next = ahead.next, *later = ahead.later;
    const int asks_twice = rows <= ROWS_AT_MEMORY_SPEED && later;
    float factors[16];
    if (elements == prefopt_int8)
        for (int i = 0; i < 16; ++i) factors[i] = factor(w, i);
    long k = 0;
    for (; k + 8 <= depth; k += 8) {
        if (next && !asks_twice)
            _Pragma("clang loop unroll(full)") for (int i = 0; i < 2 * bytes; ++i, next += 64) ask(next);
        _Pragma("clang loop unroll(full)") for (int half = 0; half < 2; ++half) {
            const char *from = lines + half * 8 * line_bytes + k * bytes;
            line8 square[8];
            _Pragma("clang loop unroll(full)") for (int i = 0; i < 8; ++i) square[i] =
                widen8(elements, from + i * line_bytes, elements == prefopt_int8 ? factors[half * 8 + i] : 1);
            transpose_square(square);
            _Pragma("clang loop unroll(full)") for (int i = 0; i < 8; ++i) {
                // As many lines of the cache in all as the elements of two squares fill.
                if (asks_twice && i % (8 / bytes) == 0) {
                    ask(next);
                    ask(later);
                    next += 64;
                    later += 64;
                }
                ADD_COLUMN(half, square[i], k + i);
            }
        }
    }
    for (; k < depth; ++k)
        for (int half = 0; half < 2; ++half) {
            line8 column;
            for (int i = 0; i < 8; ++i) column[i] = widen_one(w, elements, half * 8 + i, first + k);
            ADD_COLUMN(half, column, k);
        }
    _Pragma("clang loop unroll(full)") for (int row = 0; row < rows; ++row)
        _Pragma("clang loop unroll(full)") for (int half = 0; half < 2; ++half) {
            line8_anywhere *target = (line8_anywhere *)(y + row * y_stride + half * 8);
            *target = adding ? sum[half][row] + *target : sum[half][row];
        }
}

// The same for any number of rows: the lines come from memory once and from the cache after that.
#define STREAM_ROWS(elements, count) \
    case count: \
        if (count <= FEW_AT_ONCE) \
            stream_lines(elements, count, x, x_stride, w, first, depth, ahead, y, y_stride, adding); \
        break;
#define MULTIPLY_FEW(name, elements) \
    static void name( \
        const float *x, long x_stride, long rows, const prefopt_rows *w, long first, long depth, prefopt_ahead ahead, \
        float *y, long y_stride, int adding) { \
        for (; rows > 0; rows -= FEW_AT_ONCE, x += FEW_AT_ONCE * x_stride, y += FEW_AT_ONCE * y_stride) { \
            switch (least(rows, FEW_AT_ONCE)) { \
                STREAM_ROWS(elements, 1) \
                STREAM_ROWS(elements, 2) \
                STREAM_ROWS(elements, 3) \
                STREAM_ROWS(elements, 4) \
                STREAM_ROWS(elements, 5) \
                STREAM_ROWS(elements, 6) \
                STREAM_ROWS(elements, 7) \
                STREAM_ROWS(elements, 8) \
            } \
            ahead = (prefopt_ahead){0, 0}; \
        } \
    }

MULTIPLY_FEW(multiply_few_float32, prefopt_float32)
MULTIPLY_FEW(multiply_few_bfloat16, prefopt_bfloat16)
MULTIPLY_FEW(multiply_few_float16, prefopt_float16)
MULTIPLY_FEW(multiply_few_int8, prefopt_int8)

static void multiply_few(
    const float *x, long x_stride, long rows, prefopt_rows w, long first, long depth, prefopt_ahead ahead, float *y,
    long y_stride, int adding) {
    switch (w.elements) {
    case prefopt_float32: multiply_few_float32(x, x_stride, rows, &w, first, depth, ahead, y, y_stride, adding); break;
    case prefopt_bfloat16: multiply_few_bfloat16(x, x_stride, rows, &w, first, depth, ahead, y, y_stride, adding); break;
    case prefopt_float16: multiply_few_float16(x, x_stride, rows, &w, first, depth, ahead, y, y_stride, adding); break;
    case prefopt_int8: multiply_few_int8(x, x_stride, rows, &w, first, depth, ahead, y, y_stride, adding); break;
    }
}
