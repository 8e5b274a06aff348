// bfloat16 products by AVX512_BF16's vdpbf16ps, which runs two steps of a chain: on panels in the order `paired` it adds the
// earlier product, from the upper halves, first. It flushes denormals whatever the mode; the additions need the mode.

typedef __bf16 pairs __attribute__((vector_size(64)));
typedef float dot_sums __attribute__((vector_size(64)));


static __attribute__((noinline)) void multiply_paired_tile(
    const void *left, const void *right, long blocks, float *c, long stride, long height, long width, int adding) {
    const unsigned *a = left, *b = right;
    tile_sums tile;
    load_tile(&tile, c, stride, height, width, adding);
    for (long block = 0; block < blocks; ++block) {
        dot_sums even[ROWS][2], odd[ROWS][2];
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) even[i][0] = even[i][1] = odd[i][0] = odd[i][1] = (dot_sums){0};
        const unsigned *a1 = a + BLOCK / 4 * ROWS, *b1 = b + BLOCK / 4 * COLUMNS;
        for (int k = 0; k < BLOCK / 4; ++k) {
            pairs e0 = (pairs)load((const float *)b), e1 = (pairs)load((const float *)(b + LANES));
            pairs o0 = (pairs)load((const float *)b1), o1 = (pairs)load((const float *)(b1 + LANES));
            _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) {
                pairs x = (pairs)(lane_bits)a[i], y = (pairs)(lane_bits)a1[i];
                even[i][0] = __builtin_ia32_dpbf16ps_512(even[i][0], x, e0);
                even[i][1] = __builtin_ia32_dpbf16ps_512(even[i][1], x, e1);
                odd[i][0] = __builtin_ia32_dpbf16ps_512(odd[i][0], y, o0);
                odd[i][1] = __builtin_ia32_dpbf16ps_512(odd[i][1], y, o1);
            }
            a += ROWS, a1 += ROWS, b += COLUMNS, b1 += COLUMNS;
        }
        a = a1;
        b = b1;
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; ++i) for (int j = 0; j < 2; ++j)
            tile.sum[i][j] += (lanes)(even[i][j] + odd[i][j]);
    }
    store_tile(&tile, c, stride, height, width);
}

static void multiply_paired(
    prefopt_panels a, prefopt_panels b, long depth, long height, long width, float *c, long stride, int adding) {
    multiply_by_tiles(multiply_paired_tile, a, b, depth, height, width, c, stride, adding);
}

static void pack_rows_paired(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    pack_rows_in(paired, ROWS, source, lines, first, depth, panels);
}

static void pack_columns_paired(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    pack_columns_in(paired, ROWS, source, lines, first, depth, panels);
}
