/* Products: every kernel against a transcription of rules 2 to 5 that reads the file's own blocks, on odd shapes. */
#include "tests/check.h"

#include <math.h>

#include "base/err.h"
#include "math/float_bits.h"
#include "math/matrix.h"
#include "tests/unit/math/block_ref.h"
#include "tests/unit/math/math_util.h"

static const uint32_t ids[] = {WEIGHT_F32,  WEIGHT_F16,  WEIGHT_BF16, WEIGHT_Q8_0,   WEIGHT_Q4_0,  WEIGHT_Q6_K,
                               WEIGHT_Q4_1, WEIGHT_Q5_0, WEIGHT_Q5_1, WEIGHT_IQ4_NL, WEIGHT_MXFP4, WEIGHT_Q2_K,
                               WEIGHT_Q3_K, WEIGHT_Q4_K, WEIGHT_Q5_K, WEIGHT_IQ4_XS};
enum { IDS = sizeof ids / sizeof *ids, FLOATS = 3 };

static float float_dot_ref(const struct weight_type *t, const uint8_t *row, uint32_t cols, const float *x) {
    float acc = 0.0f;
    for (uint32_t k0 = 0; k0 < cols; k0 += 32) {
        float p = 0.0f;
        for (uint32_t k = k0; k < k0 + 32 && k < cols; k++) {
            float w;
            uint16_t h;
            memcpy(&h, row + 2 * k, 2);
            if (t->id == WEIGHT_F32)
                memcpy(&w, row + 4 * k, 4);
            else
                w = t->id == WEIGHT_F16 ? f16_to_f32(h) : f32_from_bits((uint32_t)h << 16);
            p = fmaf(w, x[k], p);
        }
        acc = acc + p;
    }
    return acc;
}

static int64_t largest_sum; /* of integers, in problem_solve */

static float dot_ref(const struct weight_type *t, const uint8_t *row, uint32_t cols, const float *x) {
    return t->act == ACT_F32 ? float_dot_ref(t, row, cols, x) : ref_dot(t, row, cols, x, &largest_sum);
}

struct problem {
    struct matrix m;
    struct acts a;
    uint8_t *rows, bad[64];
    float *x, *y, *want, *bias;
    size_t stride;
};
static void problem_free(struct problem *p) {
    free(p->rows), free(p->x), free(p->y), free(p->want), free(p->bias), free(p->m.data), free(p->a.data);
}
static void problem_new(struct problem *p, uint32_t id, uint32_t rows, uint32_t cols, uint32_t tokens, struct rng *r) {
    const struct weight_type *t = weight_type_of(id);
    memset(p, 0, sizeof *p);
    CHECK_INT(matrix_shape(&p->m, t, rows, cols), 0);
    CHECK_INT(p->m.group_bytes % 64, 0);
    p->rows = malloc(rows * weight_row_bytes(t, cols));
    rng_rows(r, p->rows, (size_t)rows * cols / t->block_len, t->block_bytes, id);
    p->m.data = aligned(matrix_bytes(&p->m));
    CHECK_INT(matrix_pack(&p->m, 0, p->m.groups, p->rows), 0);
    p->x = malloc((size_t)cols * tokens * sizeof(float));
    rng_fill(r, p->x, (size_t)cols * tokens, 3.0f);
    p->bias = malloc(rows * sizeof(float));
    rng_fill(r, p->bias, rows, 1.0f);
    p->stride = rows + 3;
    p->y = malloc(tokens * p->stride * sizeof(float));
    p->want = malloc(tokens * p->stride * sizeof(float));
    memset(p->want, 0x77, tokens * p->stride * sizeof(float));
    acts_init(&p->a, t->act, cols, tokens, aligned(acts_bytes(t->act, cols, tokens)));
}
static void problem_solve(struct problem *p) { /* by transcription */
    const struct weight_type *t = p->m.type;
    for (uint32_t i = 0; i < p->a.count; i++)
        for (uint32_t r = 0; r < p->m.rows; r++)
            p->want[i * p->stride + r] =
                dot_ref(t, p->rows + r * weight_row_bytes(t, p->m.cols), p->m.cols, p->x + (size_t)i * p->m.cols) + p->bias[r];
}
static void problem_run(struct problem *p, const struct kern *k) {
    memset(p->y, 0x77, p->a.count * p->stride * sizeof(float));
    acts_fill(k, &p->a, 0, p->a.count, p->x, p->m.cols, p->bad);
    uint32_t half = p->m.groups / 2;
    matrix_mul(k, &p->m, half, p->m.groups, &p->a, p->bias, p->y, p->stride);
    matrix_mul(k, &p->m, 0, half, &p->a, p->bias, p->y, p->stride);
}
static size_t problem_bytes(const struct problem *p) { return p->a.count * p->stride * sizeof(float); }

TEST(every_kernel_equals_the_rules_on_odd_shapes) {
    static const uint32_t tokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 25, 64}, rows[] = {1, 16, 17, 37};
    struct rng r = {1};
    for (uint32_t i = 0; i < IDS; i++) {
        uint32_t block = weight_type_of(ids[i])->block_len;
        for (uint32_t n = 0; n < sizeof tokens / sizeof *tokens; n++) {
            struct problem p;
            uint32_t cols = block == 1 ? (uint32_t[]){1, 31, 32, 33, 172, 300}[n % 6] : block * (1 + n % 5);
            problem_new(&p, ids[i], rows[n % 4], cols, tokens[n], &r);
            problem_solve(&p);
            for (unsigned k = 0; kern_nth(k) != NULL; k++) {
                problem_run(&p, kern_nth(k));
                CHECK_MEM(p.y, p.want, problem_bytes(&p));
            }
            for (uint32_t t = 0; t < tokens[n]; t++) CHECK_INT(p.bad[t], 0);
            problem_free(&p);
        }
    }
}

/* The test above runs what runs here; these say which of the architecture's kernels that left out. */
static void was_among_them(const char *name) {
    const struct kern *k;
    if (kern_select(&k, name, NULL) != 0) SKIP("this processor does not have it");
    CHECK_STR(kern_name(k), name);
}
#if defined(__x86_64__)
TEST(avx2_was_among_them) { was_among_them("avx2"); }
TEST(avxvnni_was_among_them) { was_among_them("avxvnni"); }
TEST(avx512vnni_was_among_them) { was_among_them("avx512vnni"); }
#define AMONG_THEM T(avx2_was_among_them), T(avxvnni_was_among_them), T(avx512vnni_was_among_them),
#elif defined(__aarch64__)
TEST(neon_was_among_them) { was_among_them("neon"); }
TEST(neoni8mm_was_among_them) { was_among_them("neoni8mm"); }
#define AMONG_THEM T(neon_was_among_them), T(neoni8mm_was_among_them),
#else
#define AMONG_THEM
#endif

TEST(results_are_the_same_under_every_compiler_and_option) {
    static const uint64_t want[IDS] = {0x2ea2e16b0b757407, 0x63f10d20149b04ca, 0xb264b725761f4523, 0x97a6ed6efb25ffd1,
                                       0x9234d8611a21cca9, 0xe4dd07447eb66de3, 0x8d7c411355231785, 0x7bb8f067dd953c56,
                                       0x43d370ee9a2b880b, 0x8439b770bc8d7b17, 0xb97966fed0bd1a5d, 0x65d446ae1b5c46bb,
                                       0x1132d41f9887e729, 0x04973156724cefd8, 0x9e0d5ce8d812fec0, 0x2cd55edd106a418a};
    int wrong = 0;
    for (uint32_t i = 0; i < IDS; i++) {
        struct rng r = {100 + i};
        struct problem p;
        problem_new(&p, ids[i], 40, 512, 14, &r);
        for (unsigned k = 0; kern_nth(k) != NULL; k++) {
            problem_run(&p, kern_nth(k));
            uint64_t h = digest(p.y, problem_bytes(&p), 0);
            if (h != want[i])
                printf("# %s %s: digest 0x%016llx\n", p.m.type->name, kern_name(kern_nth(k)), (unsigned long long)h);
            wrong += h != want[i];
        }
        problem_free(&p);
    }
    CHECK_INT(wrong, 0);
}

/* A block whose codes, scales and minimums are all at one end: bytes of 0xff, 0x80, 0x7f or 0, the fp16 scales large. */
static void extreme_block(uint32_t id, uint8_t *q, uint32_t bytes, int kind) {
    static const uint8_t fill[] = {0xff, 0x00, 0x80, 0x7f};
    memset(q, fill[kind % 4], bytes);
    if (id == WEIGHT_Q6_K) memset(q + 192, kind & 4 ? 0x80 : 0x7f, 16);
    if (id == WEIGHT_IQ4_XS) memset(q + 2, kind & 4 ? 0x00 : 0xff, 6);
    if (id == WEIGHT_Q3_K) memset(q + 96, kind & 4 ? 0x00 : 0xff, 12);
    if (id == WEIGHT_Q2_K) memset(q, 0xff, 16);
    if (id == WEIGHT_Q4_K || id == WEIGHT_Q5_K) memset(q + 4, 0xff, 12);
    const uint16_t d = kind & 1 ? 0xfbff : 0x7bff; /* -65504, 65504 */
    if (ref_d_at(id) >= 0) memcpy(q + ref_d_at(id), &d, 2);
    if (ref_dmin_at(id) >= 0) memcpy(q + ref_dmin_at(id), &d, 2);
    if (id == WEIGHT_MXFP4) q[0] = (uint8_t)(kind & 4 ? kind & 1 : 254); /* 2^-128, 2^-127, 2^126 */
}

TEST(extreme_weights_and_activations_stay_exact) {
    struct rng r = {7};
    for (uint32_t i = FLOATS; i < IDS; i++) {
        largest_sum = 0;
        for (int kind = 0; kind < 16; kind++) {
            struct problem p;
            problem_new(&p, ids[i], 16, 256, 5, &r);
            const struct weight_type *t = p.m.type;
            for (size_t b = 0; b < 16 * 256 / t->block_len; b++)
                extreme_block(ids[i], p.rows + b * t->block_bytes, t->block_bytes, kind & 7);
            CHECK_INT(matrix_pack(&p.m, 0, 1, p.rows), 0);
            for (uint32_t j = 0; j < 5 * 256; j++) p.x[j] = kind & 8 && j % 2 ? -1.0f : 1.0f;
            for (uint32_t j = 0; j < 256; j++) {
                p.x[256 + j] = 0x1.fffffep-101f;              /* below 2^-100: zero */
                p.x[512 + j] = j % 2 ? 3.4028235e38f : -0.0f; /* the largest */
                p.x[768 + j] = 0x1p-149f * (float)j;          /* subnormal */
            }
            p.x[4 * 256 + 3] = 0x1p-100f; /* the smallest maximum that counts, in other blocks than the ones */
            problem_solve(&p);
            for (unsigned k = 0; kern_nth(k) != NULL; k++) {
                problem_run(&p, kern_nth(k));
                CHECK_MEM(p.y, p.want, problem_bytes(&p));
            }
            problem_free(&p);
        }
        printf("# %s: largest sum %.3g of 2^31\n", weight_type_of(ids[i])->name, (double)largest_sum / 0x1p31);
        CHECK(largest_sum < 280000000); /* also with unsigned codes, before their offset is subtracted, as kernels sum */
    }
}

TEST(a_token_with_nan_or_infinity_is_marked_and_no_other) {
    static const uint32_t evil[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001};
    for (uint32_t kind = ACT_Q32; kind <= ACT_Q256; kind++)
        for (unsigned k = 0; kern_nth(k) != NULL; k++)
            for (uint32_t e = 0; e < 5; e++)
                for (uint32_t at = 0; at < 512; at += 37) {
                    float x[3 * 512];
                    struct rng r = {e};
                    struct acts a;
                    uint8_t bad[3] = {0};
                    rng_fill(&r, x, 3 * 512, 1.0f);
                    x[512 + at] = f32_from_bits(evil[e]);
                    acts_init(&a, kind, 512, 3, aligned(acts_bytes(kind, 512, 3)));
                    acts_fill(kern_nth(k), &a, 0, 3, x, 512, bad);
                    CHECK(bad[0] == 0 && bad[1] == 1 && bad[2] == 0);
                    free(a.data);
                }
}

/* Makes the scale (second: the minimum) of one block, or a float, NaN or infinite. 0 if the type has no such field. */
static int spoil(uint32_t id, uint8_t *block, int second, int infinite) {
    int at = second ? ref_dmin_at(id) : id == WEIGHT_F32 ? 2 : id == WEIGHT_MXFP4 ? 0 : ref_d_at(id);
    uint16_t v = id == WEIGHT_F32 || id == WEIGHT_BF16 ? (infinite ? 0xff80 : 0x7fc0) : (infinite ? 0xfc00 : 0x7e01);
    if (at < 0 || (second && id <= WEIGHT_F16)) return 0;
    if (id == WEIGHT_MXFP4)
        block[0] = 255;
    else
        memcpy(block + at, &v, 2);
    return 1;
}

TEST(scales_that_are_not_finite_are_refused) {
    struct rng r = {3};
    for (uint32_t i = 0; i < IDS; i++)
        for (int kind = 0; kind < 4; kind++) {
            struct problem p;
            problem_new(&p, ids[i], 18, 256, 1, &r);
            const struct weight_type *t = p.m.type;
            size_t last = (size_t)18 * 256 / t->block_len - 1;
            if (spoil(ids[i], p.rows + last * t->block_bytes, kind & 2, kind & 1)) {
                CHECK_INT(matrix_pack(&p.m, 0, p.m.groups, p.rows), ERR_NONFINITE);
                CHECK_INT(matrix_pack(&p.m, 0, 1, p.rows), 0);
                CHECK_INT(weight_rows_check(t, p.rows, 18, 256), ERR_NONFINITE);
                CHECK_INT(weight_rows_check(t, p.rows, 17, 256), 0);
            }
            problem_free(&p);
        }
}

TEST(shapes_outside_the_limits_are_refused) {
    struct matrix m;
    CHECK_INT(matrix_shape(&m, weight_type_of(WEIGHT_Q8_0), 1, 33), ERR_RANGE);
    CHECK_INT(matrix_shape(&m, weight_type_of(WEIGHT_Q6_K), 1, 128), ERR_RANGE);
    CHECK_INT(matrix_shape(&m, weight_type_of(WEIGHT_F32), 0, 1), ERR_RANGE);
    CHECK_INT(matrix_shape(&m, weight_type_of(WEIGHT_F32), 1, 0), ERR_RANGE);
    CHECK_INT(matrix_shape(&m, weight_type_of(WEIGHT_F32), MATRIX_DIM_MAX + 1, 1), ERR_RANGE);
    CHECK(weight_type_of(15) == NULL && weight_type_of(4711) == NULL);
}

TEST(rows_decode_to_their_values) {
    struct rng r = {9};
    for (uint32_t i = FLOATS; i < IDS; i++) {
        const struct weight_type *t = weight_type_of(ids[i]);
        uint8_t row[16 * 300];
        float out[16 * 256];
        uint32_t cols = 16 * t->block_len;
        rng_rows(&r, row, 16, t->block_bytes, ids[i]);
        weight_row_decode(t, row, cols, out);
        for (uint32_t j = 0; j < cols; j++) {
            const uint8_t *b = row + j / t->block_len * t->block_bytes;
            struct ref_element e = ref_element(ids[i], b, j % t->block_len);
            struct ref_scales s = ref_scales(ids[i], b);
            double v = (double)s.d * e.sc * e.q, m = (double)s.dmin * e.m; /* each exact in binary32, then one rounding: rule 1 */
            CHECK((double)out[j] == (double)(float)(t->block_len == 32 ? v + m : v - m));
        }
    }
}

TEST(every_power_of_two_of_mxfp4) {
    const struct weight_type *t = weight_type_of(WEIGHT_MXFP4);
    for (int e = 0; e < 255; e++) {
        uint8_t b[17] = {(uint8_t)e, 0xf1, 0x72};
        float out[32];
        t->decode(b, out);
        CHECK((double)out[0] == ldexp(1, e - 128) && (double)out[1] == ldexp(2, e - 128));
        CHECK(out[16] == (float)ldexp(-12, e - 128) && out[17] == (float)ldexp(12, e - 128));
    }
}

TEST(every_type_of_the_table_is_tested_here) {
    size_t n = 0;
    for (; weight_type_nth(n) != NULL; n++) {
        int found = 0;
        for (uint32_t i = 0; i < IDS; i++) found |= ids[i] == weight_type_nth(n)->id;
        CHECK(found);
    }
    CHECK_INT(n, IDS);
}

TEST(halves_convert_exactly_both_ways) {
    for (uint32_t h = 0; h < 0x10000; h++) {
        if (f16_not_finite((uint16_t)h)) continue;
        float x = f16_to_f32((uint16_t)h);
        double want = (h & 0x7c00) ? ldexp(1024 + (h & 0x3ff), (int)(h >> 10 & 31) - 25) : ldexp(h & 0x3ff, -24);
        CHECK((double)x == (h & 0x8000 ? -want : want));
        CHECK_INT(f32_to_f16_sat(x), h);
        uint16_t next = (uint16_t)(h + 1); /* the midpoint to the next goes to the even one, its neighbours to the nearer */
        if ((h & 0x7fff) >= 0x7bff) continue;
        float mid = (x + f16_to_f32(next)) / 2;
        CHECK_INT(f32_to_f16_sat(mid), h & 1 ? next : h);
        CHECK_INT(f32_to_f16_sat(f32_from_bits(f32_bits(mid) - 1)), h);
        CHECK_INT(f32_to_f16_sat(f32_from_bits(f32_bits(mid) + 1)), next);
    }
    CHECK_INT(f32_to_f16_sat(65519.9f), 0x7bff);
    CHECK_INT(f32_to_f16_sat(-3e38f), 0xfbff);
}

TESTS_MAIN("matrix", T(every_kernel_equals_the_rules_on_odd_shapes),
           AMONG_THEM T(results_are_the_same_under_every_compiler_and_option), T(extreme_weights_and_activations_stay_exact),
           T(a_token_with_nan_or_infinity_is_marked_and_no_other), T(scales_that_are_not_finite_are_refused),
           T(shapes_outside_the_limits_are_refused), T(rows_decode_to_their_values), T(every_power_of_two_of_mxfp4),
           T(every_type_of_the_table_is_tested_here), T(halves_convert_exactly_both_ways))
