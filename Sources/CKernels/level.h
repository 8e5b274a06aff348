// All kernels of a level, compiled for vectors of LANES floats; the file that includes this says for which CPU.
#include "lanes.h"
#include "packing.h"
#include "product.h"
#include "few-rows.h"
#include "packed-rows.h"
#include "bfloat16-tile.h"
#include "bfloat16.h"
#include "functions.h"
#include "passes.h"
#include "peak.h"

#define KERNELS { \
    .float32 = {ROWS, COLUMNS, 1, 4, pack_rows, pack_columns, multiply}, \
    .bfloat16 = {ROWS, COLUMNS, BLOCK, 4, pack_rows_rounded, pack_columns_rounded, multiply_rounded}, \
    .multiply_strided = multiply_strided, .multiply_few = multiply_few, .multiply_packed = multiply_packed, \
    .activate = activate, .differentiate = differentiate, .largest = largest, \
    .exponentiate = exponentiate, .differentiate_scores = differentiate_scores, .limit = limit, \
    .sum_exponentials = sum_exponentials, .differentiate_logits = differentiate_logits, \
    .differentiate_capped_logits = differentiate_capped_logits, .multiply_add = multiply_add, \
}
