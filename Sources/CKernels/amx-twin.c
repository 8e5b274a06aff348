// The C twin of AMX: its verbs as Intel's manual has them (tdpbf16ps: two chains of fused multiply-adds from zero, round to
// nearest, denormals as zeros). Slow, for any CPU with AVX2: packing, loops, edges and bits are tested with it everywhere, and
// silicon is compared with it before it is used.
#include "CKernels.h"

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
// Vectors of the width of a tile's row; the compiler makes two of each. (No function that keeps its name takes one.)
#pragma clang diagnostic ignored "-Wpsabi"
#define LANES 16
#define ROWS 12
#include "lanes.h"
#include "packing.h"
#include "bfloat16-tile.h"

// Rows of 64 bytes: of sixteen floats, or of sixteen pairs of bfloat16.
typedef struct {
    unsigned row[16][16];
} twin_tile;

INLINE void twin_load(twin_tile *tile, const void *from, long stride) {
    for (int i = 0; i < 16; ++i) __builtin_memcpy(tile->row[i], (const char *)from + i * stride, 64);
}

INLINE void twin_store(const twin_tile *tile, void *to, long stride) {
    for (int i = 0; i < 16; ++i) __builtin_memcpy((char *)to + i * stride, tile->row[i], 64);
}

static __attribute__((noinline)) void twin_multiply(twin_tile *c, const twin_tile *a, const twin_tile *b) {
    for (int m = 0; m < 16; ++m) {
        lanes even = 0, odd = 0;
        for (int k = 0; k < 16; ++k) {
            lane_bits left = a->row[m][k], right = *(const bits_anywhere *)b->row[k];
            even = fma_lanes((lanes)(left << 16), (lanes)(right << 16), even);
            odd = fma_lanes((lanes)(left & 0xFFFF0000), (lanes)(right & 0xFFFF0000), odd);
        }
        float *row = (float *)c->row[m];
        store(row, load(row) + (even + odd));
    }
}

#define TILES_BEGIN \
    twin_tile tiles[8]; \
    unsigned control = __builtin_ia32_stmxcsr(); \
    __builtin_ia32_ldmxcsr(control | FLUSH_DENORMALS);
#define TILES_END __builtin_ia32_ldmxcsr(control);
#define TILE_ZERO(n) __builtin_memset(&tiles[n], 0, sizeof tiles[n]);
#define TILE_LOAD(n, from, stride) twin_load(&tiles[n], from, stride);
#define TILE_STORE(n, to, stride) twin_store(&tiles[n], to, stride);
#define TILE_MULTIPLY(c, a, b) twin_multiply(&tiles[c], &tiles[a], &tiles[b]);
#include "tile-product.h"

const prefopt_product prefopt_bfloat16_twin = {
    SIDE, SIDE, BLOCK, 2, pack_rows_of_tiles, pack_columns_of_tiles, multiply_tiles,
};
#pragma clang attribute pop
