#include "CKernels.h"
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

int prefopt_has_level(int level) {
    __builtin_cpu_init();
    return level >= 4 ? __builtin_cpu_supports("x86-64-v4") != 0 : __builtin_cpu_supports("x86-64-v3") != 0;
}

const prefopt_kernels *prefopt_kernels_of(int level) { return level >= 4 ? &prefopt_kernels_v4 : &prefopt_kernels_v3; }

const prefopt_product *prefopt_bfloat16_by_pairs(void) { return &prefopt_bfloat16_pairs; }
const prefopt_product *prefopt_bfloat16_by_tiles(void) { return &prefopt_bfloat16_tiles; }
const prefopt_product *prefopt_bfloat16_by_twin(void) { return &prefopt_bfloat16_twin; }

int prefopt_has_bfloat16_pairs(void) {
    unsigned a, b, c, d;
    return prefopt_has_level(4) && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);
}

// AMX_BF16 and AMX_TILE, their registers switched on by the system (XCR0), and Linux's leave to use them, which it gives to
// threads that start later too.
int prefopt_has_tiles(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return 0;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low >> 17 & 3) != 3) return 0;
    const long request_permission = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
