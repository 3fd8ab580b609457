/* A model's hint from its weights: made, stopped and gone on with, bound to the manifest, and checked when it was fetched. */
#include "tests/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "blind/hint_make.h"
#include "blind/lattice_public.h"
#include "blind/prepare_stream.h"
#include "tests/unit/blind/synth_stacks.h"

enum { RANK = 5 };
struct scene {
    char dir[64], path[96];
    struct synth_source synth;
    struct prepare_source source;
    struct blind_manifest m;
    struct hint_make_opts o;
    struct why why;
    uint32_t rows_asked;
    uint64_t stop_at, last; /* of the progress */
};
static struct scene *current; /* the source's row function has a state of its own */

static int counted_row(void *state, uint32_t stack, uint32_t row, int8_t *w, float *scale, struct why *why) {
    current->rows_asked++;
    return synth_row_of(state, stack, row, w, scale, why);
}
static int note(void *arg, uint64_t done, uint64_t all) {
    struct scene *s = arg;
    CHECK(done > s->last && done <= all);
    s->last = done;
    return s->stop_at != 0 && done >= s->stop_at;
}

static void scene_new(struct scene *s) {
    struct prepare_opts none = {0};
    memset(s, 0, sizeof *s);
    current = s;
    strcpy(s->dir, "/tmp/lull-hint-XXXXXX");
    CHECK(mkdtemp(s->dir) != NULL);
    snprintf(s->path, sizeof s->path, "%s/hint", s->dir);
    s->source = synth_open(&s->synth);
    CHECK_INT(prepare_shapes(&s->m, &s->source, &s->why), 0);
    CHECK_INT(prepare_weights(&s->m, NULL, &s->source, &none, &s->why), 0);
    s->source.row = counted_row;
    strcpy(s->m.name, "synth"), strcpy(s->m.profile, "C1-row8-f16");
    s->o = (struct hint_make_opts){.rank = RANK, .progress = note, .arg = s};
    CHECK_INT(kern_select(&s->o.k, NULL, NULL), 0);
}
static void scene_free(struct scene *s) {
    char path[128];
    unlink(s->path);
    snprintf(path, sizeof path, "%s.part", s->path), unlink(path);
    snprintf(path, sizeof path, "%s.journal", s->path), unlink(path);
    CHECK_INT(rmdir(s->dir), 0);
    blind_manifest_release(&s->m);
}
static int make(struct scene *s, uint8_t digest[32]) {
    s->last = 0, s->rows_asked = 0;
    return hint_make(s->path, &s->m, &s->source, &s->o, digest, &s->why);
}
static int check(struct scene *s, uint8_t digest[32]) {
    s->last = 0, s->rows_asked = 0;
    return hint_check_fetched(s->path, &s->m, &s->source, &s->o, digest, &s->why);
}
static uint32_t all_rows(void) {
    uint32_t n = 0;
    for (int i = 0; i < SYNTH_STACKS; i++) n += synth_shapes[i].rows;
    return n;
}

TEST(made_hint_opens_and_passes_the_check) {
    struct scene s;
    uint8_t digest[32], checked[32];
    scene_new(&s);
    CHECK_INT(make(&s, digest), 0);
    CHECK_INT(s.rows_asked, all_rows());
    CHECK_INT(check(&s, checked), 0);
    CHECK_MEM(digest, checked, 32);
    CHECK_INT(make(&s, digest), ERR_EXISTS);
    CHECK_INT(s.rows_asked, 0);
    scene_free(&s);
}

TEST(stopped_work_goes_on_without_what_is_whole) {
    struct scene s;
    uint8_t once[32], resumed[32];
    scene_new(&s);
    CHECK_INT(make(&s, once), 0);
    CHECK_INT(unlink(s.path), 0);
    s.stop_at = 96 * 64 + 64 * 61 + 1; /* two stacks and something */
    CHECK_INT(make(&s, resumed), ERR_CANCELLED);
    s.stop_at = 0;
    CHECK_INT(make(&s, resumed), 0);
    CHECK_INT(s.rows_asked, all_rows() - 96 - 64);
    CHECK_MEM(once, resumed, 32);
    scene_free(&s);
}

TEST(weights_that_are_not_the_manifest_s_are_refused) {
    struct scene s;
    uint8_t digest[32], once[32];
    scene_new(&s);
    s.synth.odd = 1, s.synth.odd_stack = 3, s.synth.odd_row = 20;
    CHECK_INT(make(&s, digest), ERR_AUTH);
    CHECK(strstr(s.why.text, "stack 3") != NULL && access(s.path, F_OK) != 0);
    s.synth.odd = 0, s.synth.fail_row = 0;
    CHECK_INT(make(&s, digest), 0); /* goes on with stack 3: stack 2, which would fail, was right */
    CHECK_INT(s.rows_asked, 33 + SYNTH_ROWS_MAX);
    s.synth.fail_row = 5;
    CHECK_INT(check(&s, once), ERR_IO);
    s.synth.fail_row = -1, s.synth.odd = 1;
    CHECK_INT(check(&s, once), ERR_AUTH);
    s.synth.odd = 0;
    CHECK_INT(check(&s, once), 0);
    s.o.rank = 4;
    CHECK_INT(check(&s, once), ERR_RANGE);
    CHECK_INT(make(&s, once), ERR_RANGE);
    s.o.rank = RANK, s.source.stacks--;
    CHECK_INT(make(&s, once), ERR_AUTH);
    scene_free(&s);
}

/* A maker who computed the hint of one weight more, with digests that fit: only the check over Z_q finds it. */
TEST(fetched_hint_of_other_weights_is_found_wrong) {
    struct scene s;
    uint8_t digest[32] = {0}, zero[32] = {0};
    struct buf b;
    uint64_t offset[SYNTH_STACKS], size;
    scene_new(&s);
    CHECK_INT(make(&s, digest), 0);
    CHECK_INT(file_read(&b, s.path, 1 << 24, NULL), 0);
    struct linear *linear = hint_shapes(&s.m);
    struct hint_id id = {.rank = RANK, .stacks = SYNTH_STACKS, .linear = linear};
    CHECK_INT(hint_layout(&id, offset, &size), 0);
    uint8_t manifest[32];
    struct lattice_public a;
    CHECK_INT(blind_manifest_digest(&s.m, manifest), 0);
    CHECK_INT(lattice_public_new(&a, manifest, 1, RANK, NULL), 0);
    for (size_t i = 0; i < RANK * NTT_N; i++) { /* row 7 of stack 2, weight 0 one larger: h + a_0 */
        uint32_t v;
        uint8_t *at = b.data + offset[2] + (7 * RANK * NTT_N + i) * 4;
        memcpy(&v, at, 4);
        v = (uint32_t)(((uint64_t)v + a.values[i]) % NTT_Q);
        memcpy(at, &v, 4);
    }
    sha256_of(b.data + HINT_HEAD_BYTES + 2 * HINT_STACK_BYTES + 16, b.data + offset[2], 130 * RANK * NTT_N * 4);
    CHECK_INT(file_write(s.path, b.data, b.len, 0600, NULL), 0);
    memset(digest, 0, 32);
    CHECK_INT(check(&s, digest), ERR_AUTH);
    CHECK(strstr(s.why.text, "stack 2") != NULL);
    CHECK_MEM(digest, zero, 32);
    lattice_public_free(&a);
    free(linear);
    buf_release(&b);
    scene_free(&s);
}

TESTS_MAIN("lattice_make", T(made_hint_opens_and_passes_the_check), T(stopped_work_goes_on_without_what_is_whole),
           T(weights_that_are_not_the_manifest_s_are_refused), T(fetched_hint_of_other_weights_is_found_wrong))
