// bfloat16 products by float32 vectors, on panels of rounded depths.

// Rows of a tile that are worked at together: the two chains of their elements, of the even depths and of the odd ones, fill the
// registers.
#define ROWS_OF_CHAINS (LANES == 16 ? 6 : 3)

// Adds what a block of depths gives to some rows of a tile.
INLINE void add_block(const float *a, const float *b, lanes sum[ROWS_OF_CHAINS][2]) {
    // [depth % 2][row][half of the tile's columns]
    lanes chains[2][ROWS_OF_CHAINS][2];
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS_OF_CHAINS; ++i)
        chains[0][i][0] = chains[0][i][1] = chains[1][i][0] = chains[1][i][1] = 0;
    _Pragma("clang loop unroll_count(4)") for (int k = 0; k < BLOCK; ++k, a += ROWS, b += COLUMNS) {
        lanes b0 = load(b), b1 = load(b + LANES);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS_OF_CHAINS; ++i) {
            lanes x = a[i];
            chains[k % 2][i][0] = fma_lanes(x, b0, chains[k % 2][i][0]);
            chains[k % 2][i][1] = fma_lanes(x, b1, chains[k % 2][i][1]);
        }
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS_OF_CHAINS; ++i) for (int j = 0; j < 2; ++j)
        sum[i][j] += chains[0][i][j] + chains[1][i][j];
}

static __attribute__((noinline)) void multiply_rounded_tile(
    const void *left, const void *right, long blocks, float *c, long stride, long height, long width, int adding) {
    const float *a = left, *b = right;
    tile_sums tile;
    load_tile(&tile, c, stride, height, width, adding);
    for (long block = 0; block < blocks; ++block, a += BLOCK * ROWS, b += BLOCK * COLUMNS)
        for (int row = 0; row < ROWS; row += ROWS_OF_CHAINS) add_block(a + row, b, tile.sum + row);
    store_tile(&tile, c, stride, height, width);
}

static void multiply_rounded(
    prefopt_panels a, prefopt_panels b, long depth, long height, long width, float *c, long stride, int adding) {
    multiply_by_tiles(multiply_rounded_tile, a, b, depth, height, width, c, stride, adding);
}

static void pack_rows_rounded(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    pack_rows_in(in_order_rounded, ROWS, source, lines, first, depth, panels);
}

static void pack_columns_rounded(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    pack_columns_in(in_order_rounded, ROWS, source, lines, first, depth, panels);
}
