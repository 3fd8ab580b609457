/* Client files of row8: what is in them, how they open, and that they give the same logits with somebody else's products. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "model/device.h"
#include "model/gguf.h"
#include "tests/unit/model/logits.h"
#include "tests/unit/model/row8_util.h"

enum { TOKENS = 40 };
/* Widths that are no multiple of anything; tied; biases; norms behind blocks and soft caps; fused tensors; both fields; three digits. */
static const struct synth *const shapes[] = {&synth_all[0],      &synth_all[1],      &synth_all[6], &synth_families[3],
                                             &synth_families[5], &synth_families[6], &row8_wide,    &row8_narrow};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static char client_path[160];

/* The client file of y, and y itself opened with row8. */
static struct model *write_client(const struct synth *y) {
    struct model *m = row8_model(y);
    struct why why = {{0}};
    snprintf(client_path, sizeof client_path, "%s", synth_path("client-file"));
    int r = model_write_client(m, client_path, &why);
    if (r != 0) printf("# %s\n", why.text);
    CHECK_INT(r, 0);
    return m;
}

static struct linear *table_of(const struct model *m) {
    uint32_t n = model_linear_count(m);
    struct linear *l = calloc(n, sizeof *l);
    for (uint32_t i = 0; i < n; i++) { /* no more than a caller knows */
        const struct linear all = model_linear(m, i);
        l[i] = (struct linear){.rows = all.rows, .cols = all.cols, .norm2_max = all.norm2_max, .row_scale = all.row_scale};
    }
    return l;
}

static int open_client(struct model **out, const struct linear *l, uint32_t count, struct why *why) {
    *why = (struct why){{0}};
    const struct model_opts o = {.arith = ARITH_ROW8, .stacks = STACKS_ELSEWHERE, .linear = l, .linear_count = count};
    return model_open(out, client_path, &o, why);
}

TEST(a_client_file_and_others_weights_give_the_same_logits) {
    for (unsigned i = 0; i < SHAPES; i++) {
        struct model *m = write_client(shapes[i]), *client = NULL;
        struct others s = {.m = m};
        struct why why;
        struct linear *l = table_of(m);
        int32_t id[TOKENS];
        CHECK_INT(open_client(&client, l, model_linear_count(m), &why), 0);
        unlink(client_path);
        for (uint32_t k = 0; k < model_linear_count(m); k++) {
            const struct linear x = model_linear(m, k), y = model_linear(client, k);
            CHECK(x.field == y.field && x.t == y.t && x.row_scale != y.row_scale);
            CHECK(model_linear_weights(client, k)->data == NULL);
        }
        free(l);
        CHECK_INT(model_weight_bytes(client), 0);
        CHECK(model_file_bytes(client) < model_file_bytes(m));
        CHECK_STR(model_profile(client, KV_F16), model_profile(m, KV_F16));
        token_ids(id, TOKENS, model_n_vocab(m), i);
        float *want = all_logits(m, id, TOKENS, (struct setting){.threads = 1, .chunk = TOKENS});
        float *got = others_logits(client, &s, id, TOKENS, 13, 2);
        CHECK_MEM(got, want, row_bytes(m, TOKENS));
        free(got), free(want);
        model_close(client);
        model_close(m);
    }
}

static void read_file(struct buf *b, const char *path) { CHECK_INT(file_read(b, path, 1 << 24, NULL), 0); }

static void check_client_of(struct model *m, const struct buf *want) {
    struct buf got;
    CHECK_INT(model_write_client(m, client_path, NULL), 0);
    read_file(&got, client_path);
    CHECK_INT(got.len, want->len);
    CHECK_MEM(got.data, want->data, want->len);
    buf_release(&got);
    model_close(m);
}

TEST(a_client_file_is_the_same_bytes_however_it_is_made) {
    const struct synth *y = &synth_all[4];
    struct model *m = write_client(y), *client = NULL;
    struct linear *l = table_of(m);
    struct why why;
    struct stat st;
    struct buf want;
    read_file(&want, client_path);
    CHECK_INT(stat(client_path, &st), 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    check_client_of(synth_open(y), &want);
    check_client_of(synth_open_as(y, &(struct model_opts){.arith = ARITH_ROW8, .stacks = STACKS_STREAMED}), &want);
    CHECK_INT(open_client(&client, l, model_linear_count(m), &why), 0);
    check_client_of(client, &want); /* from a client file itself */
    unlink(client_path);
    free(l);
    buf_release(&want);
    model_close(m);
}

static int in_a_stack(const char *name) {
    static const char *const parts[] = {".attn_q.weight",      ".attn_k.weight",   ".attn_v.weight", ".attn_qkv.weight",
                                        ".attn_output.weight", ".ffn_gate.weight", ".ffn_up.weight", ".ffn_down.weight"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(name, parts[i])) return 1;
    return strcmp(name, "output.weight") == 0;
}

TEST(a_client_file_has_all_that_is_in_no_stack_and_no_more) {
    for (unsigned i = 0; i < SHAPES; i++) {
        struct gguf whole, part;
        const char *path = synth_path("whole");
        synth_write(shapes[i], path);
        CHECK_INT(gguf_open(&whole, path, NULL), 0);
        unlink(path);
        model_close(write_client(shapes[i]));
        CHECK_INT(gguf_open(&part, client_path, NULL), 0);
        unlink(client_path);
        size_t kept = 0;
        for (size_t t = 0; t < whole.tensor_count; t++) {
            const struct gguf_tensor *a = &whole.tensor[t], *b = gguf_tensor(&part, a->name);
            CHECK_INT(b != NULL, !in_a_stack(a->name));
            if (!b) continue;
            kept++;
            CHECK_INT(a->type, b->type);
            CHECK_INT(a->bytes, b->bytes);
            CHECK_MEM(a->data, b->data, a->bytes);
        }
        CHECK_INT(part.tensor_count, kept);
        CHECK_INT(part.kv_count, whole.kv_count);
        for (size_t k = 0; k < whole.kv_count; k++) {
            CHECK_INT(part.kv[k].type, whole.kv[k].type);
            CHECK_INT(part.kv[k].bytes, whole.kv[k].bytes);
            CHECK_MEM(part.kv[k].data, whole.kv[k].data, whole.kv[k].bytes);
        }
        gguf_close(&whole);
        gguf_close(&part);
    }
}

/* The alignment belongs to the container: a client file has its own. */
TEST(a_client_file_says_nothing_of_the_alignment) {
    struct gguf_writer *w = NULL;
    struct gguf g;
    struct model *m = NULL;
    const char *path = synth_path("aligned");
    synth_write(&synth_all[0], path);
    CHECK_INT(gguf_open(&g, path, NULL), 0);
    unlink(path);
    CHECK_INT(gguf_writer_new(&w, path, NULL), 0);
    gguf_put_u32(w, "general.alignment", 32);
    for (size_t i = 0; i < g.kv_count; i++) gguf_put_kv(w, &g.kv[i]);
    for (size_t i = 0; i < g.tensor_count; i++)
        gguf_put_tensor(w, g.tensor[i].name, g.tensor[i].type, g.tensor[i].n_dims, g.tensor[i].dims[0], g.tensor[i].dims[1]);
    for (size_t i = 0; i < g.tensor_count; i++) gguf_put_data(w, g.tensor[i].data, g.tensor[i].bytes);
    CHECK_INT(gguf_writer_finish(w, NULL), 0);
    gguf_writer_free(w);
    gguf_close(&g);
    CHECK_INT(model_open(&m, path, &(struct model_opts){.arith = ARITH_ROW8, .stacks = STACKS_STREAMED}, NULL), 0);
    unlink(path);
    snprintf(client_path, sizeof client_path, "%s", synth_path("client-file"));
    CHECK_INT(model_write_client(m, client_path, NULL), 0);
    struct buf aligned, plain;
    read_file(&aligned, client_path);
    model_close(m);
    model_close(write_client(&synth_all[0]));
    read_file(&plain, client_path);
    unlink(client_path);
    CHECK_INT(aligned.len, plain.len);
    CHECK_MEM(aligned.data, plain.data, plain.len);
    buf_release(&aligned);
    buf_release(&plain);
}

TEST(a_table_that_is_not_the_models_is_refused_with_the_reason) {
    struct model *m = write_client(&synth_all[0]), *client = NULL;
    struct linear *l = table_of(m);
    uint32_t n = model_linear_count(m);
    struct why why;
    float *scales = malloc(l[2].rows * sizeof *scales);
    memcpy(scales, l[2].row_scale, l[2].rows * sizeof *scales);
    const struct linear good = l[2];
    CHECK_INT(open_client(&client, l, n - 1, &why), ERR_RANGE);
    CHECK(client == NULL && strstr(why.text, "8 stacks are elsewhere, the model has 9"));
    CHECK_INT(open_client(&client, NULL, 0, &why), ERR_RANGE);
    l[2].rows--;
    CHECK_INT(open_client(&client, l, n, &why), ERR_RANGE);
    CHECK(strstr(why.text, "stack 2 elsewhere has 199 rows of 72, the model's has 200 of 72") != NULL);
    l[2] = good, l[2].cols++;
    CHECK_INT(open_client(&client, l, n, &why), ERR_RANGE);
    l[2] = good, l[2].norm2_max = 127ull * 127 * 72 + 1;
    CHECK_INT(open_client(&client, l, n, &why), ERR_RANGE);
    CHECK(strstr(why.text, "longer than") != NULL);
    static const float wrong[] = {-0.0f, -1.0f, INFINITY, NAN};
    for (unsigned i = 0; i < 4; i++) {
        l[2] = good, l[2].row_scale = scales;
        scales[199] = wrong[i];
        CHECK_INT(open_client(&client, l, n, &why), ERR_NONFINITE);
        CHECK(client == NULL && strstr(why.text, "stack 2") != NULL);
    }
    scales[199] = 0;
    CHECK_INT(open_client(&client, l, n, &why), 0);
    model_close(client);
    unlink(client_path);
    free(scales), free(l);
    model_close(m);
}

TEST(files_and_ways_to_open_that_do_not_fit_are_refused) {
    struct model *m = write_client(&synth_all[3]), *other = NULL;
    struct linear *l = table_of(m);
    struct why why;
    CHECK_INT(model_open(&other, client_path, NULL, &why), ERR_FORMAT); /* no weights in it */
    CHECK(strstr(why.text, "is missing") != NULL);
    CHECK_INT(model_open(&other, client_path, &(struct model_opts){.arith = ARITH_ROW8}, &why), ERR_FORMAT);
    CHECK_INT(model_open(&other, client_path, &(struct model_opts){.stacks = STACKS_ELSEWHERE}, &why), ERR_USAGE);
    snprintf(client_path, sizeof client_path, "%s", synth_path("client-file"));
    unlink(client_path);
    synth_write(&synth_all[3], client_path); /* the whole file where a client file belongs */
    CHECK_INT(open_client(&other, l, model_linear_count(m), &why), ERR_UNSUPPORTED);
    CHECK(other == NULL && strstr(why.text, "does not belong in a client file") != NULL);
    unlink(client_path);
    free(l);
    model_close(m);
    struct model *mixture = synth_open(&synth_families[0]);
    CHECK_INT(model_write_client(mixture, client_path, &why), ERR_UNSUPPORTED);
    CHECK(access(client_path, F_OK) != 0);
    model_close(mixture);
}

static int try_engine(const struct model *m, const struct linear_ops *ops, struct why *why) {
    struct engine *e = NULL;
    struct engine_opts o = {.threads = 1, .rows_max = 1, .logits_max = 1, .kv_pages = 1, .linear = ops};
    *why = (struct why){{0}};
    int r = engine_new(&e, m, &o, why);
    CHECK((e == NULL) == (r != 0));
    engine_free(e);
    return r;
}

TEST(an_engine_without_anybody_to_compute_is_refused) {
    struct model *m = write_client(&synth_all[3]), *client = NULL, *c1 = synth_open(&synth_all[3]);
    struct model *streamed = synth_open_as(&synth_all[3], &(struct model_opts){.arith = ARITH_ROW8, .stacks = STACKS_STREAMED});
    struct linear *l = table_of(m);
    struct why why;
    int8_t w[1];
    float x[1], scale;
    CHECK_INT(open_client(&client, l, model_linear_count(m), &why), 0);
    unlink(client_path);
    CHECK_INT(try_engine(client, NULL, &why), ERR_USAGE);
    CHECK(strstr(why.text, "workers") != NULL);
    CHECK_INT(try_engine(client, &others_ops, &why), 0);
    CHECK_INT(try_engine(m, &others_ops, &why), 0);
    CHECK_INT(try_engine(c1, &others_ops, &why), ERR_USAGE);
    CHECK_INT(try_engine(streamed, &others_ops, &why), ERR_USAGE);
    CHECK_INT(try_engine(streamed, NULL, &why), ERR_USAGE);
    struct engine *e = NULL;
    const struct device_ops some = {.name = "another processor"}; /* is not even asked */
    struct engine_opts o = {.threads = 1, .rows_max = 1, .logits_max = 1, .kv_pages = 1, .device = &some};
    CHECK_INT(engine_new(&e, m, &o, &why), ERR_UNSUPPORTED);
    CHECK(e == NULL && strstr(why.text, "not by another processor") != NULL);
    CHECK_INT(model_linear_count(c1), 0);
    CHECK_INT(model_linear_row(client, 0, 0, x, w, &scale), ERR_WRONG_STATE);
    CHECK_INT(model_weight_bytes(streamed), 0);
    CHECK_INT(model_linear(streamed, 12).rows, 333);
    free(l);
    model_close(streamed), model_close(c1), model_close(client), model_close(m);
}

TESTS_MAIN("row8_client", T(a_client_file_and_others_weights_give_the_same_logits),
           T(a_client_file_is_the_same_bytes_however_it_is_made), T(a_client_file_has_all_that_is_in_no_stack_and_no_more),
           T(a_client_file_says_nothing_of_the_alignment), T(a_table_that_is_not_the_models_is_refused_with_the_reason),
           T(files_and_ways_to_open_that_do_not_fit_are_refused), T(an_engine_without_anybody_to_compute_is_refused))
