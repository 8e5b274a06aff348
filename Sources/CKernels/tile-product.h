// bfloat16 products by tiles, as AMX has them: eight registers of 16 rows × 64 bytes. The file that includes this defines the
// verbs on them, for n, a, b, c from 0 to 7: TILES_BEGIN, TILE_ZERO(n), TILE_LOAD(n, from, stride), TILE_MULTIPLY(c, a, b),
// TILE_STORE(n, to, stride), TILES_END; strides are in bytes.
//
// Of 32 × 32 elements of C tiles 4 to 7 hold the quarters; 0 and 1 are rows of A, 16 × 32 bfloat16; 2 and 3 columns of B, as 16
// rows of pairs of depths × 16 columns.

#define TILE 16
#define SIDE (2 * TILE)
// Elements of a tile of A or B.
#define TILE_ELEMENTS (TILE * BLOCK)
// Bytes of a tile's row.
#define TILE_ROW 64

typedef unsigned short narrow __attribute__((ext_vector_type(LANES)));
typedef unsigned short narrow_anywhere __attribute__((ext_vector_type(LANES), aligned(2)));

// Where the block of a depth, and in it the tile of a line, begin in a panel.
INLINE unsigned short *tile_of(char *panel, long line, long d) {
    return (unsigned short *)panel + (d / BLOCK * 2 + line / TILE) * TILE_ELEMENTS;
}

// A's tiles keep a line's depths side by side, B's the two depths of a pair.
INLINE long place_in_tile(int is_a, long line, long d) {
    long l = line % TILE, k = d % BLOCK;
    return is_a ? l * BLOCK + k : k / 2 * 2 * TILE + 2 * l + k % 2;
}

INLINE void put_in_tile(int is_a, char *panel, long line, long d, float x) {
    tile_of(panel, line, d)[place_in_tile(is_a, line, d)] = (unsigned short)round_one(x);
}

// The pairs of a line's 32 depths.
INLINE lanes pairs_of_row(const prefopt_rows *source, prefopt_elements elements, long row, long k, long there) {
    unsigned short pairs[BLOCK] = {0};
    if (there >= BLOCK) {
        for (int half = 0; half < 2; ++half) {
            lanes x = widen(source, elements, row, k + half * LANES);
            *(narrow_anywhere *)(pairs + half * LANES) = __builtin_convertvector(round_bits(x) >> 16, narrow);
        }
    } else {
        for (long i = 0; i < there; ++i) pairs[i] = (unsigned short)round_one(widen_one(source, elements, row, k + i));
    }
    return load((const float *)pairs);
}

// Stores sixteen vectors of sixteen pairs as a tile, each as a row, or turned, as a column.
INLINE void put_tile(int turned, unsigned short *tile, const float *pairs) {
    if (!turned) {
        for (int i = 0; i < TILE; ++i) store((float *)tile + TILE * i, load(pairs + TILE * i));
        return;
    }
    const char *rows[LANES];
    for (int i = 0; i < LANES; ++i) rows[i] = (const char *)(pairs + TILE * i);
    for (int j = 0; j < TILE; j += 4) {
        lanes x[4];
        turn(rows, x);
        for (int i = 0; i < 4; ++i) store((float *)tile + TILE * (j + i), x[i]);
        for (int i = 0; i < LANES; ++i) rows[i] += 16;
    }
}

// Depths that begin inside a pair's or a block's middle, as those of an adapter do after an odd number of others.
INLINE void pack_slowly(
    int is_a, int lines_are_rows, prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    for (long line = 0; line < (lines + SIDE - 1) / SIDE * SIDE; ++line) {
        char *panel = (char *)panels.base + line / SIDE * panels.stride;
        for (long k = 0; k < depth; ++k) {
            float x = 0;
            if (line < lines)
                x = lines_are_rows ? widen_one(&source, source.elements, line, k) : widen_one(&source, source.elements, k, line);
            put_in_tile(is_a, panel, line % SIDE, first + k, x);
        }
        for (long d = first + depth; d % BLOCK != 0; ++d) put_in_tile(is_a, panel, line % SIDE, d, 0);
    }
}

INLINE void pack_tile_rows_as(
    int is_a, prefopt_elements elements, prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    for (long line = 0; line < (lines + SIDE - 1) / SIDE * SIDE; line += TILE) {
        char *panel = (char *)panels.base + line / SIDE * panels.stride;
        for (long k = 0; k < depth; k += BLOCK) {
            float pairs[TILE * TILE];
            for (int i = 0; i < TILE; ++i)
                store(
                    pairs + TILE * i,
                    line + i < lines ? pairs_of_row(&source, elements, line + i, k, depth - k) : (lanes)0);
            put_tile(!is_a, tile_of(panel, line % SIDE, first + k), pairs);
        }
    }
}

INLINE void pack_tile_columns_as(
    int is_a, prefopt_elements elements, prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    for (long k = 0; k < depth; k += BLOCK)
        for (long line = 0; line < (lines + SIDE - 1) / SIDE * SIDE; line += TILE) {
            float pairs[TILE * TILE];
            for (int i = 0; i < TILE; ++i) {
                lane_bits bits[2];
                for (int j = 0; j < 2; ++j) {
                    long row = k + 2 * i + j;
                    bits[j] = 0;
                    if (row < depth && line < lines) bits[j] = round_bits(widen_lines(&source, elements, row, line, lines, TILE));
                }
                store(pairs + TILE * i, (lanes)((bits[0] >> 16) | (bits[1] & 0xFFFF0000)));
            }
            put_tile(is_a, tile_of((char *)panels.base + line / SIDE * panels.stride, line % SIDE, first + k), pairs);
        }
}

#define EACH_ELEMENTS(elements, CALL) \
    switch (elements) { \
    case prefopt_float32: CALL(prefopt_float32); break; \
    case prefopt_bfloat16: CALL(prefopt_bfloat16); break; \
    case prefopt_float16: CALL(prefopt_float16); break; \
    case prefopt_int8: CALL(prefopt_int8); break; \
    }

// Both panels are SIDE lines wide, so the caller says whose they are.
INLINE void pack_tile_rows(
    int is_a, prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    if (first % BLOCK != 0) return pack_slowly(is_a, 1, source, lines, first, depth, panels);
#define CALL(elements) pack_tile_rows_as(is_a, elements, source, lines, first, depth, panels)
    EACH_ELEMENTS(source.elements, CALL)
#undef CALL
}

INLINE void pack_tile_columns(
    int is_a, prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    if (first % BLOCK != 0) return pack_slowly(is_a, 0, source, lines, first, depth, panels);
#define CALL(elements) pack_tile_columns_as(is_a, elements, source, lines, first, depth, panels)
    EACH_ELEMENTS(source.elements, CALL)
#undef CALL
}

static void pack_rows_of_tiles(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    if (panels.side == prefopt_side_a) pack_tile_rows(1, source, lines, first, depth, panels);
    else pack_tile_rows(0, source, lines, first, depth, panels);
}

static void pack_columns_of_tiles(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels) {
    if (panels.side == prefopt_side_a) pack_tile_columns(1, source, lines, first, depth, panels);
    else pack_tile_columns(0, source, lines, first, depth, panels);
}

static void multiply_tiles(
    prefopt_panels a, prefopt_panels b, long depth, long height, long width, float *c, long stride, int adding) {
    float edge[SIDE * SIDE];
    long blocks = (depth + BLOCK - 1) / BLOCK;
    TILES_BEGIN
    for (long first = 0; first < height; first += ROWS_AT_ONCE)
        for (long column = 0; column < width; column += SIDE)
            for (long row = first; row < least(height, first + ROWS_AT_ONCE); row += SIDE) {
                const unsigned short *left = (const unsigned short *)((const char *)a.base + row / SIDE * a.stride);
                const unsigned short *right = (const unsigned short *)((const char *)b.base + column / SIDE * b.stride);
                float *target = c + row * stride + column;
                long rows = least(SIDE, height - row), columns = least(SIDE, width - column);
                int is_whole = rows == SIDE && columns == SIDE;
                float *into = is_whole ? target : edge;
                long bytes = 4 * (is_whole ? stride : SIDE);
                if (!is_whole)
                    for (long i = 0; i < SIDE; ++i)
                        for (long j = 0; j < SIDE; ++j)
                            edge[SIDE * i + j] = adding && i < rows && j < columns ? target[i * stride + j] : 0;
                float *low = (float *)((char *)into + TILE * bytes);
                if (adding) {
                    TILE_LOAD(4, into, bytes)
                    TILE_LOAD(5, into + TILE, bytes)
                    TILE_LOAD(6, low, bytes)
                    TILE_LOAD(7, low + TILE, bytes)
                } else {
                    TILE_ZERO(4)
                    TILE_ZERO(5)
                    TILE_ZERO(6)
                    TILE_ZERO(7)
                }
                for (long block = 0; block < blocks; ++block) {
                    TILE_LOAD(0, left, TILE_ROW)
                    TILE_LOAD(1, left + TILE_ELEMENTS, TILE_ROW)
                    TILE_LOAD(2, right, TILE_ROW)
                    TILE_LOAD(3, right + TILE_ELEMENTS, TILE_ROW)
                    TILE_MULTIPLY(4, 0, 2)
                    TILE_MULTIPLY(5, 0, 3)
                    TILE_MULTIPLY(6, 1, 2)
                    TILE_MULTIPLY(7, 1, 3)
                    left += 2 * TILE_ELEMENTS;
                    right += 2 * TILE_ELEMENTS;
                }
                TILE_STORE(4, into, bytes)
                TILE_STORE(5, into + TILE, bytes)
                TILE_STORE(6, low, bytes)
                TILE_STORE(7, low + TILE, bytes)
                if (!is_whole)
                    for (long i = 0; i < rows; ++i)
                        for (long j = 0; j < columns; ++j) target[i * stride + j] = edge[SIDE * i + j];
            }
    TILES_END
}
