/* Arithmetic row8 in the engine: equal bits whatever the kernels, threads, chunks, batch and pages; golden digests; what its rows are; who
 * may compute what. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "math/pool.h"
#include "model/linear.h"
#include "model/profile.h"
#include "tests/unit/model/logits.h"
#include "tests/unit/model/row8_util.h"

static const struct model_opts row8_opts = {.arith = ARITH_ROW8};

static const struct synth *const shapes[] = {&synth_all[0],      &synth_all[1],      &synth_all[3],      &synth_all[4],
                                             &synth_all[6],      &synth_all[7],      &synth_families[2], &synth_families[3],
                                             &synth_families[4], &synth_families[5], &synth_families[6], &synth_families[8],
                                             &row8_wide,         &row8_narrow};
enum { SHAPES = sizeof shapes / sizeof shapes[0], TOKENS = 70 };

TEST(shapes_have_both_fields_and_two_and_three_digits) {
    unsigned fields = 0, digits = 0;
    for (unsigned i = 0; i < SHAPES; i++) {
        struct model *m = row8_model(shapes[i]);
        for (uint32_t k = 0; k < model_linear_count(m); k++) {
            const struct linear l = model_linear(m, k);
            fields |= l.field->p == FIELD_P24 ? 1 : 2;
            digits |= 1u << row8_token_digits(l.t);
        }
        model_close(m);
    }
    CHECK_INT(fields, 3);
    CHECK_INT(digits, 1 << 2 | 1 << 3);
}

TEST(kernels_threads_chunks_and_pages_change_no_bit) {
    for (unsigned i = 0; i < SHAPES; i++) {
        struct model *m = row8_model(shapes[i]);
        enum kv_format kv = shapes[i]->head_dim % 32 == 0 && i % 2 ? KV_Q8 : KV_F16;
        int32_t id[TOKENS];
        token_ids(id, TOKENS, model_n_vocab(m), i);
        float *want = all_logits(m, id, TOKENS, (struct setting){kern_nth(0), 1, TOKENS, 0, kv, NULL});
        for (unsigned k = 0; kern_nth(k); k++) {
            const struct setting settings[] = {{kern_nth(k), 1, 1, 0, kv, NULL},
                                               {kern_nth(k), 2, 7, 3, kv, NULL},
                                               {kern_nth(k), 3, 64, 1, kv, NULL},
                                               {kern_nth(k), 4, 25, 2, kv, NULL}};
            for (unsigned s = 0; s < sizeof settings / sizeof settings[0]; s++) {
                float *got = all_logits(m, id, TOKENS, settings[s]);
                if (memcmp(got, want, row_bytes(m, TOKENS)) != 0)
                    printf("# %s differs: %s, setting %u\n", shapes[i]->name, kern_name(kern_nth(k)), s);
                CHECK_MEM(got, want, row_bytes(m, TOKENS));
                free(got);
            }
        }
        free(want);
        model_close(m);
    }
}

TEST(batches_change_no_bit) {
    for (unsigned i = 0; i < SHAPES; i += 3) {
        struct model *m = row8_model(shapes[i]);
        check_batch(m, 2 + i, 1 + i % 4, KV_F16);
        check_batch(m, 17, 2, KV_F16);
        model_close(m);
    }
}

TEST(golden_digests_of_synthetic_models) {
    int differ = 0;
    for (unsigned i = 0; i < SHAPES; i++) {
        char name[64];
        struct model *m = row8_model(shapes[i]);
        snprintf(name, sizeof name, "%s/row8", shapes[i]->name);
        differ += golden_differs(name, m, TOKENS, KV_F16);
        model_close(m);
    }
    CHECK_INT(differ, 0);
}

static struct model *shipped(const struct model_opts *o) {
    struct model *m = NULL;
    if (access("models/lull-toy-q8_0.gguf", R_OK) == 0) CHECK_INT(model_open(&m, "models/lull-toy-q8_0.gguf", o, NULL), 0);
    return m;
}

TEST(the_shipped_model_gives_its_golden_digest_however_it_is_computed) {
    struct model *m = shipped(&row8_opts);
    if (!m) SKIP("models/lull-toy-q8_0.gguf is not here");
    int32_t id[50];
    CHECK_INT(golden_differs("lull-toy-q8_0/row8", m, 150, KV_F16) + golden_differs("lull-toy-q8_0/row8-q8", m, 150, KV_Q8), 0);
    token_ids(id, 50, model_n_vocab(m), 1);
    float *want = all_logits(m, id, 50, (struct setting){.threads = 1, .chunk = 50});
    for (uint32_t threads = 1; threads <= 4; threads++) {
        float *got = all_logits(m, id, 50, (struct setting){.threads = threads, .chunk = threads * threads, .waste = threads});
        CHECK_MEM(got, want, row_bytes(m, 50));
        free(got);
    }
    free(want);
    model_close(m);
}

/* ---- what the stacks are ---- */

/* The rows of a stack, from the file's tensors with nothing of the loader: names, which rows, in the order of the document. */
struct piece {
    const char *tensor;
    uint32_t first, rows;
};

static void check_piece(const struct gguf *g, const struct model *m, uint32_t stack, uint32_t at, const struct piece *p) {
    const struct gguf_tensor *t = gguf_tensor(g, p->tensor);
    const struct linear l = model_linear(m, stack);
    CHECK(t != NULL);
    const struct weight_type *type = weight_type_of(t->type);
    float *y = malloc(l.cols * sizeof *y), *scratch = malloc(l.cols * sizeof *y), scale, streamed;
    int8_t *w = malloc(l.cols), *got = malloc(l.cols);
    CHECK_INT(t->dims[0], l.cols);
    for (uint32_t i = 0; i < p->rows; i++) {
        weight_row_decode(type, t->data + (size_t)(p->first + i) * weight_row_bytes(type, l.cols), l.cols, y);
        CHECK_INT(row8_quantise(kern_nth(0), y, l.cols, w, &scale), 0);
        row8_unpack(model_linear_weights(m, stack), at + i, got);
        CHECK_MEM(got, w, l.cols);
        CHECK_MEM(&l.row_scale[at + i], &scale, sizeof scale);
        memset(got, 55, l.cols);
        CHECK_INT(model_linear_row(m, stack, at + i, scratch, got, &streamed), 0);
        CHECK_MEM(got, w, l.cols);
        CHECK_MEM(&streamed, &scale, sizeof scale);
        CHECK(row8_norm2(w, l.cols) <= l.norm2_max);
    }
    free(y), free(scratch), free(w), free(got);
}

static void check_stacks(const struct synth *y, const struct piece (*pieces)[3], const uint32_t stacks[], unsigned count) {
    struct model *m = NULL;
    struct gguf g;
    const char *path = synth_path("stacks");
    synth_write(y, path);
    CHECK_INT(model_open(&m, path, &row8_opts, NULL), 0);
    CHECK_INT(gguf_open(&g, path, NULL), 0);
    unlink(path);
    CHECK_INT(model_linear_count(m), y->layers * LINEAR_KINDS + 1);
    for (unsigned i = 0; i < count; i++) {
        uint32_t at = 0;
        for (unsigned k = 0; k < 3 && pieces[i][k].tensor; at += pieces[i][k++].rows)
            check_piece(&g, m, stacks[i], at, &pieces[i][k]);
        const struct linear l = model_linear(m, stacks[i]);
        uint32_t t;
        CHECK_INT(l.rows, at);
        CHECK(l.field == field_of(l.cols));
        CHECK_INT(row8_bound(l.field, l.cols, l.norm2_max, &t), 0);
        CHECK_INT(l.t, t);
    }
    gguf_close(&g);
    model_close(m);
}

TEST(a_stack_is_the_rows_of_its_matrices_in_order) {
    const struct synth *y = &synth_all[3]; /* 8 heads of 64, 2 for keys; width 160, 224 between; 3 layers */
    static const struct piece pieces[][3] = {
        {{"blk.1.attn_q.weight", 0, 512}, {"blk.1.attn_k.weight", 0, 128}, {"blk.1.attn_v.weight", 0, 128}},
        {{"blk.1.attn_output.weight", 0, 160}},
        {{"blk.1.ffn_gate.weight", 0, 224}, {"blk.1.ffn_up.weight", 0, 224}},
        {{"blk.1.ffn_down.weight", 0, 160}},
        {{"output.weight", 0, 333}},
    };
    static const uint32_t stacks[] = {4 + LINEAR_QKV, 4 + LINEAR_OUT, 4 + LINEAR_GATE_UP, 4 + LINEAR_DOWN, 12};
    check_stacks(y, pieces, stacks, 5);
}

TEST(fused_and_tied_tensors_give_the_same_stacks) {
    static const struct piece fused[][3] = {{{"blk.0.attn_qkv.weight", 0, 160}}, {{"blk.0.ffn_up.weight", 0, 320}}};
    static const uint32_t stacks[] = {LINEAR_QKV, LINEAR_GATE_UP};
    check_stacks(&synth_families[5], fused, stacks, 2); /* phi3: 3 heads of 32, 1 for keys; 160 between */
    static const struct piece tied[][3] = {{{"token_embd.weight", 0, 290}}};
    static const uint32_t last[] = {8};
    check_stacks(&synth_all[1], tied, last, 1);
}

TEST(a_stack_packs_alone_as_with_the_others) {
    struct model *m = row8_model(&synth_all[6]);
    struct pool *p = NULL;
    CHECK_INT(pool_new(&p, 3, NULL), 0);
    for (uint32_t i = 0; i < model_linear_count(m); i++) {
        const struct linear l = model_linear(m, i);
        const struct row8 *all = model_linear_weights(m, i);
        struct row8 one;
        uint64_t norm2;
        CHECK_INT(row8_shape(&one, l.rows, l.cols), 0);
        one.data = aligned_alloc(64, row8_bytes(&one));
        float *scales = malloc(l.rows * sizeof *scales);
        CHECK_INT(model_linear_pack(m, i, p, &one, scales, &norm2, NULL), 0);
        CHECK_MEM(one.data, all->data, row8_bytes(&one));
        CHECK_MEM(scales, l.row_scale, l.rows * sizeof *scales);
        CHECK(norm2 == l.norm2_max);
        memset(one.data, 9, row8_bytes(&one));
        CHECK_INT(model_linear_pack(m, i, p, &one, NULL, NULL, NULL), 0);
        CHECK_MEM(one.data, all->data, row8_bytes(&one));
        free(scales), free(one.data);
    }
    pool_free(p);
    model_close(m);
}

/* ---- opening ---- */

TEST(experts_are_refused_with_the_reason) {
    struct model *m = NULL;
    struct why why = {{0}};
    for (unsigned i = 0; i < 2; i++) {
        const char *path = synth_path("experts");
        synth_write(&synth_families[i], path);
        CHECK_INT(model_open(&m, path, &row8_opts, &why), ERR_UNSUPPORTED);
        unlink(path);
        CHECK(m == NULL && strstr(why.text, "experts") && strstr(why.text, "reveal the tokens"));
    }
}

TEST(nan_in_any_matrix_is_refused_by_name) {
    static const char *const names[] = {"blk.0.attn_k.weight", "blk.1.ffn_down.weight", "output.weight", "token_embd.weight"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct model *m = NULL;
        struct why why = {{0}};
        struct gguf g;
        const char *path = synth_path("nan");
        synth_write(&synth_all[0], path);
        CHECK_INT(gguf_open(&g, path, NULL), 0);
        long at = (long)gguf_tensor(&g, names[i])->offset + 4 * 1234;
        gguf_close(&g);
        FILE *f = fopen(path, "r+be");
        const uint32_t nan = 0xffc00001;
        CHECK(f && fseek(f, at, SEEK_SET) == 0 && fwrite(&nan, 4, 1, f) == 1);
        fclose(f);
        CHECK_INT(model_open(&m, path, &row8_opts, &why), ERR_NONFINITE);
        CHECK(strstr(why.text, names[i]) != NULL);
        unlink(path);
    }
}

/* Nothing is kept twice: a byte a weight, padded to whole groups. */
TEST(weights_take_a_byte_each) {
    struct model *m = row8_model(&synth_all[5]);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < model_linear_count(m); i++) bytes += row8_bytes(model_linear_weights(m, i));
    CHECK(model_weight_bytes(m) == bytes);
    struct engine *e;
    struct engine_opts o = {.threads = 1, .rows_max = 1, .logits_max = 1, .kv_pages = 1};
    CHECK_INT(engine_new(&e, m, &o, NULL), 0);
    CHECK(engine_token_bytes(e, 0) == bytes + engine_page_bytes(m, KV_F16) / KV_PAGE);
    engine_free(e);
    model_close(m);
}

TEST(profile_ids_say_which_arithmetic) {
    struct model *a = row8_model(&synth_all[3]), *b = synth_open(&synth_all[3]);
    enum kv_format kv;
    enum model_arith arith;
    struct why why = {{0}};
    CHECK_STR(model_profile(a, KV_F16), "C1-row8-f16");
    CHECK_STR(model_profile(a, KV_Q8), "C1-row8-q8");
    CHECK_INT(model_arith(a), ARITH_ROW8);
    CHECK_INT(model_arith(b), ARITH_C1);
    CHECK_INT(model_profile_kv(&kv, a, "C1-row8-q8", NULL), 0);
    CHECK_INT(kv, KV_Q8);
    CHECK_INT(model_profile_kv(&kv, a, "C1-q8", &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "opened with c1, not row8") != NULL);
    CHECK_INT(model_profile_kv(&kv, b, "C1-row8-f16", &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "opened with row8, not c1") != NULL);
    CHECK_INT(model_profile_kv(&kv, a, "C1-row8-f32", &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "not known") != NULL);
    CHECK_INT(profile_arith("C1-row8-f16-c512"), ARITH_ROW8);
    CHECK_INT(profile_arith("C1-f16"), ARITH_C1);
    CHECK_INT(model_arith_of(&arith, "row8", NULL), 0);
    CHECK_INT(arith, ARITH_ROW8);
    CHECK_INT(model_arith_of(&arith, "c1", NULL), 0);
    CHECK_INT(arith, ARITH_C1);
    CHECK_INT(model_arith_of(&arith, "row9", &why), ERR_USAGE);
    model_close(a);
    model_close(b);
    struct model *c = row8_model(&synth_families[6]); /* longrope */
    CHECK_STR(model_profile(c, KV_F16), "C1-row8-f16-c512");
    CHECK_INT(model_profile_kv(&kv, c, "C1-row8-f16-c512", NULL), 0);
    model_close(c);
}

TESTS_MAIN("row8_engine", T(shapes_have_both_fields_and_two_and_three_digits), T(kernels_threads_chunks_and_pages_change_no_bit),
           T(batches_change_no_bit), T(golden_digests_of_synthetic_models),
           T(the_shipped_model_gives_its_golden_digest_however_it_is_computed), T(a_stack_is_the_rows_of_its_matrices_in_order),
           T(fused_and_tied_tensors_give_the_same_stacks), T(a_stack_packs_alone_as_with_the_others),
           T(experts_are_refused_with_the_reason), T(nan_in_any_matrix_is_refused_by_name), T(weights_take_a_byte_each),
           T(profile_ids_say_which_arithmetic))
