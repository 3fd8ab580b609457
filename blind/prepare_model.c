/* blind/prepare_model.c - see prepare_model.h. */
#include "blind/prepare_model.h"
#include "math/row8.h"
#include "model/linear.h"
#include "model/model.h"
#include "model/profile.h"

#include <inttypes.h>
#include <stdlib.h>

struct from_model {
    const struct model *m;
    float *scratch; /* one row as floats */
};

static int shape(void *state, uint32_t stack, uint32_t *rows, uint32_t *cols) {
    const struct from_model *f = state;
    struct linear l = model_linear(f->m, stack);
    *rows = l.rows;
    *cols = l.cols;
    return 0;
}

static int row(void *state, uint32_t stack, uint32_t at, int8_t *w, float *scale, struct why *why) {
    const struct from_model *f = state;
    int r = model_linear_row(f->m, stack, at, f->scratch, w, scale);
    if (r != 0) return why_set(why, r, "stack %" PRIu32 ", row %" PRIu32 ": %s", stack, at, err_text(r));
    if (at + 1 == model_linear(f->m, stack).rows) model_linear_drop(f->m, stack); /* its pages are not needed again */
    return 0;
}

static int write_client(void *state, const char *path, struct why *why) {
    const struct from_model *f = state;
    return model_write_client(f->m, path, why);
}

/* The source, and what the manifest says of the file. scratch is the caller's to free. */
static int from_model_open(struct from_model *f, struct prepare_source *source, struct prepare_opts *to, const struct model *m,
                           const struct prepare_model_opts *o, struct why *why) {
    *f = (struct from_model){.m = m, .scratch = malloc(ROW8_COLS_MAX * sizeof(float))};
    *source = (struct prepare_source){f, model_linear_count(m), shape, row, write_client};
    *to = (struct prepare_opts){.name = o->name, .file_bytes = model_file_bytes(m), .progress = o->progress, .arg = o->arg};
    if (!f->scratch) return ERR_NOMEM;
    int r = model_kv_check(m, o->kv, why);
    if (r != 0) return r;
    to->profile = model_profile(m, o->kv);
    model_file_sha256(m, to->file_sha256);
    return 0;
}

int prepare_model_dir(const char *dir, const char *path, const struct prepare_model_opts *o, struct why *why) {
    const struct model_opts how = {.context = o->context, .arith = ARITH_ROW8, .stacks = STACKS_STREAMED};
    struct model *m = NULL;
    int r = model_open(&m, path, &how, why);
    if (r != 0) return r;
    struct from_model f;
    struct prepare_source source;
    struct prepare_opts to;
    r = from_model_open(&f, &source, &to, m, o, why);
    if (r == 0) r = prepare_dir(dir, &source, &to, why);
    free(f.scratch);
    model_close(m);
    return r;
}

int prepare_model_manifest(struct blind_manifest *out, const struct model *m, const struct prepare_model_opts *o,
                           const char *temp_dir, struct why *why) {
    struct from_model f;
    struct prepare_source source;
    struct prepare_opts to;
    int r = from_model_open(&f, &source, &to, m, o, why);
    if (r == 0) r = prepare_manifest(out, &source, &to, temp_dir, why);
    free(f.scratch);
    return r;
}
