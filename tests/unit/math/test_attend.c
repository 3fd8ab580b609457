/* KV pages and attention in fp16 (rules 10, 11): every kernel against a transcription of the rules, whatever the split into
 * calls. */
#include "tests/unit/math/attend_ref.h"

TEST(every_kernel_and_split_equals_the_rules) {
    static const struct attend_shape shapes[] = {{8, 1, 5, 0, 0},       {64, 8, 300, 0, 0}, {80, 3, 70, 0, 50},
                                                 {128, 4, 258, 0, 0},   {256, 2, 65, 0, 0}, {20, 5, 600, 100, 0},
                                                 {16, 1, 530, 256, 30}, {24, 12, 33, 1, 0}};
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) check_shape(KV_F16, &shapes[i], i);
}

TEST(pages_are_the_same_from_every_kernel) {
    for (uint32_t dim = 1; dim <= HEAD_DIM_MAX; dim += 17)
        for (unsigned k = 1; kern_nth(k) != NULL; k++) {
            struct cache a, b;
            cache_new(&a, KV_F16, kern_nth(0), dim, 1, 70, dim);
            cache_new(&b, KV_F16, kern_nth(k), dim, 1, 70, dim);
            CHECK_MEM(a.mem, b.mem, 2 * cache_page_room(KV_F16, dim));
            cache_free(&a), cache_free(&b);
        }
}

TEST(nan_in_keys_values_or_scores_is_an_error) {
    for (unsigned k = 0; kern_nth(k) != NULL; k++)
        for (uint32_t at = 0; at < 20; at++) {
            struct cache c;
            float out[20 * 40], key[20] = {0}, value[20] = {0};
            cache_new(&c, KV_F16, kern_nth(k), 20, 1, 40, 3);
            CHECK_INT(attend_run(&c, kern_nth(k), 0, 40, 0, 0, out), 0);
            uint8_t *page = c.mem + c.offset;
            key[at] = INFINITY;
            CHECK_INT(kv_store(kern_nth(k), KV_F16, page, 0, 20, key, value), ERR_NONFINITE);
            key[at] = 0, value[at] = NAN;
            CHECK_INT(kv_store(kern_nth(k), KV_F16, page, 0, 20, key, value), ERR_NONFINITE);
            for (uint32_t d = 0; d < 20; d++) c.q[(at * 2) * 20 + d] = at % 2 ? NAN : 3e38f; /* the products overflow */
            CHECK_INT(attend_run(&c, kern_nth(k), 0, 40, 0, 50.0f, out), ERR_NONFINITE);
            cache_free(&c);
        }
}

TEST(attention_is_the_same_under_every_compiler_and_option) {
    int wrong = 0;
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        struct cache c;
        float *out = calloc(64 * 2 * 300, sizeof *out);
        cache_new(&c, KV_F16, kern_nth(k), 64, 2, 300, 42);
        CHECK_INT(attend_run(&c, kern_nth(k), 0, 300, 0, 20.0f, out), 0);
        uint64_t h = digest(out, sizeof *out * 64 * 2 * 300, 0);
        if (h != 0x2121c09a1396af26) printf("# %s: digest 0x%016llx\n", kern_name(kern_nth(k)), (unsigned long long)h), wrong++;
        free(out);
        cache_free(&c);
    }
    CHECK_INT(wrong, 0);
}

/* Each head of a group, each number of tokens in a call: a tile mixes heads and tokens, so its width takes every value. */
static void check_groups_and_tokens(enum kv_format f) {
    enum { POSITIONS = 270, TOKENS = 64, DIM = 32 };
    for (uint32_t heads = 1; heads <= 8; heads++) {
        struct cache c;
        float want[POSITIONS * 8 * DIM], got[POSITIONS * 8 * DIM];
        cache_new(&c, f, kern_nth(0), DIM, heads, POSITIONS, 1000 + heads);
        attend_ref_all(&c, POSITIONS - TOKENS, 0, 0, want);
        for (unsigned k = 0; kern_nth(k) != NULL; k++)
            for (uint32_t tokens = k == 0 ? 61 : 1; tokens <= TOKENS; tokens++) {
                uint32_t first = POSITIONS - tokens;
                size_t at = (size_t)first * heads * DIM, n = (size_t)tokens * heads * DIM;
                memset(got + at, 0x55, n * sizeof *got);
                CHECK_INT(attend_run(&c, kern_nth(k), first, tokens, 0, 0, got), 0);
                CHECK_MEM(got + at, want + at, n * sizeof *got);
            }
        cache_free(&c);
    }
}
TEST(groups_of_1_to_8_and_1_to_64_tokens_change_no_bit) { check_groups_and_tokens(KV_F16); }
TEST(q8_groups_of_1_to_8_and_1_to_64_tokens_change_no_bit) { check_groups_and_tokens(KV_Q8); }

/* ---- q8 ---- */

TEST(q8_every_kernel_and_split_equals_the_rules) {
    static const struct attend_shape shapes[] = {
        {32, 1, 5, 0, 0},     {64, 8, 300, 0, 0},    {96, 3, 70, 0, 50},   {128, 4, 258, 0, 0}, {256, 2, 65, 0, 0},
        {32, 5, 600, 100, 0}, {32, 1, 530, 256, 30}, {64, 12, 33, 1, 0},   {32, 2, 255, 0, 0},  {32, 2, 256, 0, 0},
        {32, 2, 257, 0, 0},   {32, 2, 520, 257, 0},  {160, 1, 80, 16, 20}, {224, 3, 40, 0, 0},  {32, 2, 513, 255, 0},
    };
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) check_shape(KV_Q8, &shapes[i], 50 + i);
}

TEST(q8_values_of_any_size_equal_the_rules) {
    static const float sizes[] = {0.0f, 0x1p-149f, 0x1p-101f, 0x1p-99f, 1e-20f, 3e-6f, 1e-3f, 1.0f, 1e3f, 8.3e6f};
    enum { SIZES = sizeof sizes / sizeof *sizes, DIM = 64, POSITIONS = 2 * SIZES };
    struct cache c;
    float want[POSITIONS * DIM], got[POSITIONS * DIM];
    cache_new(&c, KV_Q8, kern_nth(0), DIM, 1, POSITIONS, 9);
    for (uint32_t i = 0; i < POSITIONS * DIM; i++) { /* each block of a position has another size; scales get subnormal and 0 */
        c.k[i] *= 0.5f * sizes[(i / 32) % SIZES];
        c.v[i] = c.k[POSITIONS * DIM - 1 - i];
        c.q[i] *= i / 32 % 3 ? 1e-4f : 0x1p-102f;
    }
    attend_ref_all(&c, 0, 0, 0, want);
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        cache_store(&c, kern_nth(k));
        CHECK_INT(attend_run(&c, kern_nth(k), 0, POSITIONS, 0, 0, got), 0);
        CHECK_MEM(got, want, sizeof got);
    }
    cache_free(&c);
}

TEST(q8_pages_are_the_same_from_every_kernel_and_half_as_large) {
    for (uint32_t dim = 32; dim <= HEAD_DIM_MAX; dim += 32) {
        CHECK(kv_page_bytes(KV_Q8, dim) * 100 <= kv_page_bytes(KV_F16, dim) * 57);
        CHECK_INT(kv_page_bytes(KV_Q8, dim) % 64, 0);
        for (unsigned k = 1; kern_nth(k) != NULL; k++) {
            struct cache a, b;
            cache_new(&a, KV_Q8, kern_nth(0), dim, 1, 70, dim);
            cache_new(&b, KV_Q8, kern_nth(k), dim, 1, 70, dim);
            CHECK_MEM(a.mem, b.mem, 2 * cache_page_room(KV_Q8, dim));
            cache_free(&a), cache_free(&b);
        }
    }
    for (uint32_t dim = 1; dim <= HEAD_DIM_MAX + 32; dim++) {
        CHECK_INT(kv_format_fits(KV_Q8, dim), dim % 32 == 0 && dim <= HEAD_DIM_MAX);
        CHECK_INT(kv_format_fits(KV_F16, dim), dim <= HEAD_DIM_MAX);
    }
    CHECK_INT(kv_format_fits(KV_F16, 0) + kv_format_fits(KV_Q8, 0), 0);
}

TEST(q8_what_is_not_finite_is_an_error) {
    static const float wrong[] = {INFINITY, -INFINITY, NAN, 8321040.0f, -3e38f}; /* 127 * 65520: fp16 has no such scale */
    enum { DIM = 64, POSITIONS = 40 };
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        struct cache c;
        float out[DIM * POSITIONS], key[DIM] = {0}, value[DIM] = {0};
        cache_new(&c, KV_Q8, kern_nth(k), DIM, 1, POSITIONS, 3);
        CHECK_INT(attend_run(&c, kern_nth(k), 0, POSITIONS, 0, 0, out), 0);
        uint8_t *page = c.mem + c.offset;
        for (uint32_t at = 0; at < DIM; at++)
            for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                key[at] = wrong[i];
                CHECK_INT(kv_store(kern_nth(k), KV_Q8, page, 0, DIM, key, value), ERR_NONFINITE);
                key[at] = 0, value[at] = wrong[i];
                CHECK_INT(kv_store(kern_nth(k), KV_Q8, page, 0, DIM, key, value), ERR_NONFINITE);
                value[at] = 0;
            }
        key[5] = value[60] = 8321039.0f; /* rounds to 65504 */
        CHECK_INT(kv_store(kern_nth(k), KV_Q8, page, 0, DIM, key, value), 0);
        for (uint32_t at = 0; at < DIM; at++) {
            float *q = &c.q[at % POSITIONS * DIM + at], was = *q;
            *q = at % 2 ? NAN : -INFINITY;
            CHECK_INT(attend_run(&c, kern_nth(k), 0, POSITIONS, 0, 50.0f, out), ERR_NONFINITE);
            *q = was;
        }
        c.q[5] = 3e38f; /* finite, but the score of position 0 is not */
        CHECK_INT(attend_run(&c, kern_nth(k), 0, POSITIONS, 0, 50.0f, out), ERR_NONFINITE);
        cache_free(&c);
    }
}

TEST(q8_attention_is_the_same_under_every_compiler_and_option) {
    int wrong = 0;
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        struct cache c;
        float *out = calloc(64 * 2 * 300, sizeof *out);
        cache_new(&c, KV_Q8, kern_nth(k), 64, 2, 300, 42);
        CHECK_INT(attend_run(&c, kern_nth(k), 0, 300, 0, 20.0f, out), 0);
        uint64_t h = digest(out, sizeof *out * 64 * 2 * 300, 0);
        if (h != 0xac38eebdfa8573d1) printf("# %s: digest 0x%016llx\n", kern_name(kern_nth(k)), (unsigned long long)h), wrong++;
        free(out);
        cache_free(&c);
    }
    CHECK_INT(wrong, 0);
}

TESTS_MAIN("attend", T(every_kernel_and_split_equals_the_rules), T(pages_are_the_same_from_every_kernel),
           T(nan_in_keys_values_or_scores_is_an_error), T(attention_is_the_same_under_every_compiler_and_option),
           T(groups_of_1_to_8_and_1_to_64_tokens_change_no_bit), T(q8_groups_of_1_to_8_and_1_to_64_tokens_change_no_bit),
           T(q8_every_kernel_and_split_equals_the_rules), T(q8_values_of_any_size_equal_the_rules),
           T(q8_pages_are_the_same_from_every_kernel_and_half_as_large), T(q8_what_is_not_finite_is_an_error),
           T(q8_attention_is_the_same_under_every_compiler_and_option))
