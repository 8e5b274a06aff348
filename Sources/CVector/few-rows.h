// Products of few rows: y = x Wᵀ. Each row of W is read once from memory, which is what takes the time, and turned into columns
// in registers: nothing is packed. Vectors of eight floats are enough for that on every CPU.
//
// An element of y is one chain of fused multiply-adds for each part of the depth, in its order, begun at zero: the bits are
// those of products of many rows.
typedef float prefopt_line8 __attribute__((ext_vector_type(8)));
typedef float prefopt_line8_anywhere __attribute__((ext_vector_type(8), aligned(4)));

// Lines of W that are worked at together.
#define prefopt_few_lines 16
#define prefopt_few_rows_at_once 4

// x[i] becomes column i of the square whose rows x holds.
static inline __attribute__((always_inline)) void prefopt_transpose_square(prefopt_line8 x[8]) {
    prefopt_line8 y[8];
    for (int i = 0; i < 8; i += 2) {
        y[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        y[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        x[i] = __builtin_shufflevector(y[i], y[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        x[i + 1] = __builtin_shufflevector(y[i], y[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        x[i + 2] = __builtin_shufflevector(y[i + 1], y[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        x[i + 3] = __builtin_shufflevector(y[i + 1], y[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (int i = 0; i < 4; ++i) {
        y[i] = __builtin_shufflevector(x[i], x[4 + i], 0, 1, 2, 3, 8, 9, 10, 11);
        y[i + 4] = __builtin_shufflevector(x[i], x[4 + i], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int i = 0; i < 8; ++i) x[i] = y[i];
}

// y [rows, 16] = x [rows, depth] wᵀ, or += …, for 16 lines of W and a constant number of rows, at most four. Lines that come
// after these, at `next`, are asked for meanwhile; null: none.
static inline __attribute__((always_inline)) void prefopt_stream_lines(
    int rows, const float *x, long x_stride, const float *w, long w_stride, long depth, const float *next, float *y,
    long y_stride, int adding) {
    prefopt_line8 sum[2][prefopt_few_rows_at_once];
    for (int half = 0; half < 2; ++half)
        for (int row = 0; row < rows; ++row) sum[half][row] = 0;
    // A line's cache line is asked for so many floats before it is used.
    const long ahead = 48;
    long k = 0;
    for (; k + 8 <= depth; k += 8)
        _Pragma("clang loop unroll(full)") for (int half = 0; half < 2; ++half) {
            const float *from = w + half * 8 * w_stride + k;
            prefopt_line8 square[8];
            if (k % 16 == 0) {
                const float *soon = k + ahead < depth ? from + ahead
                                    : next            ? next + half * 8 * w_stride + k + ahead - depth
                                                      : from;
                for (int i = 0; i < 8; ++i) __builtin_prefetch(soon + i * w_stride, 0, 3);
            }
            for (int i = 0; i < 8; ++i) square[i] = *(const prefopt_line8_anywhere *)(from + i * w_stride);
            prefopt_transpose_square(square);
            for (int i = 0; i < 8; ++i)
                for (int row = 0; row < rows; ++row)
                    sum[half][row] =
                        __builtin_elementwise_fma((prefopt_line8)x[row * x_stride + k + i], square[i], sum[half][row]);
        }
    for (; k < depth; ++k)
        for (int half = 0; half < 2; ++half) {
            prefopt_line8 column;
            for (int i = 0; i < 8; ++i) column[i] = w[(half * 8 + i) * w_stride + k];
            for (int row = 0; row < rows; ++row)
                sum[half][row] =
                    __builtin_elementwise_fma((prefopt_line8)x[row * x_stride + k], column, sum[half][row]);
        }
    for (int row = 0; row < rows; ++row)
        for (int half = 0; half < 2; ++half) {
            prefopt_line8_anywhere *target = (prefopt_line8_anywhere *)(y + row * y_stride + half * 8);
            *target = adding ? sum[half][row] + *target : sum[half][row];
        }
}

// The same for any number of rows, four at a time: the lines come from memory once and from the cache after that.
static inline void prefopt_multiply_few(
    const float *x, long x_stride, long rows, const float *w, long w_stride, long depth, const float *next, float *y,
    long y_stride, int adding) {
    for (; rows > 0; rows -= 4, x += 4 * x_stride, y += 4 * y_stride, next = 0) {
        switch (rows) {
        case 1: prefopt_stream_lines(1, x, x_stride, w, w_stride, depth, next, y, y_stride, adding); break;
        case 2: prefopt_stream_lines(2, x, x_stride, w, w_stride, depth, next, y, y_stride, adding); break;
        case 3: prefopt_stream_lines(3, x, x_stride, w, w_stride, depth, next, y, y_stride, adding); break;
        default: prefopt_stream_lines(4, x, x_stride, w, w_stride, depth, next, y, y_stride, adding);
        }
    }
}
