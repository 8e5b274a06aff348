// What Swift's SIMD types have no single instruction for, by clang's portable builtins.
typedef float prefopt_float8 __attribute__((ext_vector_type(8)));
typedef float prefopt_float8_unaligned __attribute__((ext_vector_type(8), aligned(4)));

static inline prefopt_float8 prefopt_square_root(prefopt_float8 x) { return __builtin_elementwise_sqrt(x); }

// A moment's rest in a loop that waits for another core.
static inline void prefopt_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

// The nearest bfloat16, ties to even; infinities stay. What isn't a number keeps its upper bits and becomes quiet, as
// VCVTNEPS2BF16 has it.
static inline unsigned short prefopt_round_bfloat16(float x) {
    unsigned bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    unsigned nearest = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    return (bits & 0x7FFFFFFF) <= 0x7F800000 ? nearest : bits >> 16 | 0x40;
}

// Eight stored numbers, at any address, as floats: exact.
typedef unsigned short prefopt_ushort8_unaligned __attribute__((ext_vector_type(8), aligned(1)));
typedef _Float16 prefopt_half8_unaligned __attribute__((ext_vector_type(8), aligned(1)));
typedef unsigned prefopt_uint8 __attribute__((ext_vector_type(8)));

static inline prefopt_float8 prefopt_widen_bfloat16(const void *source) {
    return (prefopt_float8)(__builtin_convertvector(*(const prefopt_ushort8_unaligned *)source, prefopt_uint8) << 16);
}

static inline prefopt_float8 prefopt_widen_float16(const void *source) {
    return __builtin_convertvector(*(const prefopt_half8_unaligned *)source, prefopt_float8);
}

// Eight draws of 32 bits, numbers `first` to `first + 7` of a key's: the number, spread out, mixed with both halves of the key
// (the shifts and factors of C. Wellons's lowbias32).
static inline prefopt_uint8 prefopt_draws(unsigned first, unsigned long long key) {
    prefopt_uint8 x = first + (prefopt_uint8){0, 1, 2, 3, 4, 5, 6, 7};
    x = x * 0x9E3779B9u ^ (unsigned)key;
    x = (x ^ x >> 16) * 0x7FEB352Du;
    x = ((x ^ x >> 15) + (unsigned)(key >> 32)) * 0x846CA68Bu;
    return x ^ x >> 16;
}

// x where the draw is below the limit, 0 elsewhere.
static inline prefopt_float8 prefopt_keep(prefopt_float8 x, prefopt_uint8 draws, unsigned limit) {
    return (prefopt_float8)((prefopt_uint8)x & (prefopt_uint8)(draws < limit));
}

typedef signed char prefopt_char8_unaligned __attribute__((ext_vector_type(8), aligned(1)));

static inline prefopt_float8 prefopt_widen_int8(const void *source) {
    return __builtin_convertvector(*(const prefopt_char8_unaligned *)source, prefopt_float8);
}

// Of sixteen floats those at the places that the lowest four bits of each lane say.
static inline prefopt_float8 prefopt_look_up16(prefopt_float8 low, prefopt_float8 high, prefopt_uint8 places) {
#if defined(__AVX2__)
    typedef int int8_lanes __attribute__((__vector_size__(32)));
    typedef float float8_lanes __attribute__((__vector_size__(32)));
    prefopt_float8 a = __builtin_ia32_permvarsf256((float8_lanes)low, (int8_lanes)places);
    prefopt_float8 b = __builtin_ia32_permvarsf256((float8_lanes)high, (int8_lanes)places);
    return __builtin_ia32_blendvps256(a, b, (float8_lanes)(places << 28));
#else
    prefopt_float8 y;
    for (int i = 0; i < 8; ++i) y[i] = places[i] & 8 ? high[places[i] & 7] : low[places[i] & 7];
    return y;
#endif
}
typedef int prefopt_int8 __attribute__((ext_vector_type(8)));
typedef unsigned char prefopt_byte8 __attribute__((ext_vector_type(8)));
typedef unsigned char prefopt_byte8_unaligned __attribute__((ext_vector_type(8), aligned(1)));

// table[places[i] & 7] in every lane.
static inline prefopt_float8 prefopt_look_up8(prefopt_float8 table, prefopt_int8 places) {
#if defined(__AVX2__)
    typedef float floats __attribute__((vector_size(32)));
    typedef int ints __attribute__((vector_size(32)));
    return (prefopt_float8)__builtin_ia32_permvarsf256((floats)table, (ints)places);
#else
    prefopt_float8 result;
    for (int i = 0; i < 8; ++i) result[i] = table[places[i] & 7];
    return result;
#endif
}

// Between bytes, integers and floats, lane by lane; floats are cut to integers.
static inline prefopt_int8 prefopt_widen_bytes8(const unsigned char *bytes) {
    return __builtin_convertvector(*(const prefopt_byte8_unaligned *)bytes, prefopt_int8);
}
static inline void prefopt_narrow_bytes8(prefopt_int8 x, unsigned char *bytes) {
    *(prefopt_byte8_unaligned *)bytes = __builtin_convertvector(x, prefopt_byte8);
}
static inline prefopt_float8 prefopt_to_float8(prefopt_int8 x) { return __builtin_convertvector(x, prefopt_float8); }
static inline prefopt_int8 prefopt_to_int8(prefopt_float8 x) { return __builtin_convertvector(x, prefopt_int8); }
