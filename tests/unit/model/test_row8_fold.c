/* Arithmetic row8-fold: equal bits whatever the kernels, threads, chunks and batches; what the folded rows are, from the file's tensors;
 * two rounds for each layer; close to the same weights with float activations in every family; who is refused. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "math/pool.h"
#include "model/linear.h"
#include "tests/unit/model/float_model.h"
#include "tests/unit/model/logits.h"
#include "tests/unit/model/row8_util.h"

static const struct model_opts fold_opts = {.arith = ARITH_ROW8_FOLD};
static struct model *fold_model(const struct synth *y) { return synth_open_as(y, &fold_opts); }

/* Every dense family; widths that are no multiple of anything; tied, fused, biases, norms of heads and behind blocks, caps; both fields. */
static const struct synth *const shapes[] = {&synth_all[0],      &synth_all[1],      &synth_all[3],      &synth_all[4],
                                             &synth_all[6],      &synth_all[7],      &synth_families[2], &synth_families[3],
                                             &synth_families[4], &synth_families[5], &synth_families[6], &synth_families[7],
                                             &synth_families[8], &row8_wide,         &row8_narrow};
enum { SHAPES = sizeof shapes / sizeof shapes[0], TOKENS = 70 };

TEST(kernels_threads_and_chunks_change_no_bit) {
    for (unsigned i = 0; i < SHAPES; i++) {
        struct model *m = fold_model(shapes[i]);
        int32_t id[TOKENS];
        token_ids(id, TOKENS, model_n_vocab(m), i);
        float *want = all_logits(m, id, TOKENS, (struct setting){kern_nth(0), 1, TOKENS, 0, KV_F16, NULL});
        for (unsigned k = 0; kern_nth(k); k++) {
            const struct setting settings[] = {{kern_nth(k), 1, 1, 0, KV_F16, NULL},
                                               {kern_nth(k), 3, 7, 3, KV_F16, NULL},
                                               {kern_nth(k), 2, 64, 1, KV_F16, NULL}};
            for (unsigned s = 0; s < sizeof settings / sizeof settings[0]; s++) {
                float *got = all_logits(m, id, TOKENS, settings[s]);
                if (memcmp(got, want, row_bytes(m, TOKENS)) != 0) printf("# %s differs: %u\n", shapes[i]->name, s);
                CHECK_MEM(got, want, row_bytes(m, TOKENS));
                free(got);
            }
        }
        free(want);
        model_close(m);
    }
}

TEST(batches_change_no_bit) {
    for (unsigned i = 0; i < SHAPES; i += 4) {
        struct model *m = fold_model(shapes[i]);
        check_batch(m, 2 + i, 1 + i % 3, KV_F16);
        model_close(m);
    }
}

TEST(golden_digests_of_synthetic_models) {
    int differ = 0;
    for (unsigned i = 0; i < SHAPES; i++) {
        char name[64];
        struct model *m = fold_model(shapes[i]);
        snprintf(name, sizeof name, "%s/row8-fold", shapes[i]->name);
        differ += golden_differs(name, m, TOKENS, KV_F16);
        model_close(m);
    }
    CHECK_INT(differ, 0);
}

TEST(the_shipped_model_gives_its_golden_digest) {
    struct model *m = NULL;
    if (access("models/lull-toy-q8_0.gguf", R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    CHECK_INT(model_open(&m, "models/lull-toy-q8_0.gguf", &fold_opts, NULL), 0);
    CHECK_INT(golden_differs("lull-toy-q8_0/row8-fold", m, 150, KV_F16), 0);
    model_close(m);
}

/* ---- what the rows are ---- */

/* A matrix of the file as floats. */
static float *matrix(const struct gguf *g, const char *name, uint32_t *rows, uint32_t *cols) {
    const struct gguf_tensor *t = gguf_tensor(g, name);
    CHECK(t != NULL);
    const struct weight_type *type = weight_type_of(t->type);
    *cols = (uint32_t)t->dims[0];
    *rows = (uint32_t)t->dims[1];
    float *all = malloc((size_t)*rows * *cols * sizeof *all);
    for (uint32_t r = 0; r < *rows; r++)
        weight_row_decode(type, t->data + (size_t)r * weight_row_bytes(type, *cols), *cols, all + (size_t)r * *cols);
    return all;
}

static float *vector(const struct gguf *g, const char *name) {
    const struct gguf_tensor *t = gguf_tensor(g, name);
    CHECK(t != NULL);
    float *v = malloc(t->dims[0] * sizeof *v);
    memcpy(v, t->data, t->dims[0] * sizeof *v);
    return v;
}

/* What a stack of m holds from row `at` on must be left (its rows times the gains) times right; by all three ways to a row. */
static void check_folded(const struct gguf *g, const struct model *m, uint32_t stack, uint32_t at, const char *left_name,
                         const char *right_name, const char *gain_name, const char *post_name) {
    struct linear_rows *rows = NULL;
    struct pool *pool = NULL;
    const struct linear l = model_linear(m, stack);
    uint32_t left_rows, depth, right_rows, cols;
    float *left = matrix(g, left_name, &left_rows, &depth), *right = matrix(g, right_name, &right_rows, &cols);
    float *gain = vector(g, gain_name), *post = post_name ? vector(g, post_name) : NULL;
    float *y = malloc(cols * sizeof *y), *scratch = malloc(cols * sizeof *y), scale, got_scale;
    int8_t *w = malloc(cols), *got = malloc(cols);
    const int8_t *listed;
    CHECK_INT(right_rows, depth);
    CHECK_INT(cols, l.cols);
    CHECK_INT(pool_new(&pool, 2, NULL), 0);
    CHECK_INT(linear_rows_new(&rows, m, pool), 0);
    for (uint32_t i = 0; i < left_rows; i++) {
        for (uint32_t j = 0; j < cols; j++) {
            double sum = 0;
            for (uint32_t k = 0; k < depth; k++) {
                float a = left[(size_t)i * depth + k] * gain[k];
                if (post) a = a * post[k];
                sum = fma((double)a, (double)right[(size_t)k * cols + j], sum);
            }
            y[j] = (float)sum;
        }
        CHECK_INT(row8_quantise(kern_nth(0), y, cols, w, &scale), 0);
        CHECK_INT(linear_rows_get(rows, stack, at + i, &listed, &got_scale), 0);
        CHECK_MEM(listed, w, cols);
        CHECK_MEM(&got_scale, &scale, sizeof scale);
        if (model_linear_weights(m, stack)->data) {
            row8_unpack(model_linear_weights(m, stack), at + i, got);
            CHECK_MEM(got, w, cols);
            CHECK_MEM(&l.row_scale[at + i], &scale, sizeof scale);
            CHECK(row8_norm2(w, cols) <= l.norm2_max);
        }
        if (i % 7 != 0) continue;
        CHECK_INT(model_linear_row(m, stack, at + i, scratch, got, &got_scale), 0);
        CHECK_MEM(got, w, cols);
        CHECK_MEM(&got_scale, &scale, sizeof scale);
    }
    linear_rows_free(rows);
    pool_free(pool);
    free(left), free(right), free(gain), free(post), free(y), free(scratch), free(w), free(got);
}

/* The same model, packed and streamed, with the file beside it. */
static void check_rows(const struct synth *y, void (*check)(const struct gguf *g, const struct model *m)) {
    static const enum model_stacks both[] = {STACKS_PACKED, STACKS_STREAMED};
    for (unsigned i = 0; i < 2; i++) {
        struct model *m = NULL;
        struct gguf g;
        const char *path = synth_path("folded");
        synth_write(y, path);
        CHECK_INT(model_open(&m, path, &(struct model_opts){.arith = ARITH_ROW8_FOLD, .stacks = both[i]}, NULL), 0);
        CHECK_INT(gguf_open(&g, path, NULL), 0);
        unlink(path);
        check(&g, m);
        gguf_close(&g);
        model_close(m);
    }
}

static void check_llama(const struct gguf *g,
                        const struct model *m) { /* 8 heads of 64, 2 for keys; width 160, 224 between; 3 layers */
    CHECK_INT(model_linear_count(m), 3 * LINEAR_KINDS + 1);
    CHECK_INT(model_linear(m, 4 + LINEAR_OUT).rows, 160 + 2 * 224);
    CHECK_INT(model_linear(m, 4 + LINEAR_DOWN).rows, 160 + 512 + 2 * 128);
    CHECK_INT(model_linear(m, 8 + LINEAR_DOWN).rows, 160); /* nothing is folded into the last */
    check_folded(g, m, 4 + LINEAR_OUT, 160, "blk.1.ffn_gate.weight", "blk.1.attn_output.weight", "blk.1.ffn_norm.weight", NULL);
    check_folded(g, m, 4 + LINEAR_OUT, 384, "blk.1.ffn_up.weight", "blk.1.attn_output.weight", "blk.1.ffn_norm.weight", NULL);
    check_folded(g, m, 4 + LINEAR_DOWN, 160, "blk.2.attn_q.weight", "blk.1.ffn_down.weight", "blk.2.attn_norm.weight", NULL);
    check_folded(g, m, 4 + LINEAR_DOWN, 800, "blk.2.attn_v.weight", "blk.1.ffn_down.weight", "blk.2.attn_norm.weight", NULL);
}

static void check_gemma2(const struct gguf *g, const struct model *m) { /* 4 heads of 32, 2 for keys; width 96, 160 between */
    check_folded(g, m, LINEAR_OUT, 96, "blk.0.ffn_gate.weight", "blk.0.attn_output.weight", "blk.0.ffn_norm.weight",
                 "blk.0.post_attention_norm.weight");
    check_folded(g, m, LINEAR_DOWN, 96 + 128, "blk.1.attn_k.weight", "blk.0.ffn_down.weight", "blk.1.attn_norm.weight",
                 "blk.0.post_ffw_norm.weight");
}

TEST(a_folded_row_is_the_product_that_the_rule_says) {
    check_rows(&synth_all[3], check_llama);
    check_rows(&synth_families[3], check_gemma2);
}

/* Stacks that are not folded, and the first rows of those that are, are row8's. */
TEST(all_other_rows_are_those_of_row8) {
    for (unsigned i = 0; i < SHAPES; i++) {
        struct model *m = fold_model(shapes[i]), *plain = row8_model(shapes[i]);
        CHECK_INT(model_linear_count(m), model_linear_count(plain));
        for (uint32_t s = 0; s < model_linear_count(m); s++) {
            const struct linear a = model_linear(m, s), b = model_linear(plain, s);
            int8_t *wa = malloc(a.cols), *wb = malloc(a.cols);
            CHECK_INT(a.cols, b.cols);
            CHECK(a.rows >= b.rows);
            for (uint32_t r = 0; r < b.rows; r++) {
                row8_unpack(model_linear_weights(m, s), r, wa);
                row8_unpack(model_linear_weights(plain, s), r, wb);
                CHECK_MEM(wa, wb, a.cols);
            }
            CHECK_MEM(a.row_scale, b.row_scale, b.rows * sizeof(float));
            free(wa), free(wb);
        }
        model_close(m), model_close(plain);
    }
}

/* ---- products by somebody else ---- */

TEST(whoever_multiplies_two_rounds_a_layer_give_the_same_logits) {
    for (unsigned i = 0; i < SHAPES; i++) {
        struct model *m = fold_model(shapes[i]);
        struct others s = {.m = m};
        int32_t id[TOKENS];
        token_ids(id, TOKENS, model_n_vocab(m), i);
        float *want = all_logits(m, id, TOKENS, (struct setting){.threads = 1, .chunk = TOKENS});
        for (uint32_t chunk = 7; chunk <= TOKENS; chunk *= 10) {
            s.rounds = s.products = 0;
            float *got = others_logits(m, &s, id, TOKENS, chunk, 1 + chunk % 3);
            uint32_t passes = (TOKENS + chunk - 1) / chunk;
            CHECK_MEM(got, want, row_bytes(m, TOKENS));
            CHECK_INT(s.products, passes * model_linear_count(m));
            CHECK_INT(s.rounds, passes * (2 * shapes[i]->layers + 2)); /* the first q|k|v, and the head */
            free(got);
        }
        CHECK(!s.out_of_bounds);
        free(want);
        model_close(m);
    }
}

/* Who takes one product at a time only is asked so. */
TEST(without_a_way_to_ask_for_two_they_are_asked_for_one_by_one) {
    struct model *m = fold_model(shapes[0]);
    struct others s = {.m = m};
    struct engine *e = NULL;
    struct kv_seq seq;
    int32_t id[TOKENS];
    struct engine_opts o = {
        .threads = 1, .rows_max = TOKENS, .logits_max = TOKENS, .kv_pages = 8, .linear = &others_ops, .linear_state = &s};
    token_ids(id, TOKENS, model_n_vocab(m), 3);
    float *want = all_logits(m, id, TOKENS, (struct setting){.threads = 1, .chunk = TOKENS});
    CHECK_INT(engine_new(&e, m, &o, NULL), 0);
    CHECK_INT(kv_seq_init(&seq, TOKENS), 0);
    CHECK_INT(kv_seq_reserve(&seq, engine_kv(e), TOKENS), 0);
    struct engine_part p = {.seq = &seq, .ids = id, .count = TOKENS};
    CHECK_INT(engine_step(e, &p, 1), 0);
    CHECK_MEM(p.logits, want, row_bytes(m, TOKENS));
    CHECK_INT(s.rounds, model_linear_count(m));
    kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    free(want);
    model_close(m);
}

TEST(a_client_file_is_the_same_and_gives_the_same_logits) {
    static const unsigned some[] = {0, 7, 9, 13};
    for (unsigned i = 0; i < 4; i++) {
        struct model *m = fold_model(shapes[some[i]]), *client = NULL;
        struct others s = {.m = m};
        int32_t id[TOKENS];
        char path[160];
        uint32_t n = model_linear_count(m);
        struct linear *l = calloc(n, sizeof *l);
        snprintf(path, sizeof path, "%s", synth_path("fold-client"));
        CHECK_INT(model_write_client(m, path, NULL), 0);
        for (uint32_t k = 0; k < n; k++) l[k] = model_linear(m, k);
        struct model_opts o = {.arith = ARITH_ROW8_FOLD, .stacks = STACKS_ELSEWHERE, .linear = l, .linear_count = n};
        CHECK_INT(model_open(&client, path, &o, NULL), 0);
        struct model *plain = NULL;
        struct why why = {{0}};
        o.arith = ARITH_ROW8; /* whose stacks are smaller */
        CHECK_INT(model_open(&plain, path, &o, &why), ERR_RANGE);
        unlink(path);
        token_ids(id, TOKENS, model_n_vocab(m), i);
        float *want = all_logits(m, id, TOKENS, (struct setting){.threads = 1, .chunk = TOKENS});
        float *got = others_logits(client, &s, id, TOKENS, 16, 2);
        CHECK_MEM(got, want, row_bytes(m, TOKENS));
        free(got), free(want), free(l);
        model_close(client), model_close(m);
    }
}

/* ---- how close ---- */

static double log_sum(const float *l, uint32_t n) { return surprise(l, n, 0) + (double)l[0]; }

static double mean_kl(const float *p, const float *q, uint32_t n, uint32_t v) {
    double sum = 0;
    for (uint32_t t = 0; t < n; t++, p += v, q += v) {
        double all_p = log_sum(p, v), all_q = log_sum(q, v);
        for (uint32_t i = 0; i < v; i++) sum += exp((double)p[i] - all_p) * ((double)p[i] - all_p - (double)q[i] + all_q);
    }
    return sum / n;
}

static float *logits_as(const char *path, enum model_arith arith, const int32_t *id) {
    struct model *m = NULL;
    CHECK_INT(model_open(&m, path, &(struct model_opts){.arith = arith}, NULL), 0);
    float *rows = all_logits(m, id, TOKENS, (struct setting){.threads = 2, .chunk = TOKENS});
    model_close(m);
    return rows;
}

/* The floats' own distribution, beside row8's and row8-fold's of the same file. */
TEST(every_family_stays_close_to_float_activations) {
    for (unsigned i = 0; i < SHAPES; i++) {
        struct gguf g;
        char path[160], floats[160];
        int32_t id[TOKENS];
        snprintf(path, sizeof path, "%s", synth_path("close"));
        snprintf(floats, sizeof floats, "%s", synth_path("close-floats"));
        synth_write(shapes[i], path);
        CHECK_INT(gguf_open(&g, path, NULL), 0);
        write_floats(&g, floats);
        gguf_close(&g);
        token_ids(id, TOKENS, shapes[i]->vocab, i);
        float *want = logits_as(floats, ARITH_C1, id), *row8 = logits_as(path, ARITH_ROW8, id);
        float *fold = logits_as(path, ARITH_ROW8_FOLD, id);
        double a = mean_kl(want, row8, TOKENS, shapes[i]->vocab), b = mean_kl(want, fold, TOKENS, shapes[i]->vocab);
        printf("# %s: mean KL to float activations: row8 %.2e, row8-fold %.2e\n", shapes[i]->name, a, b);
        CHECK(b < 4 * a + 1e-6);
        CHECK(b < 0.05);
        unlink(path), unlink(floats);
        free(want), free(row8), free(fold);
    }
}

/* ---- opening ---- */

TEST(experts_are_refused_with_the_reason) {
    for (unsigned i = 0; i < 2; i++) {
        struct model *m = NULL;
        struct why why = {{0}};
        const char *path = synth_path("experts");
        synth_write(&synth_families[i], path);
        CHECK_INT(model_open(&m, path, &fold_opts, &why), ERR_UNSUPPORTED);
        unlink(path);
        CHECK(m == NULL && strstr(why.text, "experts") && strstr(why.text, "reveal the tokens"));
    }
}

/* Where a matrix stands alone, where it is multiplied by, and where only the product is too large. */
TEST(what_is_not_finite_is_refused_by_name) {
    static const struct {
        const char *tensor, *named, *said;
        uint32_t bits;
    } cases[] = {{"blk.0.attn_k.weight", "blk.0.attn_k.weight", "NaN", 0xffc00001},
                 {"blk.1.ffn_up.weight", "blk.1.ffn_up.weight", "NaN", 0x7f800000},
                 {"blk.1.attn_output.weight", "blk.1.attn_output.weight", "NaN", 0x7fc00000},
                 {"blk.0.ffn_down.weight", "blk.1.attn_q.weight", "when it is folded", 0x7f7fffff}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model *m = NULL;
        struct why why = {{0}};
        struct gguf g;
        const char *path = synth_path("nan");
        synth_write(&synth_all[0], path);
        CHECK_INT(gguf_open(&g, path, NULL), 0);
        long at = (long)gguf_tensor(&g, cases[i].tensor)->offset;
        gguf_close(&g);
        FILE *f = fopen(path, "r+be");
        for (uint32_t k = 0; k < 72; k++) /* a column of large ones, for a product that no single value is */
            CHECK(f && fseek(f, at + 4l * 100 * k, SEEK_SET) == 0 && (i < 3 && k > 0 ? 1 : fwrite(&cases[i].bits, 4, 1, f) == 1));
        fclose(f);
        CHECK_INT(model_open(&m, path, &fold_opts, &why), ERR_NONFINITE);
        if (!strstr(why.text, cases[i].named) || !strstr(why.text, cases[i].said)) printf("# %s\n", why.text);
        CHECK(strstr(why.text, cases[i].named) != NULL && strstr(why.text, cases[i].said) != NULL);
        unlink(path);
    }
}

TEST(profile_ids_say_that_it_is_folded) {
    struct model *a = fold_model(&synth_all[3]), *b = row8_model(&synth_all[3]), *c = fold_model(&synth_families[6]);
    enum kv_format kv;
    enum model_arith arith;
    struct why why = {{0}};
    CHECK_STR(model_profile(a, KV_F16), "C1-row8-fold-f16");
    CHECK_STR(model_profile(c, KV_F16), "C1-row8-fold-f16-c512");
    CHECK_INT(model_profile_kv(&kv, a, "C1-row8-fold-q8", NULL), 0);
    CHECK_INT(kv, KV_Q8);
    CHECK_INT(model_profile_kv(&kv, a, "C1-row8-f16", &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "opened with row8, not row8-fold") != NULL);
    CHECK_INT(model_profile_kv(&kv, b, "C1-row8-fold-f16", &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "opened with row8-fold, not row8") != NULL);
    CHECK_INT(profile_arith("C1-row8-fold-f16-c512"), ARITH_ROW8_FOLD);
    CHECK_INT(profile_arith("C1-row8-f16-c512"), ARITH_ROW8);
    CHECK_INT(model_arith_of(&arith, "row8-fold", NULL), 0);
    CHECK_INT(arith, ARITH_ROW8_FOLD);
    model_close(a), model_close(b), model_close(c);
}

TESTS_MAIN("row8_fold", T(kernels_threads_and_chunks_change_no_bit), T(batches_change_no_bit),
           T(golden_digests_of_synthetic_models), T(the_shipped_model_gives_its_golden_digest),
           T(a_folded_row_is_the_product_that_the_rule_says), T(all_other_rows_are_those_of_row8),
           T(whoever_multiplies_two_rounds_a_layer_give_the_same_logits),
           T(without_a_way_to_ask_for_two_they_are_asked_for_one_by_one), T(a_client_file_is_the_same_and_gives_the_same_logits),
           T(every_family_stays_close_to_float_activations), T(experts_are_refused_with_the_reason),
           T(what_is_not_finite_is_refused_by_name), T(profile_ids_say_that_it_is_folded))
