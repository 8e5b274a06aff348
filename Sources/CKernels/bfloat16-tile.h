// Tiles of C in bfloat16 products, which have the order of AMX's instruction tdpbf16ps (Intel's manual): for every 32 depths two
// chains of fused multiply-adds, begun at zero, over the even and the odd ones, then C = C + (even + odd). Denormal operands
// and results are zeros. C begins at zero or at what is there.

// The control register's bits for denormals as zeros, of operands and of results.
#define FLUSH_DENORMALS 0x8040

// ROWS × COLUMNS of C on their way through the depth.
typedef struct {
    lanes sum[ROWS][2];
} tile_sums;

INLINE void load_tile(tile_sums *tile, const float *c, long stride, long height, long width, int adding) {
    for (long i = 0; i < ROWS; ++i)
        for (int j = 0; j < 2; ++j) {
            long there = width - j * LANES;
            if (!adding || i >= height || there <= 0) {
                tile->sum[i][j] = 0;
            } else if (there >= LANES) {
                tile->sum[i][j] = load(c + i * stride + j * LANES);
            } else {
                float edge[LANES] = {0};
                for (long l = 0; l < there; ++l) edge[l] = c[i * stride + j * LANES + l];
                tile->sum[i][j] = load(edge);
            }
        }
}

INLINE void store_tile(const tile_sums *tile, float *c, long stride, long height, long width) {
    for (long i = 0; i < height; ++i)
        for (int j = 0; j < 2; ++j) {
            long there = width - j * LANES;
            if (there >= LANES) {
                store(c + i * stride + j * LANES, tile->sum[i][j]);
            } else {
                for (long l = 0; l < there; ++l) c[i * stride + j * LANES + l] = tile->sum[i][j][l];
            }
        }
}

// A kernel of one tile: A's panel, B's panel and C's tile of which `height` rows and `width` columns are there.
typedef void (*tile_kernel)(
    const void *a, const void *b, long blocks, float *c, long stride, long height, long width, int adding);

// All tiles of a product by one kernel, with denormals as zeros.
INLINE void multiply_by_tiles(
    tile_kernel multiply_one, prefopt_panels a, prefopt_panels b, long depth, long height, long width, float *c,
    long stride, int adding) {
    unsigned control = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(control | FLUSH_DENORMALS);
    long blocks = (depth + BLOCK - 1) / BLOCK;
    for (long first = 0; first < height; first += ROWS_AT_ONCE)
        for (long column = 0; column < width; column += COLUMNS) {
            const char *right = (const char *)b.base + column / COLUMNS * b.stride;
            for (long row = first; row < least(height, first + ROWS_AT_ONCE); row += ROWS)
                multiply_one(
                    (const char *)a.base + row / ROWS * a.stride, right, blocks, c + row * stride + column, stride,
                    least(ROWS, height - row), least(COLUMNS, width - column), adding);
        }
    __builtin_ia32_ldmxcsr(control);
}
