// Products of few rows with lines that were packed before: COLUMNS lines of W side by side, depth after depth, as the memory
// delivers them. Nothing is turned in registers, and what comes next is asked for by the CPU itself.
//
// An element of y is one chain of fused multiply-adds for each part of the depth: the bits are those of all other products.

// Rows whose sums stay in registers beside a panel's elements; with two panels at a time, which are two streams of memory.
#define ROWS_OF_ONE_PANEL 6
#define ROWS_OF_TWO_PANELS 2

// y [rows, panels · COLUMNS] = x [rows, depth] wᵀ, or += …, for a constant number of rows and of panels.
INLINE void multiply_panels(
    prefopt_elements elements, int rows, int panels, const float *x, long x_stride, const char *w, long panel_bytes,
    long depth, float *y, long y_stride, int adding) {
    lanes sum[ROWS_OF_ONE_PANEL][2][2];
    _Pragma("clang loop unroll(full)") for (int row = 0; row < rows; ++row)
        _Pragma("clang loop unroll(full)") for (int panel = 0; panel < panels; ++panel)
            sum[row][panel][0] = sum[row][panel][1] = 0;
    const long bytes = COLUMNS * bytes_of(elements);
    _Pragma("clang loop unroll_count(4)") for (long k = 0; k < depth; ++k) {
        lanes column[2][2];
        _Pragma("clang loop unroll(full)") for (int panel = 0; panel < panels; ++panel) {
            prefopt_rows depths = {w + panel * panel_bytes + k * bytes, 0, 0, elements};
            column[panel][0] = widen(&depths, elements, 0, 0);
            column[panel][1] = widen(&depths, elements, 0, LANES);
        }
        _Pragma("clang loop unroll(full)") for (int row = 0; row < rows; ++row) {
            lanes factor = x[row * x_stride + k];
            _Pragma("clang loop unroll(full)") for (int panel = 0; panel < panels; ++panel)
                _Pragma("clang loop unroll(full)") for (int half = 0; half < 2; ++half) sum[row][panel][half] =
                    fma_lanes(factor, column[panel][half], sum[row][panel][half]);
        }
    }
    _Pragma("clang loop unroll(full)") for (int row = 0; row < rows; ++row)
        _Pragma("clang loop unroll(full)") for (int panel = 0; panel < panels; ++panel)
            _Pragma("clang loop unroll(full)") for (int half = 0; half < 2; ++half) {
                float *target = y + row * y_stride + panel * COLUMNS + half * LANES;
                lanes value = sum[row][panel][half];
                store(target, adding ? value + load(target) : value);
            }
}

#define MULTIPLY_PANELS(elements, count) \
    case count: multiply_panels(elements, count, 1, x, x_stride, w, panel_bytes, depth, y, y_stride, adding); break;
#define MULTIPLY_PACKED_ROWS(name, elements) \
    static __attribute__((noinline)) void name( \
        const float *x, long x_stride, long rows, const char *w, long panel_bytes, int panels, long depth, float *y, \
        long y_stride, int adding) { \
        if (panels == 2 && rows == 1) \
            return multiply_panels(elements, 1, 2, x, x_stride, w, panel_bytes, depth, y, y_stride, adding); \
        if (panels == 2 && rows == ROWS_OF_TWO_PANELS) \
            return multiply_panels( \
                elements, ROWS_OF_TWO_PANELS, 2, x, x_stride, w, panel_bytes, depth, y, y_stride, adding); \
        for (int panel = 0; panel < panels; ++panel, w += panel_bytes, y += COLUMNS) { \
            const float *all_x = x; \
            float *all_y = y; \
            for (long left = rows; left > 0; left -= ROWS_OF_ONE_PANEL) { \
                switch (least(left, ROWS_OF_ONE_PANEL)) { \
                    MULTIPLY_PANELS(elements, 1) \
                    MULTIPLY_PANELS(elements, 2) \
                    MULTIPLY_PANELS(elements, 3) \
                    MULTIPLY_PANELS(elements, 4) \
                    MULTIPLY_PANELS(elements, 5) \
                    MULTIPLY_PANELS(elements, 6) \
                } \
                x += ROWS_OF_ONE_PANEL * x_stride; \
                y += ROWS_OF_ONE_PANEL * y_stride; \
            } \
            x = all_x; \
            y = all_y; \
        } \
    }

MULTIPLY_PACKED_ROWS(multiply_packed_float32, prefopt_float32)
MULTIPLY_PACKED_ROWS(multiply_packed_bfloat16, prefopt_bfloat16)
MULTIPLY_PACKED_ROWS(multiply_packed_float16, prefopt_float16)

static void multiply_packed(
    const float *x, long x_stride, long rows, prefopt_packed_lines w, int panels, long depth, float *y, long y_stride,
    int adding) {
    switch (w.elements) {
    case prefopt_float32:
        return multiply_packed_float32(x, x_stride, rows, w.base, w.panel_bytes, panels, depth, y, y_stride, adding);
    case prefopt_bfloat16:
        return multiply_packed_bfloat16(x, x_stride, rows, w.base, w.panel_bytes, panels, depth, y, y_stride, adding);
    case prefopt_float16:
        return multiply_packed_float16(x, x_stride, rows, w.base, w.panel_bytes, panels, depth, y, y_stride, adding);
    // They have a factor for each line, and aren't packed.
    case prefopt_int8: __builtin_trap();
    }
}
