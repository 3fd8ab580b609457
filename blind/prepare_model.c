/* blind/prepare_model.c - see prepare_model.h. */
#include "blind/prepare_model.h"
#include "math/row8.h"
#include "model/linear.h"
#include "model/model.h"
#include "model/profile.h"

#include <inttypes.h>
#include <string.h>

static int shape(void *state, uint32_t stack, uint32_t *rows, uint32_t *cols) {
    const struct prepare_model_source *f = state;
    struct linear l = model_linear(f->m, stack);
    *rows = l.rows;
    *cols = l.cols;
    return 0;
}

static int row(void *state, uint32_t stack, uint32_t at, int8_t *w, float *scale, struct why *why) {
    const struct prepare_model_source *f = state;
    const int8_t *from;
    if (f->held && f->held[stack].data) {
        row8_unpack(&f->held[stack], at, w);
        *scale = f->held_scales[stack][at];
        return 0;
    }
    int r = linear_rows_get(f->rows, stack, at, &from, scale);
    if (r == 0) memcpy(w, from, model_linear(f->m, stack).cols);
    if (r != 0) return why_set(why, r, "stack %" PRIu32 ", row %" PRIu32 ": %s", stack, at, err_text(r));
    if (at + 1 == model_linear(f->m, stack).rows) model_linear_drop(f->m, stack); /* its pages are not needed again */
    return 0;
}

static int write_client(void *state, const char *path, struct why *why) {
    const struct prepare_model_source *f = state;
    return model_write_client(f->m, path, why);
}

int prepare_model_source_init(struct prepare_model_source *s, const struct model *m, struct pool *pool,
                              struct prepare_source *out) {
    *s = (struct prepare_model_source){.m = m};
    *out = (struct prepare_source){s, model_linear_count(m), shape, row, write_client};
    int r = pool ? 0 : pool_new(&s->own, model_arith(m) == ARITH_ROW8_FOLD ? 0 : 1, NULL);
    return r == 0 ? linear_rows_new(&s->rows, m, pool ? pool : s->own) : r;
}

void prepare_model_source_release(struct prepare_model_source *s) {
    linear_rows_free(s->rows);
    pool_free(s->own);
    *s = (struct prepare_model_source){.m = NULL};
}

/* The source, and what the manifest says of the file. f is the caller's to release. */
static int from_model_open(struct prepare_model_source *f, struct prepare_source *source, struct prepare_opts *to,
                           const struct model *m, const struct prepare_model_opts *o, struct why *why) {
    *to = (struct prepare_opts){.name = o->name, .file_bytes = model_file_bytes(m), .progress = o->progress, .arg = o->arg};
    int r = prepare_model_source_init(f, m, o->pool, source);
    f->held = o->held;
    f->held_scales = o->held_scales;
    if (r == 0) r = model_kv_check(m, o->kv, why);
    if (r != 0) return r;
    to->profile = model_profile(m, o->kv);
    model_file_sha256(m, to->file_sha256);
    return 0;
}

int prepare_opened_dir(const char *dir, const struct model *m, const struct prepare_model_opts *o, struct why *why) {
    struct prepare_model_source f;
    struct prepare_source source;
    struct prepare_opts to;
    int r = from_model_open(&f, &source, &to, m, o, why);
    if (r == 0) r = prepare_dir(dir, &source, &to, why);
    prepare_model_source_release(&f);
    return r;
}

int prepare_model_dir(const char *dir, const char *path, const struct prepare_model_opts *o, struct why *why) {
    const struct model_opts how = {
        .context = o->context, .arith = o->folded ? ARITH_ROW8_FOLD : ARITH_ROW8, .stacks = STACKS_STREAMED};
    struct model *m = NULL;
    int r = model_open(&m, path, &how, why);
    if (r == 0) r = prepare_opened_dir(dir, m, o, why);
    model_close(m);
    return r;
}

int prepare_model_manifest(struct blind_manifest *out, const struct model *m, const struct prepare_model_opts *o,
                           const char *temp_dir, struct why *why) {
    struct prepare_model_source f;
    struct prepare_source source;
    struct prepare_opts to;
    int r = from_model_open(&f, &source, &to, m, o, why);
    if (r == 0) r = prepare_manifest(out, &source, &to, temp_dir, why);
    prepare_model_source_release(&f);
    return r;
}
