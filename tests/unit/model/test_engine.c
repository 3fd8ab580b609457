/* The forward pass: equal bits whatever the kernels, threads, chunks, batch and pages; golden digests; failures stay with
 * their sequence. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "model/from_llama2c.h"
#include "model/quantize.h"
#include "tests/unit/model/logits.h"

enum { TOKENS = 150 };

/* Under an emulator (make test-arm) shapes are smaller: it is a hundred times slower. */
static int emulated(void) { return getenv("LULL_EMULATED") != NULL; }

static void check_settings(const struct model *m, const char *name, enum kv_format kv) {
    const uint32_t n = emulated() ? 40 : TOKENS;
    int32_t id[TOKENS];
    token_ids(id, n, model_n_vocab(m), (unsigned char)name[0]);
    float *want = all_logits(m, id, n, (struct setting){kern_nth(0), 1, n, 0, kv, NULL});
    for (unsigned k = 0; kern_nth(k); k++) {
        const struct setting settings[] = {{kern_nth(k), 1, 1, 0, kv, NULL},   {kern_nth(k), 2, 7, 3, kv, NULL},
                                           {kern_nth(k), 3, 64, 1, kv, NULL},  {kern_nth(k), 4, 12, 2, kv, NULL},
                                           {kern_nth(k), 2, 128, 5, kv, NULL}, {kern_nth(k), 1, n, 0, kv, NULL}};
        for (unsigned s = 0; s < sizeof settings / sizeof settings[0]; s++) {
            float *got = all_logits(m, id, n, settings[s]);
            if (memcmp(got, want, row_bytes(m, n)) != 0)
                printf("# %s %s differs: %s, setting %u\n", name, model_profile(m, kv), kern_name(kern_nth(k)), s);
            CHECK_MEM(got, want, row_bytes(m, n));
            free(got);
        }
    }
    free(want);
}

TEST(kernels_threads_chunks_and_pages_change_no_bit) {
    for (unsigned i = 0; i < SYNTH_ALL; i++) {
        struct model *m = synth_open(&synth_all[i]);
        check_settings(m, synth_all[i].name, KV_F16);
        if (synth_all[i].head_dim % 32 == 0) check_settings(m, synth_all[i].name, KV_Q8);
        model_close(m);
    }
}

TEST(bytes_of_a_token_are_those_of_weights_and_keys) {
    for (unsigned i = 0; i < SYNTH_ALL; i++) {
        const struct synth *y = &synth_all[i];
        struct model *m = synth_open(y);
        for (int f = 0; f < KV_FORMATS; f++) {
            struct engine *e;
            struct engine_opts o = {.threads = 1, .rows_max = 1, .logits_max = 1, .kv_pages = 1, .kv = (enum kv_format)f};
            if (model_kv_check(m, o.kv, NULL) != 0) continue;
            CHECK_INT(engine_new(&e, m, &o, NULL), 0);
            uint64_t first = engine_token_bytes(e, 0), position = engine_page_bytes(m, o.kv) / KV_PAGE;
            CHECK(engine_token_bytes(e, 9) == first + 9 * position);
            CHECK(engine_token_bytes(e, 500) <= first + 500 * position); /* fewer where layers have a window */
            CHECK(y->experts ? first < model_weight_bytes(m) + position : first == model_weight_bytes(m) + position);
            engine_free(e);
        }
        model_close(m);
    }
}

TEST(q8_needs_heads_of_a_multiple_of_32) {
    struct model *m = synth_open(&synth_all[0]); /* heads of 24 */
    struct engine *e;
    struct why why = {{0}};
    struct engine_opts o = {.threads = 1, .rows_max = 8, .logits_max = 2, .kv_pages = 3, .kv = KV_Q8};
    enum kv_format kv;
    CHECK_INT(engine_new(&e, m, &o, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "24") != NULL);
    CHECK(e == NULL);
    CHECK_INT(model_profile_kv(&kv, m, "C1-q8", &why), ERR_UNSUPPORTED);
    CHECK_INT(model_profile_kv(&kv, m, "C1-f16", &why), 0);
    CHECK_INT(kv, KV_F16);
    model_close(m);
}

TEST(batches_of_1_to_64_change_no_bit) {
    static const uint32_t sizes[] = {1, 2, 3, 5, 8, 13, 31, 64};
    for (unsigned i = 0; i < SYNTH_ALL; i += 3) {
        struct model *m = synth_open(&synth_all[i]);
        for (unsigned s = 0; s < (emulated() ? 5 : sizeof sizes / sizeof sizes[0]); s++)
            check_batch(m, sizes[s], 1 + s % 3, synth_all[i].head_dim % 32 == 0 && s % 2 ? KV_Q8 : KV_F16);
        model_close(m);
    }
}

TEST(golden_digests_of_synthetic_models) {
    int differ = 0;
    for (unsigned i = 0; i < SYNTH_ALL; i++) {
        struct model *m = synth_open(&synth_all[i]);
        differ += golden_differs(synth_all[i].name, m, TOKENS, KV_F16);
        model_close(m);
    }
    CHECK_INT(differ, 0);
}

TEST(golden_digests_of_stories260k_in_each_type) {
    static const char *const types[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
    int differ = 0;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct model *m = NULL;
        char name[64];
        const char *path = synth_path("stories");
        snprintf(name, sizeof name, "stories260K-%s", types[i]);
        CHECK_INT(from_llama2c("tests/data/stories260K/stories260K.bin", "tests/data/stories260K/tok512.bin", path,
                               quantize_type(types[i]), NULL, NULL),
                  0);
        CHECK_INT(model_open(&m, path, NULL, NULL), 0);
        unlink(path);
        differ += golden_differs(name, m, TOKENS, KV_F16);
        model_close(m);
    }
    CHECK_INT(differ, 0);
}

TEST(golden_digest_of_the_shipped_model) {
    struct model *m = NULL;
    if (access("models/lull-toy-q8_0.gguf", R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    CHECK_INT(model_open(&m, "models/lull-toy-q8_0.gguf", NULL, NULL), 0);
    int differs = golden_differs("lull-toy-q8_0", m, TOKENS, KV_F16) + golden_differs("lull-toy-q8_0/kv-q8", m, TOKENS, KV_Q8);
    model_close(m);
    CHECK_INT(differs, 0);
}

static void poke(FILE *f, uint64_t at, float x) {
    CHECK(fseek(f, (long)at, SEEK_SET) == 0);
    CHECK(fwrite(&x, sizeof x, 1, f) == 1);
}

/* Only token 5 has anything in dimension 0, and the first layer's keys take it times 2^127: they overflow. */
static void plant_overflow(const char *path, const struct synth *y) {
    struct gguf g;
    CHECK_INT(gguf_open(&g, path, NULL), 0);
    uint64_t embd = gguf_tensor(&g, "token_embd.weight")->offset, key = gguf_tensor(&g, "blk.0.attn_k.weight")->offset;
    gguf_close(&g);
    FILE *f = fopen(path, "r+be");
    CHECK(f != NULL);
    for (uint32_t i = 0; i < y->vocab; i++) poke(f, embd + (uint64_t)i * y->embd * 4, i == 5 ? 50.0f : 0.0f);
    for (uint32_t i = 0; i < y->kv * y->head_dim; i++) poke(f, key + (uint64_t)i * y->embd * 4, 0x1p127f);
    fclose(f);
}

TEST(a_sequence_that_overflows_does_not_touch_the_others) {
    struct synth y = synth_all[0];
    y.name = "overflow";
    struct model *m = NULL;
    const char *path = synth_path(y.name);
    synth_write(&y, path);
    plant_overflow(path, &y);
    CHECK_INT(model_open(&m, path, NULL, NULL), 0);
    unlink(path);
    struct engine *e;
    struct kv_seq a, b;
    struct engine_opts o = {.threads = 2, .rows_max = 16, .logits_max = 16, .kv_pages = 2};
    CHECK_INT(engine_new(&e, m, &o, NULL), 0);
    CHECK_INT(kv_seq_init(&a, 8), 0);
    CHECK_INT(kv_seq_init(&b, 8), 0);
    CHECK_INT(kv_seq_reserve(&a, engine_kv(e), 8), 0);
    CHECK_INT(kv_seq_reserve(&b, engine_kv(e), 8), 0);
    const int32_t good[4] = {1, 7, 9, 11}, bad[4] = {1, 5, 9, 5};
    float *want = all_logits(m, good, 4, (struct setting){NULL, 1, 4, 0, KV_F16, NULL});
    struct engine_part part[2] = {{.seq = &b, .ids = bad, .count = 4}, {.seq = &a, .ids = good, .count = 4}};
    CHECK_INT(engine_step(e, part, 2), 0);
    CHECK_INT(part[0].err, ERR_NONFINITE);
    CHECK_INT(part[1].err, 0);
    CHECK_MEM(part[1].logits, want, row_bytes(m, 4));
    kv_seq_clear(&b, engine_kv(e)); /* and the pages that it leaves behind are clean */
    CHECK_INT(kv_seq_reserve(&b, engine_kv(e), 8), 0);
    part[0] = (struct engine_part){.seq = &b, .ids = good, .count = 4};
    CHECK_INT(engine_step(e, part, 1), 0);
    CHECK_INT(part[0].err, 0);
    CHECK_MEM(part[0].logits, want, row_bytes(m, 4));
    free(want);
    kv_seq_release(&a, engine_kv(e));
    kv_seq_release(&b, engine_kv(e));
    engine_free(e);
    model_close(m);
}

enum { NORM_SEQS = 8, NORM_TOKENS = 3 };

/* Which of the sequences fail when the engine computes them all in one step, or each in one of its own. */
static void which_fail(struct model *m, int together, int fails[NORM_SEQS]) {
    struct engine *e;
    struct kv_seq s[NORM_SEQS];
    struct engine_part part[NORM_SEQS];
    int32_t id[NORM_SEQS][NORM_TOKENS];
    struct engine_opts o = {.threads = 2, .rows_max = NORM_SEQS * NORM_TOKENS, .logits_max = NORM_SEQS, .kv_pages = NORM_SEQS};
    CHECK_INT(engine_new(&e, m, &o, NULL), 0);
    for (int i = 0; i < NORM_SEQS; i++) {
        CHECK_INT(kv_seq_init(&s[i], NORM_TOKENS), 0);
        CHECK_INT(kv_seq_reserve(&s[i], engine_kv(e), NORM_TOKENS), 0);
        for (int t = 0; t < NORM_TOKENS; t++) id[i][t] = 3 + 31 * i + 7 * t;
        part[i] = (struct engine_part){.seq = &s[i], .ids = id[i], .count = NORM_TOKENS, .logits_from = NORM_TOKENS - 1};
        if (!together) CHECK_INT(engine_step(e, &part[i], 1), 0);
    }
    if (together) CHECK_INT(engine_step(e, part, NORM_SEQS), 0);
    for (int i = 0; i < NORM_SEQS; i++) {
        fails[i] = part[i].err;
        kv_seq_release(&s[i], engine_kv(e));
    }
    engine_free(e);
}

/* The last norm overflows where a value is large enough, and the output matrix is quantised, which would hide it. */
TEST(an_overflow_in_the_last_norm_fails_the_sequence_that_has_it) {
    struct synth y = synth_all[3];
    y.name = "last-norm";
    struct model *m = NULL;
    struct gguf g;
    const char *path = synth_path(y.name);
    synth_write(&y, path);
    CHECK_INT(gguf_open(&g, path, NULL), 0);
    uint64_t norm = gguf_tensor(&g, "output_norm.weight")->offset;
    gguf_close(&g);
    FILE *f = fopen(path, "r+be");
    CHECK(f != NULL);
    poke(f, norm, 3e38f);
    fclose(f);
    CHECK_INT(model_open(&m, path, NULL, NULL), 0);
    unlink(path);
    int alone[NORM_SEQS], together[NORM_SEQS], failed = 0;
    which_fail(m, 0, alone);
    which_fail(m, 1, together);
    for (int i = 0; i < NORM_SEQS; i++) failed += alone[i] == ERR_NONFINITE;
    CHECK(failed > 0 && failed < NORM_SEQS);
    CHECK_MEM(together, alone, sizeof alone);
    model_close(m);
}

TEST(steps_that_cannot_be_are_refused) {
    struct model *m = synth_open(&synth_all[0]);
    struct engine *e;
    struct kv_seq s;
    struct engine_opts o = {.threads = 1, .rows_max = 8, .logits_max = 2, .kv_pages = 3};
    CHECK_INT(engine_new(&e, m, &o, NULL), 0);
    CHECK_INT(kv_seq_init(&s, 2 * KV_PAGE), 0);
    CHECK_INT(kv_seq_reserve(&s, engine_kv(e), 3 * KV_PAGE), ERR_CONTEXT);
    int32_t id[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, out[1] = {301}, negative[1] = {-1};
    struct engine_part none = {.seq = &s, .ids = id, .count = 4, .logits_from = 4};
    CHECK_INT(engine_step(e, &none, 1), ERR_CONTEXT); /* no pages yet */
    CHECK_INT(kv_seq_reserve(&s, engine_kv(e), 2 * KV_PAGE), 0);
    struct engine_part wide = {.seq = &s, .ids = id, .count = 9, .logits_from = 9};
    CHECK_INT(engine_step(e, &wide, 1), ERR_RANGE);
    struct engine_part many = {.seq = &s, .ids = id, .count = 4, .logits_from = 1};
    CHECK_INT(engine_step(e, &many, 1), ERR_RANGE);
    struct engine_part unknown = {.seq = &s, .ids = out, .count = 1}, minus = {.seq = &s, .ids = negative, .count = 1};
    CHECK_INT(engine_step(e, &unknown, 1), ERR_RANGE);
    CHECK_INT(engine_step(e, &minus, 1), ERR_RANGE);
    CHECK_INT(engine_step(e, &none, 0), ERR_RANGE);
    CHECK_INT(s.length, 0);
    struct kv_seq t;
    CHECK_INT(kv_seq_init(&t, 2 * KV_PAGE), 0);
    CHECK_INT(kv_seq_reserve(&t, engine_kv(e), 2 * KV_PAGE), ERR_BUSY); /* one page is left */
    CHECK_INT(kv_seq_reserve(&t, engine_kv(e), KV_PAGE), 0);
    kv_seq_release(&t, engine_kv(e));
    kv_seq_release(&s, engine_kv(e));
    CHECK_INT(engine_kv(e)->free_count, 3);
    engine_free(e);
    o.rows_max = 0;
    CHECK_INT(engine_new(&e, m, &o, NULL), ERR_RANGE);
    model_close(m);
}

static void check_pages_wiped(enum kv_format kv) {
    struct model *m = synth_open(&synth_all[1]);
    struct engine *e;
    struct kv_seq s;
    struct engine_opts o = {.threads = 1, .rows_max = 80, .logits_max = 1, .kv_pages = 2, .kv = kv};
    int32_t id[80];
    token_ids(id, 80, model_n_vocab(m), 3);
    CHECK_INT(engine_new(&e, m, &o, NULL), 0);
    CHECK_INT(kv_seq_init(&s, 100), 0);
    CHECK_INT(kv_seq_reserve(&s, engine_kv(e), 80), 0);
    struct engine_part p = {.seq = &s, .ids = id, .count = 80, .logits_from = 80};
    CHECK_INT(engine_step(e, &p, 1), 0);
    size_t used = 0, bytes = 2 * engine_page_bytes(m, kv);
    CHECK_INT(engine_kv(e)->page_bytes * 2, bytes);
    for (size_t i = 0; i < bytes; i++) used += engine_kv(e)->mem[i] != 0;
    CHECK(used > bytes / 4);
    kv_seq_release(&s, engine_kv(e));
    used = 0;
    for (size_t i = 0; i < bytes; i++) used += engine_kv(e)->mem[i] != 0;
    CHECK_INT(used, 0);
    engine_free(e);
    model_close(m);
}
TEST(pages_are_zero_when_they_come_back) {
    check_pages_wiped(KV_F16);
    check_pages_wiped(KV_Q8);
}

TESTS_MAIN("engine", T(kernels_threads_chunks_and_pages_change_no_bit), T(bytes_of_a_token_are_those_of_weights_and_keys),
           T(q8_needs_heads_of_a_multiple_of_32), T(batches_of_1_to_64_change_no_bit), T(golden_digests_of_synthetic_models),
           T(golden_digests_of_stories260k_in_each_type), T(golden_digest_of_the_shipped_model),
           T(a_sequence_that_overflows_does_not_touch_the_others), T(an_overflow_in_the_last_norm_fails_the_sequence_that_has_it),
           T(steps_that_cannot_be_are_refused), T(pages_are_zero_when_they_come_back))
