/* blind/hint_make.h - a model's hint, made from its weights or, when it was fetched, checked against them.
 *
 * The public vectors follow from the manifest's digest, so the manifest comes first: the weights stream by a second time. Each
 * stack's rows are held against its root in the manifest on the way, so that a hint belongs to the manifest that it names. */
#ifndef BLIND_HINT_MAKE_H
#define BLIND_HINT_MAKE_H

#include "blind/blind_manifest.h"
#include "blind/hint.h"
#include "blind/prepare.h"

struct hint_make_opts {
    const struct kern *k;
    struct pool *pool; /* NULL: one thread */
    uint32_t rank;     /* of the table in blind/lattice_params.h */
    /* After every batch of rows; not 0 ends the work with ERR_CANCELLED. NULL: silent. */
    int (*progress)(void *arg, uint64_t weights_done, uint64_t weights_all);
    void *arg;
};
/* The stacks' shapes and fields, for hint_id and the stores of masks: [m->stack_count], to be freed. NULL: no memory. */
struct linear *hint_shapes(const struct blind_manifest *m);

/* Makes PATH (hint_build.h), or goes on where an earlier call was interrupted: of stacks that are whole no row is asked for.
 * digest: to be kept. ERR_AUTH: the weights are not the manifest's; ERR_CANCELLED; ERR_RANGE (rank); as hint_build_open, _rows
 * and the source. */
int hint_make(const char *path, const struct blind_manifest *m, const struct prepare_source *source,
              const struct hint_make_opts *o, uint8_t digest[32], struct why *why);
/* Opens PATH and checks all of it with fresh secret vectors (hint_check.h). digest: to be kept, only set on success. ERR_AUTH:
 * the hint is wrong, or the weights are not the manifest's; else as hint_open and the source. */
int hint_check_fetched(const char *path, const struct blind_manifest *m, const struct prepare_source *source,
                       const struct hint_make_opts *o, uint8_t digest[32], struct why *why);

#endif
