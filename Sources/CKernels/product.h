// The inner kernels of float32 products: ROWS × COLUMNS of the result stay in registers while they walk down the depth of two
// panels.
//
// An element of the result is one chain of fused multiply-adds in the order of the depth, begun at zero, then stored or added
// to what is there. So its bits depend on its own row and column only: not on the panels beside it, on how the result is cut,
// or on the width of the vectors.


// One tile, of which `height` rows are stored.
INLINE void multiply_tile(
    const float *a, long row_stride, long depth_stride, const float *b, long depth, long height, float *c, long stride,
    int adding) {
    lanes sum[ROWS][2];
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) sum[i][0] = sum[i][1] = 0;
    if (adding)
        for (long i = 0; i < height; ++i) {
            __builtin_prefetch(c + i * stride, 1, 3);
            if (LANES == 16) __builtin_prefetch(c + i * stride + LANES, 1, 3);
        }
    const float *a3 = a + 3 * row_stride, *a6 = a + 6 * row_stride, *a9 = a + 9 * row_stride;
    // (Else the compiler would make one long chain of additions of them.)
    __asm__("" : "+r"(a3), "+r"(a6), "+r"(a9));
    // Four depths a turn: on busy virtual machines, where another thread may share the core, the loop's own instructions were
    // waited for (docs/performance.md).
    _Pragma("clang loop unroll_count(4)") for (long k = 0; k < depth; ++k) {
        lanes b0 = load(b), b1 = load(b + LANES);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) {
            const float *from = i < 3 ? a : i < 6 ? a3 : i < 9 ? a6 : a9;
            lanes x = from[i % 3 * row_stride];
            sum[i][0] = fma_lanes(x, b0, sum[i][0]);
            sum[i][1] = fma_lanes(x, b1, sum[i][1]);
        }
        a += depth_stride, a3 += depth_stride, a6 += depth_stride, a9 += depth_stride;
        b += COLUMNS;
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) {
        if (i >= height) return;
        store(c, adding ? sum[i][0] + load(c) : sum[i][0]);
        store(c + LANES, adding ? sum[i][1] + load(c + LANES) : sum[i][1]);
        c += stride;
    }
}

static __attribute__((noinline)) void multiply_packed_tile(
    const float *a, const float *b, long depth, long height, float *c, long stride, int adding) {
    multiply_tile(a, 1, ROWS, b, depth, height, c, stride, adding);
}

static __attribute__((noinline)) void multiply_strided_tile(
    const float *a, long row_stride, long depth_stride, const float *b, long depth, float *c, long stride, int adding) {
    multiply_tile(a, row_stride, depth_stride, b, depth, ROWS, c, stride, adding);
}

// Adds a tile that was computed beside the result, since it hangs over its edge.
INLINE void store_edge(const float *tile, long height, long width, float *c, long stride, int adding) {
    for (long i = 0; i < height; ++i)
        for (long j = 0; j < width; ++j)
            c[i * stride + j] = adding ? tile[i * COLUMNS + j] + c[i * stride + j] : tile[i * COLUMNS + j];
}

static void multiply(
    prefopt_panels a, prefopt_panels b, long depth, long height, long width, float *c, long stride, int adding) {
    float tile[ROWS * COLUMNS];
    for (long first = 0; first < height; first += ROWS_AT_ONCE)
        for (long column = 0; column < width; column += COLUMNS) {
            const float *right = (const float *)((const char *)b.base + column / COLUMNS * b.stride);
            for (long row = first; row < least(height, first + ROWS_AT_ONCE); row += ROWS) {
                const float *left = (const float *)((const char *)a.base + row / ROWS * a.stride);
                float *target = c + row * stride + column;
                long present = least(ROWS, height - row);
                if (column + COLUMNS <= width) {
                    multiply_packed_tile(left, right, depth, present, target, stride, adding);
                } else {
                    multiply_packed_tile(left, right, depth, present, tile, COLUMNS, 0);
                    store_edge(tile, present, width - column, target, stride, adding);
                }
            }
        }
}

// The same for rows of A read where they lie: worth it when few columns of B would share the packing.
static void multiply_strided(
    const float *a, long row_stride, long depth_stride, prefopt_panels b, long depth, long height, long width, float *c,
    long stride, int adding) {
    float tile[ROWS * COLUMNS], packed[ROWS * prefopt_longest_depth];
    for (long first = 0; first < height; first += ROWS_AT_ONCE)
        for (long column = 0; column < width; column += COLUMNS) {
            const float *right = (const float *)((const char *)b.base + column / COLUMNS * b.stride);
            int is_whole = column + COLUMNS <= width;
            for (long row = first; row < least(height, first + ROWS_AT_ONCE); row += ROWS) {
                const float *left = a + row * row_stride;
                float *target = c + row * stride + column;
                long present = least(ROWS, height - row);
                float *into = is_whole ? target : tile;
                long into_stride = is_whole ? stride : COLUMNS;
                int into_adding = is_whole && adding;
                if (present == ROWS) {
                    multiply_strided_tile(left, row_stride, depth_stride, right, depth, into, into_stride, into_adding);
                } else {
                    for (long i = 0; i < present; ++i)
                        for (long k = 0; k < depth; ++k) packed[k * ROWS + i] = left[i * row_stride + k * depth_stride];
                    for (long i = present; i < ROWS; ++i)
                        for (long k = 0; k < depth; ++k) packed[k * ROWS + i] = 0;
                    multiply_packed_tile(packed, right, depth, present, into, into_stride, into_adding);
                }
                if (!is_whole) store_edge(tile, present, width - column, target, stride, adding);
            }
        }
}

static void pack_rows(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    pack_rows_in(in_order, ROWS, source, lines, first, depth, panels);
}

static void pack_columns(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    pack_columns_in(in_order, ROWS, source, lines, first, depth, panels);
}
