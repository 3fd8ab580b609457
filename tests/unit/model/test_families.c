/* Each family's forward pass: equal bits whatever the kernels, threads, chunks and batch; golden digests; tensors of the wrong
 * shape are refused by name; the choice of experts. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "math/attend.h"
#include "model/engine.h"
#include "model/hparams.h"
#include "model/make.h"
#include "model/make_parts.h"
#include "model/moe.h"
#include "tests/unit/model/synth_model.h"

enum { TOKENS = 70 };

static void token_ids(int32_t *id, uint32_t n, uint32_t n_vocab, uint64_t seed) {
    for (uint32_t i = 0; i < n; i++) id[i] = (int32_t)(synth_next(&seed) % n_vocab);
}

/* Logits of every position, taken `chunk` at a time. */
static float *logits_of(const struct model *m, const int32_t *id, uint32_t n, const struct kern *kern, uint32_t threads,
                        uint32_t chunk) {
    struct engine *e;
    struct kv_seq seq;
    uint32_t v = model_n_vocab(m);
    struct engine_opts o = {
        .threads = threads, .rows_max = chunk, .logits_max = chunk, .kv_pages = (n + KV_PAGE - 1) / KV_PAGE, .kern = kern};
    float *rows = malloc((size_t)n * v * sizeof *rows);
    CHECK_INT(engine_new(&e, m, &o, NULL), 0);
    CHECK_INT(kv_seq_init(&seq, n), 0);
    CHECK_INT(kv_seq_reserve(&seq, engine_kv(e), n), 0);
    for (uint32_t at = 0; at < n; at += chunk) {
        struct engine_part p = {.seq = &seq, .ids = id + at, .count = n - at < chunk ? n - at : chunk};
        CHECK_INT(engine_step(e, &p, 1), 0);
        CHECK_INT(p.err, 0);
        memcpy(rows + (size_t)at * v, p.logits, (size_t)p.count * v * sizeof *rows);
    }
    kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    return rows;
}

static size_t row_bytes(const struct model *m, uint32_t n) { return (size_t)n * model_n_vocab(m) * sizeof(float); }

TEST(kernels_threads_and_chunks_change_no_bit) {
    for (unsigned i = 0; i < SYNTH_FAMILIES; i++) {
        struct model *m = synth_open(&synth_families[i]);
        int32_t id[TOKENS];
        token_ids(id, TOKENS, model_n_vocab(m), i);
        float *want = logits_of(m, id, TOKENS, kern_nth(0), 1, TOKENS);
        for (unsigned k = 0; kern_nth(k); k++) {
            static const uint32_t settings[][2] = {{1, 1}, {2, 7}, {3, 64}, {4, 25}, {8, TOKENS}}; /* threads, chunk */
            for (unsigned s = 0; s < sizeof settings / sizeof settings[0]; s++) {
                float *got = logits_of(m, id, TOKENS, kern_nth(k), settings[s][0], settings[s][1]);
                if (memcmp(got, want, row_bytes(m, TOKENS)) != 0)
                    printf("# %s differs: %s, setting %u\n", synth_families[i].name, kern_name(kern_nth(k)), s);
                CHECK_MEM(got, want, row_bytes(m, TOKENS));
                free(got);
            }
        }
        free(want);
        model_close(m);
    }
}

/* Several sequences in each step, with pieces of changing lengths in changing order. */
static void check_batch(const struct model *m, uint32_t sequences) {
    enum { LENGTH = 30 };
    struct engine *e;
    struct kv_seq seq[16];
    int32_t id[16][LENGTH];
    float *want[16];
    uint32_t v = model_n_vocab(m), left = sequences * LENGTH;
    uint64_t draw = sequences;
    struct engine_opts o = {.threads = 2, .rows_max = 16 * 5, .logits_max = 16 * 5, .kv_pages = 16};
    CHECK_INT(engine_new(&e, m, &o, NULL), 0);
    for (uint32_t s = 0; s < sequences; s++) {
        token_ids(id[s], LENGTH, v, 100 + s);
        want[s] = logits_of(m, id[s], LENGTH, NULL, 1, LENGTH);
        CHECK_INT(kv_seq_init(&seq[s], LENGTH), 0);
        CHECK_INT(kv_seq_reserve(&seq[s], engine_kv(e), LENGTH), 0);
    }
    while (left) {
        struct engine_part part[16];
        size_t parts = 0;
        uint32_t shift = (uint32_t)(synth_next(&draw) % sequences);
        for (uint32_t i = 0; i < sequences; i++) {
            uint32_t s = (i + shift) % sequences, count = (uint32_t)(synth_next(&draw) % 6);
            if (count > LENGTH - seq[s].length) count = LENGTH - seq[s].length;
            if (count) part[parts++] = (struct engine_part){.seq = &seq[s], .ids = id[s] + seq[s].length, .count = count};
        }
        if (!parts) continue;
        CHECK_INT(engine_step(e, part, parts), 0);
        for (size_t i = 0; i < parts; i++) {
            uint32_t s = (uint32_t)(part[i].seq - seq), first = seq[s].length - part[i].count;
            CHECK_INT(part[i].err, 0);
            CHECK_MEM(part[i].logits, want[s] + (size_t)first * v, part[i].count * v * sizeof(float));
            left -= part[i].count;
        }
    }
    for (uint32_t s = 0; s < sequences; s++) {
        kv_seq_release(&seq[s], engine_kv(e));
        free(want[s]);
    }
    engine_free(e);
}

TEST(batches_change_no_bit) {
    for (unsigned i = 0; i < SYNTH_FAMILIES; i++) {
        struct model *m = synth_open(&synth_families[i]);
        check_batch(m, 2 + i);
        check_batch(m, 16);
        model_close(m);
    }
}

/* tests/data/golden_logits.txt: "name sha256". 1 when they differ. */
static int golden_differs(const char *name, const struct model *m) {
    int32_t id[TOKENS];
    uint8_t digest[32];
    char hex[65], line[160], want[65] = "";
    token_ids(id, TOKENS, model_n_vocab(m), 4711);
    float *rows = logits_of(m, id, TOKENS, NULL, 2, 50);
    sha256_of(digest, rows, row_bytes(m, TOKENS));
    hex_encode(hex, digest, 32);
    free(rows);
    FILE *f = fopen("tests/data/golden_logits.txt", "re");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f)) {
        char n[64], h[65];
        if (sscanf(line, "%63s %64s", n, h) == 2 && strcmp(n, name) == 0) strcpy(want, h);
    }
    fclose(f);
    if (strcmp(hex, want) == 0) return 0;
    printf("# golden: %s %s\n", name, hex);
    return 1;
}

TEST(golden_digests_of_each_family) {
    int differ = 0;
    for (unsigned i = 0; i < SYNTH_FAMILIES; i++) {
        struct model *m = synth_open(&synth_families[i]);
        differ += golden_differs(synth_families[i].name, m);
        model_close(m);
    }
    CHECK_INT(differ, 0);
}

/* `lull model make` has a small shape of every family, and they open. */
TEST(each_family_has_a_shape_that_opens) {
    for (size_t f = 0; families[f]; f++) {
        unsigned shapes = 0;
        for (const struct make_shape *s = make_shapes; s->name; s++) {
            if (strcmp(s->arch, families[f]->arch) != 0 || strncmp(s->name, "tiny-", 5) != 0) continue;
            struct model *m = NULL;
            const char *path = synth_path(s->name);
            CHECK_INT(make_model(s->name, weight_type_of(WEIGHT_Q8_0), 1, path, NULL, NULL), 0);
            CHECK_INT(model_open(&m, path, NULL, NULL), 0);
            unlink(path);
            CHECK_STR(model_arch(m), s->arch);
            CHECK(strstr(make_shape_names, s->name) != NULL);
            model_close(m);
            shapes++;
        }
        CHECK(shapes > 0);
    }
}

/* ---- longrope ---- */

TEST(longrope_follows_the_context_and_says_so) {
    const struct synth *y = &synth_families[6];
    struct model *m = NULL;
    struct model_opts shorter = {.context = 128}, whole = {.context = 5000};
    int32_t id[20];
    const char *path = synth_path("longrope");
    synth_write(y, path);
    CHECK_INT(model_open(&m, path, &whole, NULL), 0);
    token_ids(id, 20, model_n_vocab(m), 1);
    CHECK_INT(model_context(m), 512);
    CHECK_STR(model_profile(m, KV_F16), "C1-f16-c512");
    float *with_long = logits_of(m, id, 20, NULL, 1, 20);
    model_close(m);
    CHECK_INT(model_open(&m, path, &shorter, NULL), 0);
    unlink(path);
    CHECK_INT(model_context(m), 128);
    CHECK_STR(model_profile(m, KV_F16), "C1-f16-c128");
    float *with_short = logits_of(m, id, 20, NULL, 1, 20);
    CHECK_MEM(with_short, with_long, row_bytes(m, 1)); /* position 0 does not turn */
    CHECK(memcmp(with_short, with_long, row_bytes(m, 20)) != 0);
    CHECK_INT(golden_differs("phi3-short", m), 0);
    free(with_short);
    free(with_long);
    model_close(m);
}

/* ---- what is refused ---- */

static int try_open(const struct synth *y, struct why *why) {
    struct model *m = NULL;
    const char *path = synth_path(y->name);
    synth_write(y, path);
    *why = (struct why){{0}};
    int r = model_open(&m, path, NULL, why);
    unlink(path);
    model_close(m);
    return r;
}

TEST(tensors_that_are_missing_or_misshapen_are_refused_by_name) {
    static const struct {
        const char *family, *tensor;
    } cases[] = {{"mixtral", "blk.1.ffn_gate_inp.weight"},   {"mixtral", "blk.0.ffn_gate_exps.weight"},
                 {"mixtral", "blk.0.ffn_up_exps.weight"},    {"qwen3moe", "blk.1.ffn_down_exps.weight"},
                 {"qwen3moe", "blk.0.attn_q_norm.weight"},   {"gemma2", "blk.2.post_attention_norm.weight"},
                 {"gemma3", "blk.6.post_ffw_norm.weight"},   {"gemma3", "blk.0.attn_k_norm.weight"},
                 {"phi3", "blk.1.attn_qkv.weight"},          {"phi3", "blk.0.ffn_up.weight"},
                 {"phi3-long", "rope_factors_short.weight"}, {"phi3-long", "rope_factors_long.weight"},
                 {"smollm3", "blk.3.attn_output.weight"},    {"granite", "blk.0.ffn_gate.weight"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned f = 0; f < SYNTH_FAMILIES; f++) {
            if (strcmp(synth_families[f].name, cases[i].family) != 0) continue;
            struct synth y = synth_families[f];
            struct why why;
            y.misshapen = cases[i].tensor;
            CHECK_INT(try_open(&y, &why), ERR_FORMAT);
            CHECK(strstr(why.text, cases[i].tensor) != NULL);
            y.misshapen = NULL, y.leave_out = cases[i].tensor;
            CHECK_INT(try_open(&y, &why), ERR_FORMAT);
            CHECK(strstr(why.text, cases[i].tensor) != NULL);
        }
}

TEST(a_number_of_experts_that_differs_is_refused) {
    struct synth y = synth_families[0];
    struct why why;
    y.key[0] = (struct synth_key){"expert_shared_count", 1, 0};
    CHECK_INT(try_open(&y, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "llama.expert_shared_count") != NULL);
    y = synth_families[0], y.extra = "blk.0.ffn_up_shexp.weight";
    CHECK_INT(try_open(&y, &why), ERR_UNSUPPORTED);
    y = synth_families[0], y.used = 6;
    CHECK_INT(try_open(&y, &why), ERR_RANGE);
    y = synth_families[0], y.experts = 0; /* keys of a mixture without experts: the tensors of a plain model */
    CHECK_INT(try_open(&y, &why), 0);
}

/* ---- the choice of experts ---- */

static void check_choice(const float *l, uint32_t n, uint32_t used, const uint32_t *want) {
    uint32_t id[EXPERTS_USED_MAX];
    float w[EXPERTS_USED_MAX], sum = 0;
    CHECK_INT(moe_choose(l, n, used, id, w), 0);
    for (uint32_t i = 0; i < used; i++) {
        CHECK_INT(id[i], want[i]);
        CHECK(w[i] > 0);
        sum += w[i];
    }
    CHECK(fabsf(sum - 1) < 1e-6f);
}

TEST(ties_go_to_the_lower_expert) {
    static const float equal[6] = {1, 1, 1, 1, 1, 1}, zeros[4] = {-0.0f, 0.0f, -1, 0.0f};
    static const float late[6] = {0, 3, 2, 3, 2, 3}, rising[5] = {-5, -4, -3, -2, -1};
    check_choice(equal, 6, 3, (const uint32_t[]){0, 1, 2});
    check_choice(zeros, 4, 2, (const uint32_t[]){0, 1});
    check_choice(late, 6, 2, (const uint32_t[]){1, 3});
    check_choice(late, 6, 4, (const uint32_t[]){1, 2, 3, 5});
    check_choice(rising, 5, 2, (const uint32_t[]){3, 4});
    check_choice(rising, 5, 5, (const uint32_t[]){0, 1, 2, 3, 4});
    check_choice(rising, 5, 1, (const uint32_t[]){4});
    uint32_t id[2];
    float w[2];
    CHECK_INT(moe_choose(equal, 6, 2, id, w), 0);
    CHECK(w[0] == 0.5f && w[1] == 0.5f);
}

TEST(the_choice_agrees_with_sorting) {
    uint64_t s = 5;
    for (int round = 0; round < 2000; round++) {
        uint32_t n = 1 + (uint32_t)(synth_next(&s) % 40), used = 1 + (uint32_t)(synth_next(&s) % n), id[EXPERTS_USED_MAX];
        float l[40], w[EXPERTS_USED_MAX];
        for (uint32_t i = 0; i < n; i++) l[i] = (float)(synth_next(&s) % 7); /* many ties */
        CHECK_INT(moe_choose(l, n, used, id, w), 0);
        for (uint32_t i = 0, at = 0; i < n; i++) {
            uint32_t ahead = 0;
            for (uint32_t k = 0; k < n; k++) ahead += l[k] > l[i] || (l[k] == l[i] && k < i);
            int chosen = at < used && id[at] == i;
            CHECK_INT(chosen, ahead < used);
            at += (uint32_t)chosen;
        }
    }
}

TEST(logits_that_are_not_finite_are_an_error) {
    static const float bad[][3] = {{0, NAN, 1}, {INFINITY, 0, 1}, {0, 1, -INFINITY}};
    for (size_t i = 0; i < 3; i++) {
        uint32_t id[2];
        float w[2];
        CHECK_INT(moe_choose(bad[i], 3, 2, id, w), ERR_NONFINITE);
        CHECK(id[0] == 0 && id[1] == 1 && w[0] == 0 && w[1] == 0);
    }
}

TESTS_MAIN("families", T(kernels_threads_and_chunks_change_no_bit), T(batches_change_no_bit), T(golden_digests_of_each_family),
           T(each_family_has_a_shape_that_opens), T(longrope_follows_the_context_and_says_so),
           T(tensors_that_are_missing_or_misshapen_are_refused_by_name), T(a_number_of_experts_that_differs_is_refused),
           T(ties_go_to_the_lower_expert), T(the_choice_agrees_with_sorting), T(logits_that_are_not_finite_are_an_error))
