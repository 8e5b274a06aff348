// The hot kernels, once for each level of the CPU: one source, compiled for vectors of eight floats (x86-64-v3: AVX2 and FMA)
// and of sixteen (x86-64-v4: AVX-512). Every function gives the same bits at every level.
#ifndef CKERNELS_H
#define CKERNELS_H

#pragma clang assume_nonnull begin

// How the elements of a matrix are kept in memory.
typedef enum {
    prefopt_float32,
    prefopt_bfloat16,
    prefopt_float16,
    // Signed bytes, with a float32 factor for each row.
    prefopt_int8,
} prefopt_elements;

// Rows of stored elements, at any address.
typedef struct {
    const void *base;
    // The first row's factor, of int8.
    const void *_Nullable factors;
    // Elements from one row to the next.
    long stride;
    prefopt_elements elements;
} prefopt_rows;

// Where memory lies that is read next, and after that; null: nowhere.
typedef struct {
    const void *_Nullable next;
    const void *_Nullable later;
} prefopt_ahead;

// Whose lines panels hold, where that makes a difference.
typedef enum { prefopt_side_a, prefopt_side_b } prefopt_side;

// Packed lines of one side of a product: panels of `width` lines, a panel's elements of equal depth side by side.
typedef struct {
    void *base;
    // Bytes from one panel to the next.
    long stride;
    int width;
    prefopt_side side;
} prefopt_panels;

// Lines of W that were packed before: panels of as many lines as float32.columns, the stored elements of a depth side by
// side. Int8 is never packed so.
typedef struct {
    // The first panel's elements of the first depth.
    const void *base;
    long panel_bytes;
    prefopt_elements elements;
} prefopt_packed_lines;

// How products of one arithmetic are computed at a level.
typedef struct {
    // Of the inner kernel's tile: the widths of the panels of A and of B.
    int rows, columns;
    // Depths are packed in blocks of so many; the last one is filled up with zeros.
    int block;
    // Bytes of a packed element.
    int element_bytes;

    // Packs elements (line, first…first + depth) of operands whose rows are lines, …
    void (*pack_rows)(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels);
    // … or depths. Lines that the last panel lacks, and depths to the end of the last block, become zeros.
    void (*pack_columns)(prefopt_rows source, long lines, long first, long depth, prefopt_panels panels);
    // C [height, width] = A B, or += A B.
    void (*multiply)(
        prefopt_panels a, prefopt_panels b, long depth, long height, long width, float *c, long stride, int adding);
} prefopt_product;

// The pointwise functions between a feed-forward network's projections. `nonlinear` in functions.h says what each computes.
#define PREFOPT_NONLINEARITIES(entry) entry(prefopt_silu) entry(prefopt_gelu) entry(prefopt_gelu_tanh) entry(prefopt_relu)
#define PREFOPT_LISTED(name) name,
typedef enum { PREFOPT_NONLINEARITIES(PREFOPT_LISTED) } prefopt_nonlinearity;

// The functions of a level.
typedef struct {
    prefopt_product float32;
    prefopt_product bfloat16;

    // float32.multiply for rows of A that are read where they lie: element (i, k) at i · row_stride + k · depth_stride. At most
    // prefopt_longest_depth depths.
    void (*multiply_strided)(
        const float *a, long row_stride, long depth_stride, prefopt_panels b, long depth, long height, long width,
        float *c, long stride, int adding);

    // y [rows, prefopt_few_lines] = x [rows, depth] wᵀ, or += …, for so many stored lines of W from the depth `first` on, which
    // are read where they lie: worth it for few rows. Meanwhile memory is asked for, in each place as much as these take.
    void (*multiply_few)(
        const float *x, long x_stride, long rows, prefopt_rows w, long first, long depth, prefopt_ahead ahead, float *y,
        long y_stride, int adding);

    // The same for lines that were packed before: for one panel of them, or for two at a time.
    void (*multiply_packed)(
        const float *x, long x_stride, long rows, prefopt_packed_lines w, int panels, long depth, float *y,
        long y_stride, int adding);

    // y = f(x), or f(x) ∘ up
    void (*activate)(prefopt_nonlinearity f, const float *x, const float *_Nullable up, float *y, long count);
    // In place: y, which holds dy, becomes f(x) (∘ up), up its derivative dy · f(x), and x the derivative dy (· up) · f′(x).
    void (*differentiate)(prefopt_nonlinearity f, float *x, float *_Nullable up, float *y, long count);

    // max over a row; NaNs are passed over.
    float (*largest)(const float *x, long count);
    // x = e^(x · factor − peak); returns the sum.
    float (*exponentiate)(float *x, long count, float factor, float peak);
    // From raw scores p and the derivatives d by probabilities: p = e^(p · factor − normalizer), d = p (d − projection) · scale
    // · (1 − (p · factor · share)²), share being 1 / c where a cap c bounded the scores, else 0.
    void (*differentiate_scores)(
        float *p, float *d, long count, float factor, float scale, float share, float normalizer, float projection);
    // x = cap · tanh(x · share)
    void (*limit)(float *x, long count, float share, float cap);
    // Σ e^(x − peak), added up in double precision.
    double (*sum_exponentials)(const float *x, long count, float peak);
    // x = factor · e^(x − normalizer)
    void (*differentiate_logits)(float *x, long count, float normalizer, float factor);
    // x = factor · e^(x − normalizer) · (1 − (x · share)²)
    void (*differentiate_capped_logits)(float *x, long count, float normalizer, float factor, float share);

    // A chain of multiply-adds in every lane of enough registers, `rounds` long, begun at *result; returns the floating-point
    // operations done, and in *result a number that depends on all of them.
    double (*multiply_add)(long rounds, float *result);
} prefopt_kernels;

// Lines of W that multiply_few works at together.
#define prefopt_few_lines 16

// The longest depth that multiply_strided takes.
#define prefopt_longest_depth 384

extern const prefopt_kernels prefopt_kernels_v3;
extern const prefopt_kernels prefopt_kernels_v4;
// AVX512_BF16's way of bfloat16 products.
extern const prefopt_product prefopt_bfloat16_pairs;
// AMX's way, and its twin in C: what Intel's manual says of the instructions, for any CPU.
extern const prefopt_product prefopt_bfloat16_tiles;
extern const prefopt_product prefopt_bfloat16_twin;

// The same, where Swift can take their addresses: those of x86-64-v3 (3) or x86-64-v4 (4).
const prefopt_kernels *prefopt_kernels_of(int level);
const prefopt_product *prefopt_bfloat16_by_pairs(void);
const prefopt_product *prefopt_bfloat16_by_tiles(void);
const prefopt_product *prefopt_bfloat16_by_twin(void);

// Whether this CPU and its system run what was compiled for x86-64-v3 (3) or x86-64-v4 (4).
int prefopt_has_level(int level);
// Whether the CPU has AMX's tiles of bfloat16, and the system lets this process use them: asked before threads start.
int prefopt_has_tiles(void);
// Whether the CPU has AVX512_BF16.
int prefopt_has_bfloat16_pairs(void);

#pragma clang assume_nonnull end
#endif
