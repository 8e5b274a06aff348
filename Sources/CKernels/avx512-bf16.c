// bfloat16 products by AVX512_BF16.
#include "CKernels.h"

#pragma clang attribute push( \
    __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512))), apply_to = function)
#define LANES 16
#define ROWS 6
#include "lanes.h"
#include "packing.h"
#include "bfloat16-tile.h"
#include "dot.h"

const prefopt_product prefopt_bfloat16_pairs = {
    ROWS, COLUMNS, BLOCK, 2, pack_rows_paired, pack_columns_paired, multiply_paired,
};
#pragma clang attribute pop
