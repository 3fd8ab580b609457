/* blind: a prepared folder of a real model file: its checks, its client file, its refusals. */
#include <stdlib.h>
#include <unistd.h>

#include "blind/prepare_model.h"
#include "blind/prepared.h"
#include "model/linear.h"
#include "model/make.h"
#include "model/model.h"
#include "tests/check.h"

static char root[64], file[96], out[96], path[160];

static void scene_open(const char *shape) {
    snprintf(root, sizeof root, "/tmp/lull-test-prepmodel-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
    snprintf(file, sizeof file, "%s/m.gguf", root);
    snprintf(out, sizeof out, "%s/out", root);
    CHECK_INT(make_model(shape, weight_type_of(WEIGHT_Q8_0), 1, file, NULL, NULL), 0);
}

static void scene_close(void) {
    static const char *const names[] = {PREPARED_MANIFEST, PREPARED_CHECKS, PREPARED_CLIENT};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", out, names[i]);
        unlink(path);
    }
    rmdir(out);
    unlink(file);
    CHECK_INT(rmdir(root), 0); /* nothing else was left */
}

static const struct prepare_model_opts opts = {.name = "tiny:latest", .kv = KV_F16};

/* The product of a worker that holds the packed weights. */
static void worker_product(const struct row8 *w, const struct field *f, const uint32_t *u, uint32_t *z) {
    const struct kern *k;
    struct row8_cols c;
    void *mem = aligned_alloc(64, row8_cols_bytes(w->cols, 1, f->digits));
    CHECK_INT(kern_select(&k, NULL, NULL), 0);
    row8_cols_init(&c, w->cols, 1, f->digits, mem);
    row8_cols_fill_residues(&c, 0, f, u);
    row8_mul_residues(k, w, 0, w->groups, &c, f, z, w->rows);
    free(mem);
}

static void check_products(int folded, const char *profile) {
    struct prepared *p;
    struct model *m;
    const struct model_opts how = {.threads = 1, .arith = folded ? ARITH_ROW8_FOLD : ARITH_ROW8, .stacks = STACKS_PACKED};
    struct prepare_model_opts so = opts;
    so.folded = folded;
    scene_open("tiny");
    CHECK_INT(prepare_model_dir(out, file, &so, NULL), 0);
    CHECK_INT(prepared_open(&p, out, NULL, NULL), 0);
    CHECK_INT(model_open(&m, file, &how, NULL), 0);
    const struct blind_manifest *mf = prepared_manifest(p);
    CHECK_STR(mf->profile, profile);
    CHECK_INT(blind_manifest_folded(mf), folded);
    CHECK_INT(mf->stack_count, model_linear_count(m));
    for (uint32_t i = 0; i < mf->stack_count; i++) {
        struct linear l = model_linear(m, i);
        const struct linear *mine = &prepared_stacks(p)[i];
        CHECK(l.rows == mine->rows && l.cols == mine->cols && l.norm2_max == mine->norm2_max && l.t == mine->t);
        CHECK_MEM(l.row_scale, mine->row_scale, l.rows * sizeof *l.row_scale);
        uint32_t *u = calloc(l.cols, sizeof *u), *z = calloc(l.rows, sizeof *z), want[FREIVALDS_VECTORS],
                 sum[FREIVALDS_VECTORS] = {0};
        random_bytes(u, l.cols * sizeof *u);
        for (uint32_t j = 0; j < l.cols; j++) u[j] %= l.field->p;
        worker_product(model_linear_weights(m, i), l.field, u, z);
        freivalds_expect(prepared_check(p, i), u, want);
        freivalds_sum(prepared_check(p, i), 0, l.rows, z, sum);
        CHECK_MEM(want, sum, sizeof want);
        z[i % l.rows] = field_add(l.field, z[i % l.rows], 1);
        memset(sum, 0, sizeof sum);
        freivalds_sum(prepared_check(p, i), 0, l.rows, z, sum);
        CHECK(memcmp(want, sum, sizeof want) != 0);
        free(u);
        free(z);
    }
    model_close(m);
    prepared_close(p);
    scene_close();
}

TEST(the_checks_of_a_model_accept_its_workers_products_and_no_others) { check_products(0, "C1-row8-f16"); }
TEST(the_checks_of_a_folded_model_accept_its_workers_products_and_no_others) { check_products(1, "C1-row8-fold-f16"); }

TEST(the_client_file_opens_with_what_was_prepared) {
    struct prepared *p;
    struct model *m;
    scene_open("tiny");
    CHECK_INT(prepare_model_dir(out, file, &opts, NULL), 0);
    CHECK_INT(prepared_open(&p, out, NULL, NULL), 0);
    const struct model_opts how = {.threads = 1,
                                   .arith = ARITH_ROW8,
                                   .stacks = STACKS_ELSEWHERE,
                                   .linear = prepared_stacks(p),
                                   .linear_count = prepared_manifest(p)->stack_count};
    CHECK_INT(model_open(&m, prepared_client_path(p), &how, NULL), 0);
    CHECK_INT(model_linear_count(m), how.linear_count);
    model_close(m);
    prepared_close(p);
    scene_close();
}

TEST(a_worker_with_the_model_has_the_manifest_that_a_client_prepared) {
    struct blind_manifest mf;
    struct prepared *p;
    struct model *m;
    uint8_t digest[32];
    const struct model_opts how = {.threads = 1, .arith = ARITH_ROW8, .stacks = STACKS_PACKED};
    scene_open("tiny");
    CHECK_INT(prepare_model_dir(out, file, &opts, NULL), 0);
    CHECK_INT(model_open(&m, file, &how, NULL), 0);
    CHECK_INT(prepare_model_manifest(&mf, m, &opts, root, NULL), 0);
    CHECK_INT(blind_manifest_digest(&mf, digest), 0);
    CHECK_INT(prepared_open(&p, out, digest, NULL), 0);
    prepared_close(p);
    blind_manifest_release(&mf);
    model_close(m);
    scene_close();
}

/* The worker's may come from the file, or from what it has packed; neither is the manifest of the model as it is. */
TEST(a_folded_worker_has_the_manifest_that_a_folded_client_prepared) {
    struct blind_manifest mf, plain;
    struct prepared *p;
    struct model *m;
    uint8_t digest[32];
    struct why why = {""};
    struct prepare_model_opts so = opts;
    static const enum model_stacks both[] = {STACKS_PACKED, STACKS_STREAMED};
    so.folded = 1;
    scene_open("tiny");
    CHECK_INT(prepare_model_dir(out, file, &so, NULL), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(model_open(&m, file, &(struct model_opts){.threads = 1, .arith = ARITH_ROW8_FOLD, .stacks = both[i]}, NULL), 0);
        CHECK_INT(prepare_model_manifest(&mf, m, &so, root, NULL), 0);
        CHECK_INT(blind_manifest_digest(&mf, digest), 0);
        CHECK_INT(prepared_open(&p, out, digest, NULL), 0);
        prepared_close(p);
        model_close(m);
        if (i == 0) blind_manifest_release(&mf);
    }
    CHECK_INT(model_open(&m, file, &(struct model_opts){.threads = 1, .arith = ARITH_ROW8}, NULL), 0);
    CHECK_INT(prepare_model_manifest(&plain, m, &opts, root, NULL), 0);
    CHECK_INT(blind_manifest_same(&mf, &plain, &why), ERR_AUTH);
    CHECK(strstr(why.text, "another arithmetic: C1-row8-f16, not C1-row8-fold-f16") != NULL);
    CHECK_INT(prepare_model_dir(out, file, &opts, &why), ERR_EXISTS); /* a folder is of one of them */
    blind_manifest_release(&plain);
    blind_manifest_release(&mf);
    model_close(m);
    scene_close();
}

TEST(a_mixture_of_experts_is_refused_with_the_reason) {
    struct why why = {""};
    scene_open("tiny-mixtral");
    CHECK_INT(prepare_model_dir(out, file, &opts, &why), ERR_UNSUPPORTED);
    CHECK(strstr(why.text, "experts"));
    CHECK(access(out, F_OK) != 0);
    scene_close();
}

TESTS_MAIN("prepare_model", T(the_checks_of_a_model_accept_its_workers_products_and_no_others),
           T(the_checks_of_a_folded_model_accept_its_workers_products_and_no_others),
           T(a_folded_worker_has_the_manifest_that_a_folded_client_prepared), T(the_client_file_opens_with_what_was_prepared),
           T(a_worker_with_the_model_has_the_manifest_that_a_client_prepared), T(a_mixture_of_experts_is_refused_with_the_reason))
