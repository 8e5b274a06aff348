// AMX: tiles of bfloat16 (Intel's manual, volume 2: ldtilecfg, tilezero, tileloadd, tdpbf16ps, tilestored, tilerelease).
#include "CKernels.h"

#pragma clang attribute push( \
    __attribute__((target("arch=x86-64-v4,amx-tile,amx-bf16"), min_vector_width(512))), apply_to = function)
#define LANES 16
#define ROWS 12
#include "lanes.h"
#include "packing.h"
#include "bfloat16-tile.h"

// Palette 1: eight tiles of 16 rows × 64 bytes.
typedef struct {
    unsigned char palette, start_row, reserved[14];
    unsigned short row_bytes[16];
    unsigned char rows[16];
} tile_configuration;

INLINE void configure_tiles(void) {
    tile_configuration configuration = {.palette = 1};
    for (int i = 0; i < 8; ++i) {
        configuration.row_bytes[i] = 64;
        configuration.rows[i] = 16;
    }
    __builtin_ia32_tile_loadconfig(&configuration);
}

#define TILES_BEGIN configure_tiles();
#define TILES_END __builtin_ia32_tilerelease();
#define TILE_ZERO(n) __builtin_ia32_tilezero(n);
#define TILE_LOAD(n, from, stride) __builtin_ia32_tileloadd64(n, from, stride);
#define TILE_STORE(n, to, stride) __builtin_ia32_tilestored64(n, to, stride);
#define TILE_MULTIPLY(c, a, b) __builtin_ia32_tdpbf16ps(c, a, b);
#include "tile-product.h"

const prefopt_product prefopt_bfloat16_tiles = {
    SIDE, SIDE, BLOCK, 2, pack_rows_of_tiles, pack_columns_of_tiles, multiply_tiles,
};
#pragma clang attribute pop
