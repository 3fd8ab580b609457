/* blind/prepare.h - what a client makes of a model once, before it computes blindly: the manifest, its secret checks, its own part.
 *
 * The weights stream by once. A prepared folder holds
 *     manifest      blind/blind_manifest.h
 *     client.gguf   what the client computes with itself (everything but the stacks' weights)
 *     checks        blind/check_file.h; secret, mode 0600
 * It is written beside its place, as DIR.lull-prepare-XXXXXX, and renamed there when it is whole. Only a set-up that is killed leaves
 * that behind; it may be deleted. */
#ifndef BLIND_PREPARE_H
#define BLIND_PREPARE_H

#include <stdint.h>

#include "base/err.h"
#include "blind/blind_manifest.h"

struct model;

/* Where the integers come from: a model (prepare_from_model), or a test's own. */
struct prepare_source {
    void *state;
    uint32_t stacks;
    int (*shape)(void *state, uint32_t stack, uint32_t *rows, uint32_t *cols);
    /* cols values and the row's scale. Rows are asked for in order, once. */
    int (*row)(void *state, uint32_t stack, uint32_t row, int8_t *w, float *scale, struct why *why);
    /* Writes the client file to path, new, mode 0600; the same bytes every time. */
    int (*write_client)(void *state, const char *path, struct why *why);
};
struct prepare_opts {
    const char *name;    /* full form */
    const char *profile; /* "C1-row8-f16" */
    uint64_t file_bytes; /* of the model file */
    uint8_t file_sha256[32];
    void (*progress)(void *arg, uint64_t weights_done, uint64_t weights_all); /* from the calling thread; NULL: silent */
    void *arg;
};
/* Makes dir. 0; ERR_EXISTS: dir is there and not a prepared folder of this very manifest (of the same one: damaged or missing files are
 * made anew, whole ones stay); ERR_RANGE, ERR_UNSUPPORTED (a shape or weights that cannot be used), ERR_IO, ERR_NOMEM, and what the
 * source returns. */
int prepare_dir(const char *dir, const struct prepare_source *source, const struct prepare_opts *o, struct why *why);
/* The manifest alone, for a worker that serves the model: the same bytes as prepare_dir's. temp_dir: where the client file is written
 * for its hash, and removed again. */
int prepare_manifest(struct blind_manifest *out, const struct prepare_source *source, const struct prepare_opts *o,
                     const char *temp_dir, struct why *why);

#endif
