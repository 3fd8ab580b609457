/* KV pages and attention (rules 10, 11): every kernel against a transcription of the rules, whatever the split into calls. */
#include "tests/check.h"

#include <math.h>

#include "base/err.h"
#include "math/attend.h"
#include "math/float_bits.h"
#include "math/scalar.h"
#include "tests/unit/math/math_util.h"

struct cache {
    uint32_t dim, heads, positions;
    float *k, *v, *q; /* as given, before fp16 */
    const uint8_t **pages;
    uint8_t *mem;
    size_t offset;
};
static void cache_new(struct cache *c, const struct kern *k, uint32_t dim, uint32_t heads, uint32_t positions, uint64_t seed) {
    struct rng r = {seed};
    uint32_t pages = (positions + KV_PAGE - 1) / KV_PAGE;
    size_t size = kv_page_bytes(KV_F16, dim) + 64;
    *c = (struct cache){dim, heads, positions, NULL, NULL, NULL, NULL, NULL, 64};
    c->k = malloc(sizeof(float) * dim * positions), c->v = malloc(sizeof(float) * dim * positions);
    c->q = malloc(sizeof(float) * dim * heads * positions), c->pages = malloc(pages * sizeof *c->pages);
    c->mem = aligned(pages * size);
    rng_fill(&r, c->k, (size_t)dim * positions, 2.0f);
    rng_fill(&r, c->v, (size_t)dim * positions, 70000.0f / (float)(1 + rng_u32(&r) % 70000)); /* some saturate */
    rng_fill(&r, c->q, (size_t)dim * heads * positions, 3.0f);
    memset(c->mem, 0xff, pages * size); /* what no one stored is NaN: it must not matter */
    for (uint32_t p = 0; p < pages; p++) c->pages[p] = c->mem + (pages - 1 - p) * size; /* any order */
    for (uint32_t p = 0; p < positions; p++) {
        uint8_t *page = c->mem + (c->pages[p / KV_PAGE] - c->mem) + c->offset;
        CHECK_INT(kv_store(k, KV_F16, page, p % KV_PAGE, dim, c->k + p * dim, c->v + p * dim), 0);
    }
}
static void cache_free(struct cache *c) { free(c->k), free(c->v), free(c->q), free((void *)(uintptr_t)c->pages), free(c->mem); }

static float half_of(float x) { return f16_to_f32(f32_to_f16_sat(x)); }

/* One query head at position t by rule 11, in the order written. */
static void attend_ref(const struct cache *c, uint32_t t, const float *q, uint32_t window, float scale, float cap, float *out) {
    uint32_t first = window != 0 && t + 1 > window ? t + 1 - window : 0;
    float o[HEAD_DIM_MAX] = {0}, big = 0, l = 0;
    int any = 0;
    for (uint32_t base = first / 256 * 256; base <= t; base += 256) {
        uint32_t lo = first > base ? first : base, hi = t < base + 255 ? t : base + 255;
        float s[256], m = -INFINITY, lanes[64] = {0};
        for (uint32_t p = lo; p <= hi; p++) {
            float acc = 0.0f;
            for (uint32_t d = 0; d < c->dim; d++) acc = fmaf(q[d], half_of(c->k[p * c->dim + d]), acc);
            acc = acc * scale;
            if (cap != 0.0f) acc = canon_softcap(acc, cap);
            s[p - base] = acc;
            m = acc > m ? acc : m;
        }
        for (uint32_t p = lo; p <= hi; p++) {
            s[p - base] = canon_exp(s[p - base] - m);
            lanes[p % 64] = lanes[p % 64] + s[p - base];
        }
        for (int h = 32; h > 0; h /= 2)
            for (int j = 0; j < h; j++) lanes[j] = lanes[j] + lanes[j + h];
        float top = !any || m > big ? m : big, a = any ? canon_exp(big - top) : 0, b = canon_exp(m - top);
        for (uint32_t d = 0; d < c->dim; d++) {
            float oc = 0.0f;
            for (uint32_t p = lo; p <= hi; p++) oc = fmaf(s[p - base], half_of(c->v[p * c->dim + d]), oc);
            volatile float oa = o[d] * a;
            o[d] = any ? fmaf(oc, b, oa) : oc;
        }
        volatile float la = l * a;
        l = any ? fmaf(lanes[0], b, la) : lanes[0];
        big = top;
        any = 1;
    }
    for (uint32_t d = 0; d < c->dim; d++) out[d] = o[d] / l + 0.0f;
}

static int run(const struct cache *c, const struct kern *k, uint32_t first, uint32_t tokens, uint32_t window, float cap,
               float *out) {
    size_t stride = (size_t)c->heads * c->dim;
    struct attend a = {KV_F16,
                       c->dim,
                       c->heads,
                       tokens,
                       first,
                       window,
                       1.0f / sqrtf((float)c->dim),
                       cap,
                       c->q + first * stride,
                       stride,
                       out + first * stride,
                       stride,
                       c->pages,
                       c->offset};
    return attend(k, &a);
}

TEST(every_kernel_and_split_equals_the_rules) {
    static const struct {
        uint32_t dim, heads, positions, window;
        float cap;
    } shapes[] = {{8, 1, 5, 0, 0},    {64, 8, 300, 0, 0},   {80, 3, 70, 0, 50},    {128, 4, 258, 0, 0},
                  {256, 2, 65, 0, 0}, {20, 5, 600, 100, 0}, {16, 1, 530, 256, 30}, {24, 12, 33, 1, 0}};
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct cache c;
        cache_new(&c, kern_nth(0), shapes[i].dim, shapes[i].heads, shapes[i].positions, i);
        size_t stride = (size_t)c.heads * c.dim, bytes = stride * c.positions * sizeof(float);
        float *want = malloc(bytes), *got = malloc(bytes);
        for (uint32_t t = 0; t < c.positions; t++)
            for (uint32_t h = 0; h < c.heads; h++)
                attend_ref(&c, t, c.q + t * stride + h * c.dim, shapes[i].window, 1.0f / sqrtf((float)c.dim), shapes[i].cap,
                           want + t * stride + h * c.dim);
        for (unsigned k = 0; kern_nth(k) != NULL; k++) {
            static const uint32_t steps[] = {1, 7, 64, 1000};
            for (unsigned s = 0; s < 4; s++) { /* prompts in pieces of any size */
                memset(got, 0x55, bytes);
                for (uint32_t t = 0; t < c.positions; t += steps[s])
                    CHECK_INT(run(&c, kern_nth(k), t, c.positions - t < steps[s] ? c.positions - t : steps[s], shapes[i].window,
                                  shapes[i].cap, got),
                              0);
                CHECK_MEM(got, want, bytes);
            }
        }
        free(want), free(got);
        cache_free(&c);
    }
}

TEST(pages_are_the_same_from_every_kernel) {
    for (uint32_t dim = 1; dim <= HEAD_DIM_MAX; dim += 17)
        for (unsigned k = 1; kern_nth(k) != NULL; k++) {
            struct cache a, b;
            cache_new(&a, kern_nth(0), dim, 1, 70, dim);
            cache_new(&b, kern_nth(k), dim, 1, 70, dim);
            CHECK_MEM(a.mem, b.mem, 2 * (kv_page_bytes(KV_F16, dim) + 64));
            cache_free(&a), cache_free(&b);
        }
}

TEST(nan_in_keys_values_or_scores_is_an_error) {
    for (unsigned k = 0; kern_nth(k) != NULL; k++)
        for (uint32_t at = 0; at < 20; at++) {
            struct cache c;
            float out[20 * 40], key[20] = {0}, value[20] = {0};
            cache_new(&c, kern_nth(k), 20, 1, 40, 3);
            CHECK_INT(run(&c, kern_nth(k), 0, 40, 0, 0, out), 0);
            uint8_t *page = c.mem + c.offset;
            key[at] = INFINITY;
            CHECK_INT(kv_store(kern_nth(k), KV_F16, page, 0, 20, key, value), ERR_NONFINITE);
            key[at] = 0, value[at] = NAN;
            CHECK_INT(kv_store(kern_nth(k), KV_F16, page, 0, 20, key, value), ERR_NONFINITE);
            c.q[(at * 2) * 20 + at] = at % 2 ? NAN : 3e38f; /* the products overflow */
            c.k[at] = 2;
            for (uint32_t d = 0; d < 20; d++) c.q[(at * 2) * 20 + d] = at % 2 ? NAN : 3e38f;
            CHECK_INT(run(&c, kern_nth(k), 0, 40, 0, 50.0f, out), ERR_NONFINITE);
            cache_free(&c);
        }
}

TEST(attention_is_the_same_under_every_compiler_and_option) {
    int wrong = 0;
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        struct cache c;
        float *out = calloc(64 * 2 * 300, sizeof *out);
        cache_new(&c, kern_nth(k), 64, 2, 300, 42);
        CHECK_INT(run(&c, kern_nth(k), 0, 300, 0, 20.0f, out), 0);
        uint64_t h = digest(out, sizeof *out * 64 * 2 * 300, 0);
        if (h != 0x2121c09a1396af26) printf("# %s: digest 0x%016llx\n", kern_name(kern_nth(k)), (unsigned long long)h), wrong++;
        free(out);
        cache_free(&c);
    }
    CHECK_INT(wrong, 0);
}

TESTS_MAIN("attend", T(every_kernel_and_split_equals_the_rules), T(pages_are_the_same_from_every_kernel),
           T(nan_in_keys_values_or_scores_is_an_error), T(attention_is_the_same_under_every_compiler_and_option))
