// AVX2 and FMA: sixteen registers of eight floats.
#include "CKernels.h"
#include <math.h>

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LANES 8
#define ROWS 6
#include "level.h"

const prefopt_kernels prefopt_kernels_v3 = KERNELS;
#pragma clang attribute pop
