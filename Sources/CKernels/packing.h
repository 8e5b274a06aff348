// Panels from operands.

// The orders in which a panel keeps its depths.
typedef enum {
    // One after the other, as float32.
    in_order,
    // For bfloat16 products by float32 vectors: the same, rounded.
    in_order_rounded,
    // For bfloat16 products by pairs: of each 32 the even ones, then the odd ones, two of a chain to 32 bits, the earlier one in
    // the upper half.
    paired,
} panel_order;

#define BLOCK 32

// bfloat16 in the upper half of each lane: to the nearest, ties to even, denormals to zero, NaN stays NaN. The lower half is
// not cleared.
INLINE lane_bits round_bits(lanes x) {
    lane_bits bits = (lane_bits)x, magnitude = bits & 0x7FFFFFFF;
    lane_bits rounded = bits + 0x7FFF + (bits >> 16 & 1);
    lane_bits quiet = bits | 0x400000, nothing = bits & 0x80000000;
    lane_bits is_nan = (lane_bits)(magnitude > 0x7F800000), is_small = (lane_bits)(magnitude < 0x00800000);
    rounded = (rounded & ~is_nan) | (quiet & is_nan);
    return (rounded & ~is_small) | (nothing & is_small);
}

INLINE unsigned round_one(float x) {
    unsigned bits;
    __builtin_memcpy(&bits, &x, 4);
    unsigned magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000) return (bits | 0x400000) >> 16;
    if (magnitude < 0x00800000) return bits >> 16 & 0x8000;
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

// Where the four depths that begin at d, a multiple of 4 (of anything where they lie in order), are in a panel.
INLINE char *place_of(panel_order order, char *panel, long d, int width) {
    switch (order) {
    case in_order:
    case in_order_rounded: return panel + 4 * d * width;
    case paired: return panel + 4 * (d / BLOCK * (BLOCK / 2) + d % BLOCK / 4) * width;
    }
}

// Stores four depths of some lines.
INLINE void put_four(panel_order order, int is_rounded, char *panel, long d, int width, int count, const lanes x[4]) {
    float *target = (float *)place_of(order, panel, d, width);
    if (order == in_order) {
        for (int i = 0; i < 4; ++i) store_lines(target + i * width, x[i], count);
        return;
    }
    lane_bits bits[4];
    for (int i = 0; i < 4; ++i) bits[i] = (is_rounded ? (lane_bits)x[i] : round_bits(x[i])) & 0xFFFF0000;
    if (order == in_order_rounded) {
        for (int i = 0; i < 4; ++i) store_lines(target + i * width, (lanes)bits[i], count);
    } else {
        for (int i = 0; i < 2; ++i)
            store_lines(target + i * (BLOCK / 4) * width, (lanes)(bits[i] | bits[i + 2] >> 16), count);
    }
}

// Stores one element.
INLINE void put_one(panel_order order, char *panel, long d, int width, int line, float x) {
    if (order == in_order) {
        ((float *)panel)[d * width + line] = x;
        return;
    }
    unsigned bits = round_one(x);
    long chain = d % 2, number = d % BLOCK / 2;
    if (order == in_order_rounded)
        ((unsigned *)panel)[d * width + line] = bits << 16;
    else
        ((unsigned short *)panel)[2 * ((d / BLOCK * (BLOCK / 2) + chain * (BLOCK / 4) + number / 2) * width + line) + (number % 2 == 0)] = bits;
}

// Stores the n ≤ 4 depths that there are; in blocks zeros take the others' places.
INLINE void put(panel_order order, int is_rounded, char *panel, long d, int width, int count, lanes x[4], long n) {
    if (n < 4 && order == in_order) {
        for (int i = 0; i < n; ++i) store_lines((float *)panel + (d + i) * width, x[i], count);
        return;
    }
    for (long i = n; i < 4; ++i) x[i] = 0;
    put_four(order, is_rounded, panel, d, width, count, x);
}

// Zeros from a depth to the end of its block, for all of a panel's lines.
INLINE void fill_block(panel_order order, char *panel, long d, int width) {
    if (order == in_order) return;
    lanes zeros[4] = {0, 0, 0, 0};
    for (; d % 4 != 0; ++d)
        for (int line = 0; line < width; ++line) put_one(order, panel, d, width, line, 0);
    for (; d % BLOCK != 0; d += 4)
        for (int line = 0; line < width; line += LANES)
            put_four(order, 1, panel + 4 * line, d, width, (int)least(LANES, width - line), zeros);
}

// Turns four quads of rows, beside those of three other rows each, into LANES rows' elements of four depths.
INLINE void turn(const char *rows[LANES], lanes x[4]) {
    lanes r[4];
    for (int i = 0; i < 4; ++i) {
        quad q[LANES / 4];
        for (int j = 0; j < LANES / 4; ++j) q[j] = *(const quad_anywhere *)rows[4 * j + i];
#if LANES == 16
        typedef float eight __attribute__((ext_vector_type(8)));
        eight low = __builtin_shufflevector(q[0], q[1], 0, 1, 2, 3, 4, 5, 6, 7);
        eight high = __builtin_shufflevector(q[2], q[3], 0, 1, 2, 3, 4, 5, 6, 7);
        r[i] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
        r[i] = __builtin_shufflevector(q[0], q[1], 0, 1, 2, 3, 4, 5, 6, 7);
#endif
    }
#if LANES == 16
#define IN_QUADS(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12
#else
#define IN_QUADS(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#endif
    lanes low01 = __builtin_shufflevector(r[0], r[1], IN_QUADS(0, LANES, 1, LANES + 1));
    lanes high01 = __builtin_shufflevector(r[0], r[1], IN_QUADS(2, LANES + 2, 3, LANES + 3));
    lanes low23 = __builtin_shufflevector(r[2], r[3], IN_QUADS(0, LANES, 1, LANES + 1));
    lanes high23 = __builtin_shufflevector(r[2], r[3], IN_QUADS(2, LANES + 2, 3, LANES + 3));
    x[0] = __builtin_shufflevector(low01, low23, IN_QUADS(0, 1, LANES, LANES + 1));
    x[1] = __builtin_shufflevector(low01, low23, IN_QUADS(2, 3, LANES + 2, LANES + 3));
    x[2] = __builtin_shufflevector(high01, high23, IN_QUADS(0, 1, LANES, LANES + 1));
    x[3] = __builtin_shufflevector(high01, high23, IN_QUADS(2, 3, LANES + 2, LANES + 3));
}

// Elements (line, first + k) of rows that are lines.
INLINE void pack_rows_as(
    panel_order order, prefopt_elements elements, int width, prefopt_rows source, long lines, long first, long depth,
    prefopt_panels panels) {
    int is_rounded = elements == prefopt_bfloat16;
    for (long line = 0; line < lines; line += width) {
        char *panel = (char *)panels.base + line / width * panels.stride;
        if (order != in_order && first % 4 != 0) {
            for (int i = 0; i < width; ++i)
                for (long k = 0; k < depth; ++k)
                    put_one(
                        order, panel, first + k, width, i,
                        line + i < lines ? widen_one(&source, elements, line + i, k) : 0);
            fill_block(order, panel, first + depth, width);
            continue;
        }
        for (int chunk = 0; chunk < width; chunk += LANES) {
            int count = (int)least(LANES, width - chunk);
            long here = least(count, lines - line - chunk);
            char *target = panel + 4 * chunk;
            lanes x[4];
            if (here <= 0) {
                for (long k = 0; k < depth; k += 4) {
                    for (int i = 0; i < 4; ++i) x[i] = 0;
                    put(order, 1, target, first + k, width, count, x, least(4, depth - k));
                }
                continue;
            }
            // A line that isn't there reads the last one again.
            long row[LANES];
            for (int i = 0; i < LANES; ++i) row[i] = line + chunk + least(i, here - 1);
            const char *quads[LANES];
            float block[LANES * LANES];
            long k = 0;
            if (elements == prefopt_float32) {
                for (int i = 0; i < LANES; ++i) quads[i] = address(&source, elements, row[i], 0);
                // The next lines, where so many follow, are asked for meanwhile, one after the other.
                long next = line + chunk + LANES, ahead = 0;
                int has_next = next + LANES <= lines;
                for (; k + 4 <= depth; k += 4) {
                    if (has_next)
                        for (int i = 0; i < LANES / 4; ++i, ahead += 16) {
                            if (ahead >= depth) ahead = 0, ++next;
                            __builtin_prefetch(address(&source, elements, next, ahead), 0, 2);
                        }
                    turn(quads, x);
                    for (int i = 0; i < LANES; ++i) quads[i] += 16;
                    if (here < count)
                        for (int i = 0; i < 4; ++i) x[i] = first_lanes(x[i], here);
                    put(order, is_rounded, target, first + k, width, count, x, 4);
                }
            }
            while (k < depth) {
                long there = least(LANES, depth - k);
                for (int i = 0; i < LANES; ++i) {
                    if (there == LANES) {
                        store(block + LANES * i, widen(&source, elements, row[i], k));
                    } else {
                        for (long j = 0; j < there; ++j) block[LANES * i + j] = widen_one(&source, elements, row[i], k + j);
                    }
                    quads[i] = (const char *)(block + LANES * i);
                }
                for (long j = 0; j < there; j += 4) {
                    turn(quads, x);
                    for (int i = 0; i < LANES; ++i) quads[i] += 16;
                    if (here < count)
                        for (int i = 0; i < 4; ++i) x[i] = first_lanes(x[i], here);
                    put(order, is_rounded, target, first + k + j, width, count, x, least(4, there - j));
                }
                k += there;
            }
        }
        if (order != in_order) fill_block(order, panel, (first + depth + 3) / 4 * 4, width);
    }
}

// `count` lines of a row that is a depth, or those that there are; nothing is read past the last.
INLINE lanes widen_lines(
    const prefopt_rows *source, prefopt_elements elements, long row, long line, long lines, int count) {
    if (line + LANES <= lines) return widen(source, elements, row, line);
    float present[LANES] = {0};
    if (elements == prefopt_float32 && line + count <= lines) {
        const char *from = address(source, elements, row, line);
        for (int i = 0; i + 4 <= count; i += 4)
            *(quad_anywhere *)(present + i) = *(const quad_anywhere *)(from + 4 * i);
        for (int i = count & ~3; i < count; ++i) present[i] = widen_one(source, elements, row, line + i);
    } else {
        for (long i = 0; i < count && line + i < lines; ++i)
            present[i] = widen_one(source, elements, row, line + i);
    }
    return load(present);
}

// Rows between a row's prefetch and its use.
#define AHEAD 12

// Elements (line, first + k) of rows that are depths.
INLINE void pack_columns_as(
    panel_order order, prefopt_elements elements, int width, prefopt_rows source, long lines, long first, long depth,
    prefopt_panels panels) {
    int is_rounded = elements == prefopt_bfloat16;
    if (order != in_order && first % 4 != 0) {
        for (long line = 0; line < lines; line += width) {
            char *panel = (char *)panels.base + line / width * panels.stride;
            for (long k = 0; k < depth; ++k)
                for (int i = 0; i < width; ++i)
                    put_one(
                        order, panel, first + k, width, i,
                        line + i < lines ? widen_one(&source, elements, k, line + i) : 0);
            fill_block(order, panel, first + depth, width);
        }
        return;
    }
    // One depth after the other, since a row of all lines is what the memory delivers.
    for (long k = 0; k < depth; k += 4) {
        long n = least(4, depth - k);
        // Those that come later are asked for in even steps: of many at once a core drops some.
        long later = least(k + AHEAD, depth > 4 ? depth - 4 : 0);
        char *panel = panels.base;
        for (long line = 0; line < lines; line += width) {
            // Once for each line of the cache that the panels come to.
            if (line * bytes_of(elements) % 64 < width * bytes_of(elements))
                for (int i = 0; i < 4; ++i) __builtin_prefetch(address(&source, elements, later + i, line), 0, 3);
            for (int chunk = 0; chunk < width; chunk += LANES) {
                int count = (int)least(LANES, width - chunk);
                lanes x[4];
                for (long i = 0; i < 4; ++i)
                    x[i] = i < n ? widen_lines(&source, elements, k + i, line + chunk, lines, count) : (lanes)0;
                put(order, is_rounded, panel + 4 * chunk, first + k, width, count, x, n);
            }
            panel += panels.stride;
        }
    }
    if (order == in_order) return;
    for (long line = 0; line < lines; line += width)
        fill_block(order, (char *)panels.base + line / width * panels.stride, (first + depth + 3) / 4 * 4, width);
}

// The same for any elements, into panels as high as a tile of `height` rows or as wide as one of COLUMNS.
#define PACK(pack, elements) \
    case elements: \
        if (panels.width == height) pack(order, elements, height, source, lines, first, depth, panels); \
        else pack(order, elements, COLUMNS, source, lines, first, depth, panels); \
        break;
#define PACK_ANY(pack) \
    switch (source.elements) { \
        PACK(pack, prefopt_float32) \
        PACK(pack, prefopt_bfloat16) \
        PACK(pack, prefopt_float16) \
        PACK(pack, prefopt_int8) \
    }

INLINE void pack_rows_in(
    panel_order order, int height, prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    PACK_ANY(pack_rows_as)
}

INLINE void pack_columns_in(
    panel_order order, int height, prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    PACK_ANY(pack_columns_as)
}

#undef PACK_ANY
#undef PACK
