// AVX-512: thirty-two registers of sixteen floats. (The compiler would halve vectors for this level if it weren't asked.)
#include "CKernels.h"
#include <math.h>

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#define LANES 16
#define ROWS 12
#include "level.h"

const prefopt_kernels prefopt_kernels_v4 = KERNELS;
#pragma clang attribute pop
