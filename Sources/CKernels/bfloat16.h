// bfloat16 products by float32 vectors, on panels in the order `split`.

// One chain of sixteen depths.
INLINE void split_chain(const float *a, const float *b, lanes sum[ROWS][2]) {
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) sum[i][0] = sum[i][1] = 0;
    for (int k = 0; k < BLOCK / 2; ++k) {
        lanes b0 = load(b), b1 = load(b + LANES);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) {
            lanes x = a[i];
            sum[i][0] = fma_lanes(x, b0, sum[i][0]);
            sum[i][1] = fma_lanes(x, b1, sum[i][1]);
        }
        a += ROWS;
        b += COLUMNS;
    }
}

static __attribute__((noinline)) void multiply_split_tile(
    const void *left, const void *right, long blocks, float *c, long stride, long height, long width, int adding) {
    const float *a = left, *b = right;
    tile_sums tile;
    load_tile(&tile, c, stride, height, width, adding);
    for (long block = 0; block < blocks; ++block) {
        lanes even[ROWS][2], odd[ROWS][2];
        split_chain(a, b, even);
        split_chain(a + BLOCK / 2 * ROWS, b + BLOCK / 2 * COLUMNS, odd);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) for (int j = 0; j < 2; ++j)
            tile.sum[i][j] += even[i][j] + odd[i][j];
        a += BLOCK * ROWS;
        b += BLOCK * COLUMNS;
    }
    store_tile(&tile, c, stride, height, width);
}

static void multiply_split(
    prefopt_panels a, prefopt_panels b, long depth, long height, long width, float *c, long stride, int adding) {
    multiply_by_tiles(multiply_split_tile, a, b, depth, height, width, c, stride, adding);
}

static void pack_rows_split(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    pack_rows_in(split, ROWS, source, lines, first, depth, panels);
}

static void pack_columns_split(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    pack_columns_in(split, ROWS, source, lines, first, depth, panels);
}
