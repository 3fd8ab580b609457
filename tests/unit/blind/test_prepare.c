/* blind: the prepared folder: made whole or not at all, and refused for every change. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "blind/check_file.h"
#include "blind/prepared.h"
#include "tests/check.h"
#include "tests/unit/blind/synth_stacks.h"

/* A folder of this test's own; in it "out" is what is prepared. */
struct place {
    char root[64], out[96], path[256];
};

static void place_open(struct place *p) {
    snprintf(p->root, sizeof p->root, "/tmp/lull-test-prepare-XXXXXX");
    CHECK(mkdtemp(p->root) != NULL);
    snprintf(p->out, sizeof p->out, "%s/out", p->root);
}

static const char *file_in(struct place *p, const char *name) {
    snprintf(p->path, sizeof p->path, "%s/%s", p->out, name);
    return p->path;
}

static unsigned entries(const char *dir) {
    unsigned n = 0;
    DIR *d = opendir(dir);
    if (!d) return 0;
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static void remove_all(struct place *p) {
    static const char *const names[] = {PREPARED_MANIFEST, PREPARED_CHECKS, PREPARED_CLIENT};
    for (size_t i = 0; i < 3; i++) unlink(file_in(p, names[i]));
    rmdir(p->out);
}

static void place_close(struct place *p) {
    remove_all(p);
    CHECK_INT(rmdir(p->root), 0); /* nothing was left behind */
}

static struct prepare_opts options(void) {
    struct prepare_opts o = {.name = "synth:latest", .profile = "C1-row8-f16", .file_bytes = 4242};
    memset(o.file_sha256, 7, sizeof o.file_sha256);
    return o;
}

static int prepare(struct place *p, const struct prepare_source *source, struct why *why) {
    struct prepare_opts o = options();
    return prepare_dir(p->out, source, &o, why);
}

static void prepare_fresh(struct place *p) {
    struct synth_source s;
    struct prepare_source source = synth_open(&s);
    place_open(p);
    CHECK_INT(prepare(p, &source, NULL), 0);
}

static int opens(struct place *p, const uint8_t *digest, struct why *why) {
    struct prepared *q;
    int r = prepared_open(&q, p->out, digest, why);
    if (r == 0) prepared_close(q);
    return r;
}

static void digest_of(struct place *p, uint8_t digest[32]) {
    struct prepared *q;
    CHECK_INT(prepared_open(&q, p->out, NULL, NULL), 0);
    memcpy(digest, prepared_digest(q), 32);
    prepared_close(q);
}

TEST(a_prepared_folder_opens_with_checks_that_accept_the_weights_products) {
    static uint32_t u[SYNTH_COLS_MAX], z[SYNTH_ROWS_MAX];
    struct place p;
    struct prepared *q;
    prepare_fresh(&p);
    CHECK_INT(prepared_open(&q, p.out, NULL, NULL), 0);
    const struct blind_manifest *m = prepared_manifest(q);
    CHECK_STR(m->name, "synth:latest");
    CHECK_INT(m->client_bytes, strlen("norms, embeddings, tokenizer"));
    CHECK(strstr(prepared_client_path(q), "/client.gguf"));
    for (uint32_t i = 0; i < SYNTH_STACKS; i++) {
        const struct linear *l = &prepared_stacks(q)[i];
        const struct freivalds *c = prepared_check(q, i);
        CHECK(l->rows == synth_shapes[i].rows && l->cols == synth_shapes[i].cols && l->field == field_of(l->cols));
        CHECK(c->rows == l->rows && c->cols == l->cols && c->field == l->field);
        uint64_t norm2 = 0;
        static int8_t w[SYNTH_COLS_MAX];
        for (uint32_t r = 0; r < l->rows; r++) {
            CHECK(l->row_scale[r] == 0.001f * (float)(r + 1));
            synth_row(i, r, w);
            if (row8_norm2(w, l->cols) > norm2) norm2 = row8_norm2(w, l->cols);
        }
        uint32_t t;
        CHECK_INT(row8_bound(l->field, l->cols, norm2, &t), 0);
        CHECK(l->norm2_max == norm2 && l->t == t);
        uint32_t want[FREIVALDS_VECTORS], sum[FREIVALDS_VECTORS] = {0};
        for (uint32_t j = 0; j < l->cols; j++) u[j] = (uint32_t)(j * UINT64_C(2654435761) % l->field->p);
        synth_product(i, l->field, u, z);
        freivalds_expect(c, u, want);
        freivalds_sum(c, 0, l->rows, z, sum);
        CHECK_MEM(want, sum, sizeof want);
    }
    prepared_close(q);
    place_close(&p);
}

TEST(the_checks_are_readable_by_their_owner_alone_and_differ_each_time) {
    struct place a, b;
    struct stat st;
    struct buf x, y;
    prepare_fresh(&a);
    prepare_fresh(&b);
    CHECK_INT(stat(file_in(&a, PREPARED_CHECKS), &st), 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    CHECK_INT(file_read(&x, file_in(&a, PREPARED_CHECKS), 1 << 20, NULL), 0);
    CHECK_INT(file_read(&y, file_in(&b, PREPARED_CHECKS), 1 << 20, NULL), 0);
    CHECK(x.len == y.len && memcmp(x.data, y.data, x.len) != 0);
    buf_release(&x);
    buf_release(&y);
    CHECK_INT(chmod(file_in(&a, PREPARED_CHECKS), 0640), 0);
    CHECK_INT(opens(&a, NULL, NULL), ERR_PERM);
    place_close(&a);
    place_close(&b);
}

TEST(client_and_worker_make_the_same_manifest) {
    struct place p;
    struct synth_source s;
    struct prepare_source source = synth_open(&s);
    struct prepare_opts o = options();
    struct blind_manifest m;
    uint8_t digest[32], other[32];
    prepare_fresh(&p);
    digest_of(&p, digest);
    CHECK_INT(prepare_manifest(&m, &source, &o, p.root, NULL), 0);
    CHECK_INT(blind_manifest_digest(&m, other), 0);
    CHECK_MEM(digest, other, 32);
    CHECK_INT(opens(&p, other, NULL), 0);
    blind_manifest_release(&m);
    CHECK_INT(entries(p.root), 1);
    place_close(&p);
}

struct heard {
    uint64_t done, all;
    unsigned calls, backwards;
};
static void hear(void *arg, uint64_t done, uint64_t all) {
    struct heard *h = arg;
    h->backwards += done < h->done || done > all;
    *h = (struct heard){done, all, h->calls + 1, h->backwards};
}

TEST(progress_counts_weights_up_to_all_of_them) {
    struct place p;
    struct synth_source s;
    struct prepare_source source = synth_open(&s);
    struct prepare_opts o = options();
    struct heard h = {0};
    uint64_t all = 0;
    for (int i = 0; i < SYNTH_STACKS; i++) all += (uint64_t)synth_shapes[i].rows * synth_shapes[i].cols;
    o.progress = hear;
    o.arg = &h;
    place_open(&p);
    CHECK_INT(prepare_dir(p.out, &source, &o, NULL), 0);
    CHECK(h.done == all && h.all == all && h.calls >= SYNTH_STACKS && h.backwards == 0);
    place_close(&p);
}

TEST(one_weight_scale_or_client_byte_makes_another_manifest_which_is_refused) {
    struct place p, q;
    struct why why = {""};
    uint8_t digest[32];
    prepare_fresh(&p);
    digest_of(&p, digest);
    for (int change = 0; change < 2; change++) {
        struct synth_source s;
        struct prepare_source source = synth_open(&s);
        if (change == 0)
            s.odd = 1, s.odd_stack = 3, s.odd_row = 17;
        else
            s.client = "norms, embeddings, tokenizeR";
        place_open(&q);
        CHECK_INT(prepare(&q, &source, NULL), 0);
        CHECK_INT(opens(&q, digest, &why), ERR_AUTH);
        CHECK(strstr(why.text, "manifest of another model"));
        CHECK_INT(prepare(&p, &source, &why), ERR_EXISTS); /* same file hash claimed, other contents */
        CHECK(strstr(why.text, change == 0 ? "stack 3" : "tokenizer"));
        CHECK_INT(opens(&p, digest, NULL), 0);
        place_close(&q);
    }
    place_close(&p);
}

static void rewrite(struct place *p, const char *name, const uint8_t *bytes, size_t n) {
    CHECK_INT(file_write(file_in(p, name), bytes, n, 0600, NULL), 0);
}

TEST(cut_extended_or_changed_files_are_refused) {
    static const char *const names[] = {PREPARED_MANIFEST, PREPARED_CHECKS, PREPARED_CLIENT};
    struct place p;
    uint8_t digest[32];
    prepare_fresh(&p);
    digest_of(&p, digest);
    for (int k = 0; k < 3; k++) {
        struct buf b;
        CHECK_INT(file_read(&b, file_in(&p, names[k]), 1 << 20, NULL), 0);
        for (size_t i = 0; i < 60; i++) {
            size_t at = i < 20 ? i : b.len - 1 - (i - 20) * (b.len / 40);
            if (at >= b.len) continue;
            rewrite(&p, names[k], b.data, at);
            CHECK(opens(&p, digest, NULL) != 0);
            b.data[at] ^= (uint8_t)(1u << i % 8);
            rewrite(&p, names[k], b.data, b.len);
            CHECK(opens(&p, digest, NULL) != 0);
            b.data[at] ^= (uint8_t)(1u << i % 8);
        }
        rewrite(&p, names[k], b.data, b.len + 1); /* file_read leaves a NUL behind what it read */
        CHECK(opens(&p, digest, NULL) != 0);
        unlink(file_in(&p, names[k]));
        CHECK_INT(opens(&p, digest, NULL), ERR_NOTFOUND);
        rewrite(&p, names[k], b.data, b.len);
        CHECK_INT(opens(&p, digest, NULL), 0);
        buf_release(&b);
    }
    place_close(&p);
}

TEST(checks_of_another_model_are_refused) {
    struct place p, q;
    struct synth_source s;
    struct prepare_source source = synth_open(&s);
    struct why why = {""};
    struct buf b;
    prepare_fresh(&p);
    place_open(&q);
    s.odd = 1;
    CHECK_INT(prepare(&q, &source, NULL), 0);
    CHECK_INT(file_read(&b, file_in(&q, PREPARED_CHECKS), 1 << 20, NULL), 0);
    rewrite(&p, PREPARED_CHECKS, b.data, b.len);
    CHECK_INT(opens(&p, NULL, &why), ERR_AUTH);
    CHECK(strstr(why.text, "another manifest"));
    buf_release(&b);
    place_close(&p);
    place_close(&q);
}

TEST(a_folder_of_the_same_model_stays_and_what_is_damaged_in_it_is_made_anew) {
    struct place p;
    struct synth_source s;
    struct prepare_source source = synth_open(&s);
    struct buf before, after;
    prepare_fresh(&p);
    CHECK_INT(file_read(&before, file_in(&p, PREPARED_CHECKS), 1 << 20, NULL), 0);
    CHECK_INT(prepare(&p, &source, NULL), 0);
    CHECK_INT(file_read(&after, file_in(&p, PREPARED_CHECKS), 1 << 20, NULL), 0);
    CHECK(before.len == after.len && memcmp(before.data, after.data, before.len) == 0);
    buf_release(&after);
    rewrite(&p, PREPARED_CHECKS, before.data, before.len / 2);
    CHECK_INT(opens(&p, NULL, NULL), ERR_SHORT);
    CHECK_INT(prepare(&p, &source, NULL), 0);
    CHECK_INT(opens(&p, NULL, NULL), 0);
    CHECK_INT(entries(p.root), 1);
    buf_release(&before);
    place_close(&p);
}

TEST(what_is_not_a_prepared_folder_of_this_model_is_left_alone) {
    struct place p;
    struct synth_source s;
    struct prepare_source source = synth_open(&s);
    struct why why = {""};
    place_open(&p);
    CHECK_INT(mkdir(p.out, 0700), 0); /* an empty folder will do */
    CHECK_INT(prepare(&p, &source, NULL), 0);
    remove_all(&p);
    CHECK_INT(mkdir(p.out, 0700), 0);
    rewrite(&p, PREPARED_CLIENT, (const uint8_t *)"mine", 4);
    CHECK_INT(prepare(&p, &source, &why), ERR_EXISTS);
    CHECK(strstr(why.text, "not a prepared folder"));
    CHECK_INT(entries(p.out), 1);
    remove_all(&p);
    CHECK_INT(file_write(p.out, "mine", 4, 0600, NULL), 0);
    CHECK_INT(prepare(&p, &source, NULL), ERR_EXISTS);
    CHECK_INT(unlink(p.out), 0);
    CHECK_INT(prepare(&p, &source, NULL), 0);
    struct prepare_opts o = options();
    o.file_sha256[0] ^= 1;
    CHECK_INT(prepare_dir(p.out, &source, &o, &why), ERR_EXISTS);
    CHECK(strstr(why.text, "another model file"));
    place_close(&p);
}

static int wide(void *state, uint32_t stack, uint32_t *rows, uint32_t *cols) {
    int r = synth_shape_of(state, stack, rows, cols);
    if (stack == 2) *cols = 65537;
    return r;
}
static int nan_scale(void *state, uint32_t stack, uint32_t row, int8_t *w, float *scale, struct why *why) {
    int r = synth_row_of(state, stack, row, w, scale, why);
    if (stack == 1 && row == 3) *scale = -1;
    return r;
}

TEST(a_set_up_that_fails_leaves_nothing_behind) {
    struct place p;
    struct synth_source s;
    struct why why = {""};
    struct prepare_source source = synth_open(&s);
    place_open(&p);
    s.fail_row = 100;
    CHECK_INT(prepare(&p, &source, &why), ERR_IO);
    CHECK_STR(why.text, "synth: no more rows");
    CHECK_INT(entries(p.root), 0);
    source = synth_open(&s);
    source.shape = wide;
    CHECK_INT(prepare(&p, &source, &why), ERR_RANGE);
    CHECK(strstr(why.text, "stack 2"));
    source = synth_open(&s);
    source.row = nan_scale;
    CHECK_INT(prepare(&p, &source, &why), ERR_NONFINITE);
    source = synth_open(&s);
    source.stacks = 4;
    CHECK_INT(prepare(&p, &source, NULL), ERR_RANGE);
    source = synth_open(&s);
    s.client = "";
    CHECK(prepare(&p, &source, NULL) != 0);
    source = synth_open(&s);
    struct prepare_opts o = options();
    o.profile = "C1-f16";
    CHECK_INT(prepare_dir(p.out, &source, &o, NULL), ERR_UNSUPPORTED);
    o.name = "no name at all, and one that is far longer than any name of a model may be, so that it does not fit the room that "
             "there is "
             "for names in a manifest";
    CHECK_INT(prepare_dir(p.out, &source, &o, NULL), ERR_LIMIT);
    CHECK_INT(entries(p.root), 0);
    CHECK(prepare_dir("", &source, &o, NULL) != 0);
    CHECK(prepare_dir("/nowhere/at/all", &source, &o, NULL) != 0);
    place_close(&p);
}

TESTS_MAIN("prepare", T(a_prepared_folder_opens_with_checks_that_accept_the_weights_products),
           T(the_checks_are_readable_by_their_owner_alone_and_differ_each_time), T(client_and_worker_make_the_same_manifest),
           T(progress_counts_weights_up_to_all_of_them),
           T(one_weight_scale_or_client_byte_makes_another_manifest_which_is_refused),
           T(cut_extended_or_changed_files_are_refused), T(checks_of_another_model_are_refused),
           T(a_folder_of_the_same_model_stays_and_what_is_damaged_in_it_is_made_anew),
           T(what_is_not_a_prepared_folder_of_this_model_is_left_alone), T(a_set_up_that_fails_leaves_nothing_behind))
