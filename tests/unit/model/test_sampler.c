/* The sampler: published vectors of its source, rule 12 against a plain transcription, refusals, statistics. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "math/scalar.h"
#include "model/chacha.h"
#include "model/sampler.h"

static uint64_t generator = 7;
static uint32_t rnd(void) {
    generator = generator * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(generator >> 33);
}
static float rnd_float(float spread) { return ((float)rnd() * (1.0f / 2147483648.0f) - 0.5f) * 2.0f * spread; }

TEST(chacha20_block_of_rfc_8439) { /* section 2.3.2 */
    static const uint8_t want[64] = {0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
                                     0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
                                     0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
                                     0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
                                     0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    static const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
    uint8_t key[32], out[64];
    for (uint8_t i = 0; i < 32; i++) key[i] = i;
    chacha20_block(out, key, 1, nonce);
    CHECK_MEM(out, want, sizeof want);
}

TEST(draws_are_those_of_the_profile) {
    uint8_t key[32];
    sampler_key(key, 0);
    CHECK(sampler_draw(key, 0, 0) == 0x8b62d1b0976aa080u);
    sampler_key(key, 42);
    CHECK(sampler_draw(key, 7, 1) == 0x3bb80c5db0fe25d4u);
}

/* ---- rule 12, written down step by step with a full sort ---- */

struct cand {
    float l;
    uint64_t w;
    int32_t id;
};
static int by_rule(const void *a, const void *b) {
    const struct cand *x = a, *y = b;
    if (x->l != y->l) return x->l > y->l ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static int32_t reference(const struct gen_sampling *p, const struct gen_bias *bias, size_t bias_count, const int32_t *seen,
                         size_t seen_count, float *l, uint32_t n, uint32_t position) {
    for (size_t i = 0; i < bias_count; i++) l[bias[i].id] = l[bias[i].id] + bias[i].bias;
    size_t from = p->repeat_last_n >= 0 && seen_count > (size_t)p->repeat_last_n ? seen_count - (size_t)p->repeat_last_n : 0;
    for (uint32_t id = 0; id < n; id++) {
        uint32_t c = 0;
        for (size_t i = from; i < seen_count; i++) c += seen[i] == (int32_t)id;
        if (!c) continue;
        l[id] = l[id] > 0 ? l[id] / p->repeat_penalty : l[id] * p->repeat_penalty;
        float freq = (float)c * p->frequency_penalty, both = freq + p->presence_penalty;
        l[id] = l[id] - both;
    }
    struct cand *c = malloc(n * sizeof *c);
    float max = l[0];
    for (uint32_t i = 1; i < n; i++) max = l[i] > max ? l[i] : max;
    size_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (p->temperature == 0) {
            c[k++] = (struct cand){l[i], 1, (int32_t)i};
            continue;
        }
        float z = (l[i] - max) / p->temperature;
        uint64_t w = (uint64_t)(canon_exp(z) * 0x1p40f);
        if (w) c[k++] = (struct cand){l[i], w, (int32_t)i};
    }
    qsort(c, k, sizeof *c, by_rule);
    int32_t id = c[0].id;
    if (p->temperature > 0) {
        __extension__ typedef unsigned __int128 u128;
        if (p->top_k > 0 && k > (size_t)p->top_k) k = (size_t)p->top_k;
        uint64_t sum = 0, prefix = 0;
        if (p->top_p < 1) {
            for (size_t i = 0; i < k; i++) sum += c[i].w;
            size_t keep = 1;
            for (prefix = c[0].w; ((u128)prefix << 32) < (u128)(uint64_t)(p->top_p * 0x1p32f) * sum; keep++) prefix += c[keep].w;
            k = keep;
        }
        size_t left = 0;
        for (size_t i = 0; i < k; i++)
            if (c[i].w >= (uint64_t)(p->min_p * 0x1p40f)) c[left++] = c[i];
        uint8_t key[32];
        sampler_key(key, p->seed);
        sum = prefix = 0;
        for (size_t i = 0; i < left; i++) sum += c[i].w;
        uint64_t target = (uint64_t)((u128)sampler_draw(key, position, 0) * sum >> 64);
        size_t at = 0;
        for (prefix = c[0].w; prefix <= target;) prefix += c[++at].w;
        id = c[at].id;
    }
    free(c);
    return id;
}

static struct gen_sampling random_sampling(void) {
    static const float temps[] = {0, 0.2f, 0.8f, 1, 1.7f, 30, 1e-30f}, ps[] = {1, 0.95f, 0.5f, 0.01f, 0},
                       mins[] = {0, 0.05f, 0.5f, 1};
    static const float repeats[] = {1, 1, 1.1f, 0.7f}, adds[] = {0, 0, 0.4f, -0.3f};
    static const int32_t ks[] = {0, 0, 1, 5, 40, 100000}, lasts[] = {64, 0, -1, 7, 1};
    return (struct gen_sampling){temps[rnd() % 7], ks[rnd() % 6],      ps[rnd() % 5],
                                 mins[rnd() % 4],  repeats[rnd() % 4], adds[rnd() % 4],
                                 adds[rnd() % 4],  lasts[rnd() % 5],   ((uint64_t)rnd() << 32) | rnd()};
}

TEST(equals_a_transcription_of_the_rule) {
    enum { N = 700, IDS = 90 };
    float *l = malloc(N * sizeof *l), *copy = malloc(N * sizeof *l);
    for (int round = 0; round < 1500; round++) {
        struct gen_sampling p = random_sampling();
        struct gen_bias bias[3];
        size_t bias_count = rnd() % 4;
        uint32_t n = round % 3 ? N : 1 + rnd() % 40;
        for (size_t i = 0; i < bias_count; i++) bias[i] = (struct gen_bias){(int32_t)(rnd() % n), rnd_float(20)};
        struct sampler s;
        CHECK_INT(sampler_init(&s, n, &p, bias, bias_count, IDS, NULL), 0);
        int32_t seen[IDS];
        for (uint32_t i = 0; i < IDS; i++) {
            float spread = (float[]){0.01f, 2, 8, 100}[rnd() % 4];
            for (uint32_t j = 0; j < n; j++)
                l[j] = rnd() % 5 ? rnd_float(spread) : floorf(rnd_float(spread)); /* with ties, with -0 */
            memcpy(copy, l, n * sizeof *l);
            if (i % 9 == 0) {
                int32_t got = -1;
                CHECK_INT(sampler_pick(&s, l, i, 0, &got), 0);
                CHECK_INT(got, reference(&p, bias, bias_count, seen, i, copy, n, i));
            }
            seen[i] = (int32_t)(rnd() % (n < 20 ? n : 20));
            sampler_accept(&s, seen[i]);
        }
        sampler_release(&s);
    }
    free(l), free(copy);
}

TEST(zero_temperature_takes_the_lowest_id_of_equals) {
    struct gen_sampling p = GEN_SAMPLING_GREEDY;
    struct sampler s;
    float l[6] = {-1, -0.0f, 0, -0.0f, -2, 0};
    int32_t id;
    CHECK_INT(sampler_init(&s, 6, &p, NULL, 0, 4, NULL), 0);
    CHECK_INT(sampler_pick(&s, l, 0, 0, &id), 0);
    CHECK_INT(id, 1);
    sampler_release(&s);
}

TEST(frequencies_follow_the_weights) {
    enum { DRAWS = 40000 };
    struct gen_sampling p = GEN_SAMPLING_GREEDY;
    p.temperature = 1, p.seed = 99;
    struct sampler s;
    uint32_t hits[4] = {0};
    const double want[4] = {0.1, 0.2, 0.3, 0.4};
    CHECK_INT(sampler_init(&s, 4, &p, NULL, 0, 4, NULL), 0);
    for (uint32_t i = 0; i < DRAWS; i++) {
        float l[4];
        int32_t id;
        for (unsigned j = 0; j < 4; j++) l[j] = (float)log(want[j]);
        CHECK_INT(sampler_pick(&s, l, i, 0, &id), 0);
        hits[id]++;
    }
    for (unsigned j = 0; j < 4; j++) CHECK(fabs(hits[j] / (double)DRAWS - want[j]) < 0.012); /* five deviations */
    sampler_release(&s);
}

TEST(parameters_out_of_range_are_refused) {
    const struct gen_sampling good = GEN_SAMPLING_GREEDY;
    struct gen_sampling bad[16];
    for (unsigned i = 0; i < 16; i++) bad[i] = good;
    bad[0].temperature = NAN, bad[1].temperature = -1, bad[2].temperature = INFINITY, bad[3].top_k = -1;
    bad[4].top_p = NAN, bad[5].top_p = 1.5f, bad[6].top_p = -0.1f, bad[7].min_p = NAN, bad[8].min_p = 2, bad[9].min_p = -1;
    bad[10].repeat_penalty = 0, bad[11].repeat_penalty = -1, bad[12].repeat_penalty = NAN;
    bad[13].presence_penalty = INFINITY, bad[14].frequency_penalty = NAN, bad[15].repeat_last_n = -2;
    struct why why;
    CHECK_INT(sampling_check(&good, NULL, 0, 10, &why), 0);
    for (unsigned i = 0; i < 16; i++) {
        struct sampler s;
        CHECK_INT(sampling_check(&bad[i], NULL, 0, 10, &why), ERR_RANGE);
        CHECK_INT(sampler_init(&s, 10, &bad[i], NULL, 0, 4, &why), ERR_RANGE);
    }
    const struct gen_bias ids[] = {{-1, 0}, {10, 0}, {3, NAN}, {3, INFINITY}};
    for (unsigned i = 0; i < 4; i++) CHECK_INT(sampling_check(&good, &ids[i], 1, 10, &why), ERR_RANGE);
    struct gen_bias many[GEN_BIAS_MAX + 1] = {{0}};
    CHECK_INT(sampling_check(&good, many, GEN_BIAS_MAX + 1, 10, &why), ERR_RANGE);
}

TEST(penalties_that_leave_the_range_end_the_answer) {
    struct gen_sampling p = GEN_SAMPLING_GREEDY;
    p.repeat_penalty = 1e-38f;
    struct sampler s;
    float l[3] = {30, 1, 2};
    int32_t id;
    CHECK_INT(sampler_init(&s, 3, &p, NULL, 0, 4, NULL), 0);
    sampler_accept(&s, 0);
    CHECK_INT(sampler_pick(&s, l, 0, 0, &id), ERR_NONFINITE);
    sampler_release(&s);
}

TESTS_MAIN("sampler", T(chacha20_block_of_rfc_8439), T(draws_are_those_of_the_profile), T(equals_a_transcription_of_the_rule),
           T(zero_temperature_takes_the_lowest_id_of_equals), T(frequencies_follow_the_weights),
           T(parameters_out_of_range_are_refused), T(penalties_that_leave_the_range_end_the_answer))
