/* math/float_lanes.h - products with float weights (rule 5) over lanes_*.h; after attend_lanes.h. Included once by each kernel
 * file. Blocks of 32 columns have chains of their own, so for few tokens several blocks run side by side; their sums are
 * added in ascending order all the same. */
enum { LINE_VECTORS = 16 / LANES }; /* vectors that hold the 16 rows */

ALWAYS_INLINE vf float_weights(enum weight_kernel kind, const uint8_t *line, unsigned part) {
    const uint8_t *p = line + part * LANES * (kind == WK_F32 ? 4 : 2);
    return kind == WK_F32 ? vf_from_f32(p) : kind == WK_F16 ? vf_from_f16(p) : vf_from_bf16(p);
}

/* `blocks` blocks of `len` columns from k0 on, for the rows of vector `part` and the next `parts` - 1. Their lines start at
 * `line` and are `step` lines apart, the blocks' one beside the other (float_line in packed.h). */
ALWAYS_INLINE void float_blocks(enum weight_kernel kind, unsigned w, unsigned part, unsigned parts, unsigned blocks,
                                const uint8_t *line, uint32_t step, const float *x, uint32_t len,
                                vf acc[LINE_VECTORS][WIDTH_MAX]) {
    const size_t bytes = kind == WK_F32 ? 64 : 32;
    vf p[TOGETHER_MAX][LINE_VECTORS][WIDTH_MAX];
    EACH(b, blocks)
    EACH(h, parts)
    EACH(t, w) p[b][h][t] = vf_zero();
    for (uint32_t i = 0; i < len; i++, line += step * bytes, x += w) EACH(b, blocks)
    EACH(h, parts) {
        vf wk = float_weights(kind, line + b * bytes, part + h);
        EACH(t, w) p[b][h][t] = vf_fma(wk, vf_set1(x[(size_t)32 * b * w + t]), p[b][h][t]);
    }
    EACH(b, blocks)
    EACH(h, parts)
    EACH(t, w) acc[h][t] = vf_add(acc[h][t], p[b][h][t]);
}

ALWAYS_INLINE void float_width(unsigned w, enum weight_kernel kind, const uint8_t *group, uint32_t cols, const float *x,
                               float *out) {
    const size_t bytes = kind == WK_F32 ? 64 : 32; /* of a line */
    const unsigned parts = w <= 3 ? LINE_VECTORS : 1, blocks = together(w) / parts;
    for (unsigned part = 0; part < LINE_VECTORS; part += parts) {
        vf acc[LINE_VECTORS][WIDTH_MAX];
        uint32_t k = 0;
        EACH(h, parts)
        EACH(t, w) acc[h][t] = vf_zero();
        for (; k + 32 * blocks <= (cols & ~127u); k += 32 * blocks)
            float_blocks(kind, w, part, parts, blocks, group + float_line(k, cols) * bytes, 4, x + (size_t)k * w, 32, acc);
        for (; k < cols; k += 32)
            float_blocks(kind, w, part, parts, 1, group + k * bytes, 1, x + (size_t)k * w, cols - k < 32 ? cols - k : 32, acc);
        EACH(h, parts)
        EACH(t, w) vf_store(out + 16 * t + (part + h) * LANES, acc[h][t]);
    }
}

static void lanes_tile_f32(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    const float *x = (const float *)(const void *)panel;
    FOR_WIDTH(width, float_width, WK_F32, group, cols, x, out)
}
static void lanes_tile_f16(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    const float *x = (const float *)(const void *)panel;
    FOR_WIDTH(width, float_width, WK_F16, group, cols, x, out)
}
static void lanes_tile_bf16(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    const float *x = (const float *)(const void *)panel;
    FOR_WIDTH(width, float_width, WK_BF16, group, cols, x, out)
}

/* The rows of a kernel table that come from *_lanes.h */
#define LANES_TABLE                                                                                                           \
    .sum64 = lanes_sum64, .sum64_squares = lanes_sum64_squares, .norm = lanes_norm, .add = lanes_add, .scale = lanes_scale,   \
    .exp = lanes_exp_all, .swiglu = lanes_swiglu, .geglu = lanes_geglu, .softcap = lanes_softcap_all, .finite = lanes_finite, \
    .rope_half = lanes_rope_half, .rope_next = lanes_rope_next, .to_f16 = lanes_to_f16, .scores = lanes_scores,               \
    .softmax = lanes_softmax, .values = lanes_values, .values_q8 = lanes_values_q8, .merge = lanes_merge, .divide = lanes_divide
