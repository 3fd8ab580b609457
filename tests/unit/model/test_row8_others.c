/* Products of row8 by somebody else: the same bits; steps that fail leave everything as it was; what is not finite is never sent. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "math/kv_page.h"
#include "model/gen.h"
#include "model/gguf.h"
#include "tests/unit/model/logits.h"
#include "tests/unit/model/row8_util.h"

enum { TOKENS = 40 };
/* Widths that are no multiple of anything; tied; biases; norms behind blocks and soft caps; fused tensors; both fields; three digits. */
static const struct synth *const shapes[] = {&synth_all[0],      &synth_all[1],      &synth_all[6], &synth_families[3],
                                             &synth_families[5], &synth_families[6], &row8_wide,    &row8_narrow};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

TEST(whoever_multiplies_the_logits_are_the_same) {
    for (unsigned i = 0; i < SHAPES; i++) {
        struct model *m = row8_model(shapes[i]);
        struct others s = {.m = m};
        int32_t id[TOKENS];
        token_ids(id, TOKENS, model_n_vocab(m), i);
        float *want = all_logits(m, id, TOKENS, (struct setting){.threads = 1, .chunk = TOKENS});
        for (uint32_t chunk = 1; chunk <= TOKENS; chunk = chunk * 5 + 2) {
            float *got = others_logits(m, &s, id, TOKENS, chunk, 1 + chunk % 3);
            CHECK_MEM(got, want, row_bytes(m, TOKENS));
            free(got);
        }
        CHECK(s.columns > 0 && !s.out_of_bounds);
        free(want);
        model_close(m);
    }
}

/* ---- steps that fail ---- */

/* Two sequences with a past of their own, and the products of their next step fail at the fail_at-th. */
static void check_failure(const struct model *m, uint32_t fail_at, const float *want, const int32_t *id) {
    struct others s = {.m = m, .fail_with = ERR_IO};
    struct kv_seq a, b;
    size_t v = model_n_vocab(m);
    struct engine *e = others_engine(m, &s, 2 * TOKENS, 2, TOKENS, &a);
    CHECK_INT(kv_seq_init(&b, TOKENS), 0);
    CHECK_INT(kv_seq_reserve(&b, engine_kv(e), TOKENS), 0);
    struct engine_part first[2] = {{.seq = &a, .ids = id, .count = 9, .logits_from = 9},
                                   {.seq = &b, .ids = id, .count = 3, .logits_from = 3}};
    CHECK_INT(engine_step(e, first, 2), 0);
    s.fail_at = s.products + fail_at;
    struct engine_part part[2] = {{.seq = &a, .ids = id + 9, .count = 20}, {.seq = &b, .ids = id + 3, .count = 1}};
    CHECK_INT(engine_step(e, part, 2), ERR_IO);
    CHECK_INT(a.length, 9);
    CHECK_INT(b.length, 3);
    /* another step first, of one of them alone; then what had failed */
    struct engine_part other = {.seq = &b, .ids = id + 3, .count = 2};
    CHECK_INT(engine_step(e, &other, 1), 0);
    CHECK_MEM(other.logits, want + 3 * v, 2 * v * sizeof *want);
    part[1] = (struct engine_part){.seq = &b, .ids = id + 5, .count = 1};
    CHECK_INT(engine_step(e, part, 2), 0);
    CHECK_INT(part[0].err, 0);
    CHECK_MEM(part[0].logits, want + 9 * v, 20 * v * sizeof *want);
    CHECK_MEM(part[1].logits, want + 5 * v, v * sizeof *want);
    CHECK_INT(a.length, 29);
    kv_seq_release(&a, engine_kv(e));
    kv_seq_release(&b, engine_kv(e));
    engine_free(e);
}

TEST(a_step_that_fails_anywhere_can_be_repeated) {
    static const unsigned some[] = {0, 3, 4};
    for (unsigned i = 0; i < 3; i++) {
        struct model *m = row8_model(shapes[some[i]]);
        int32_t id[TOKENS];
        token_ids(id, TOKENS, model_n_vocab(m), 7);
        float *want = all_logits(m, id, TOKENS, (struct setting){.threads = 1, .chunk = TOKENS});
        for (uint32_t k = 1; k <= model_linear_count(m); k++) check_failure(m, k, want, id);
        free(want);
        model_close(m);
    }
}

/* Keys and values of the layers before the failure are in the pages, beyond every length. */
TEST(what_a_failed_step_stored_is_wiped_with_its_pages) {
    struct model *m = row8_model(shapes[0]);
    struct others s = {.m = m, .fail_at = 6, .fail_with = ERR_LOST}; /* in the second layer */
    struct kv_seq seq;
    int32_t id[TOKENS];
    token_ids(id, TOKENS, model_n_vocab(m), 7);
    struct engine *e = others_engine(m, &s, TOKENS, 1, TOKENS, &seq);
    struct engine_part p = {.seq = &seq, .ids = id, .count = TOKENS, .logits_from = TOKENS};
    CHECK_INT(engine_step(e, &p, 1), ERR_LOST);
    CHECK_INT(seq.length, 0);
    const struct kv_pool *kv = engine_kv(e);
    size_t used = 0, bytes = kv->pages * kv->page_bytes;
    for (size_t i = 0; i < bytes; i++) used += kv->mem[i] != 0;
    CHECK(used > 0);
    kv_seq_release(&seq, engine_kv(e));
    used = 0;
    for (size_t i = 0; i < bytes; i++) used += kv->mem[i] != 0;
    CHECK_INT(used, 0);
    engine_free(e);
    model_close(m);
}

struct told {
    int32_t ids[64];
    uint32_t count, failures;
    uint8_t chain[32];
};

/* An answer of the pool's; a step that fails is tried again. */
static void answer(struct model *m, struct others *s, struct told *out) {
    static const uint8_t zeros[32];
    struct gen_pool_opts o = {
        .threads = 2, .slots = 1, .prefill_chunk = 8, .guesses = 4, .linear = s ? &others_ops : NULL, .linear_state = s};
    struct gen_request q = {.raw = 1, .text = {"Once upon a time", 16}, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = 30};
    struct gen_pool *p;
    struct gen *g;
    struct gen_event ev[8];
    *out = (struct told){.count = 0};
    CHECK_INT(gen_pool_new(&p, m, &o, NULL), 0);
    CHECK_INT(gen_start(&g, p, &q, NULL, zeros, NULL, NULL), 0);
    for (enum gen_stop stop = STOP_NONE; stop == STOP_NONE;) {
        if (s) s->fail_at = s->products % 5 == 0 ? s->products + 3 : 0;
        int n = gen_step(p, ev, 8);
        out->failures += n < 0;
        if (n < 0) CHECK_INT(n, ERR_IO);
        for (int i = 0; i < n; i++) {
            CHECK_INT(ev[i].err, 0);
            if (ev[i].id >= 0) out->ids[out->count++] = ev[i].id;
            stop = ev[i].stop;
        }
    }
    gen_digest_chain(g, out->chain);
    gen_pool_free(p);
}

TEST(an_answer_whose_steps_fail_now_and_then_is_the_same_answer) {
    struct model *m = row8_model(&synth_all[3]);
    struct others s = {.m = m, .fail_with = ERR_IO};
    static struct told want, got;
    answer(m, NULL, &want);
    answer(m, &s, &got);
    CHECK(got.failures > 2);
    CHECK_INT(want.failures, 0);
    CHECK(want.count > 1);
    CHECK_INT(got.count, want.count);
    CHECK_MEM(got.ids, want.ids, sizeof want.ids);
    CHECK_MEM(got.chain, want.chain, sizeof want.chain);
    model_close(m);
}

/* ---- what is not finite, and what is nothing ---- */

static void poke(FILE *f, uint64_t at, float x) {
    CHECK(fseek(f, (long)at, SEEK_SET) == 0);
    CHECK(fwrite(&x, sizeof x, 1, f) == 1);
}

/* Token 5 is large in dimension 0, where the first norm overflows; token 6 is nothing at all. */
static struct model *planted(void) {
    struct synth y = synth_all[0];
    struct model *m = NULL;
    struct gguf g;
    const char *path = synth_path("planted");
    synth_write(&y, path);
    CHECK_INT(gguf_open(&g, path, NULL), 0);
    uint64_t embd = gguf_tensor(&g, "token_embd.weight")->offset, norm = gguf_tensor(&g, "blk.0.attn_norm.weight")->offset;
    gguf_close(&g);
    FILE *f = fopen(path, "r+be");
    CHECK(f != NULL);
    for (uint32_t i = 0; i < y.vocab; i++) poke(f, embd + (uint64_t)i * y.embd * 4, i == 5 ? 50.0f : 0.0f);
    for (uint32_t i = 0; i < y.embd; i++) poke(f, embd + ((uint64_t)6 * y.embd + i) * 4, 0.0f);
    poke(f, norm, 3e38f);
    fclose(f);
    CHECK_INT(model_open(&m, path, &(struct model_opts){.arith = ARITH_ROW8}, NULL), 0);
    unlink(path);
    return m;
}

TEST(what_is_not_finite_stays_with_its_sequence_and_is_never_sent) {
    struct model *m = planted();
    struct others s = {.m = m};
    const int32_t good[4] = {1, 6, 9, 11}, bad[4] = {1, 5, 9, 6};
    struct kv_seq a, b;
    size_t v = model_n_vocab(m);
    float *want = all_logits(m, good, 4, (struct setting){.threads = 1, .chunk = 4});
    struct engine *e = others_engine(m, &s, 8, 2, 4, &a);
    CHECK_INT(kv_seq_init(&b, 4), 0);
    CHECK_INT(kv_seq_reserve(&b, engine_kv(e), 4), 0);
    struct engine_part part[2] = {{.seq = &b, .ids = bad, .count = 4}, {.seq = &a, .ids = good, .count = 4}};
    CHECK_INT(engine_step(e, part, 2), 0);
    CHECK_INT(part[0].err, ERR_NONFINITE);
    CHECK_INT(part[1].err, 0);
    CHECK_MEM(part[1].logits, want, 4 * v * sizeof *want);
    CHECK(!s.out_of_bounds);
    CHECK(s.zero_columns >= 3); /* tokens 5, 6 and 6 in the first product at least */
    free(want);
    kv_seq_release(&a, engine_kv(e));
    kv_seq_release(&b, engine_kv(e));
    engine_free(e);
    model_close(m);
}

TESTS_MAIN("row8_others", T(whoever_multiplies_the_logits_are_the_same), T(a_step_that_fails_anywhere_can_be_repeated),
           T(what_a_failed_step_stored_is_wiped_with_its_pages), T(an_answer_whose_steps_fail_now_and_then_is_the_same_answer),
           T(what_is_not_finite_stays_with_its_sequence_and_is_never_sent))
