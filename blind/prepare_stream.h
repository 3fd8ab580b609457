/* blind/prepare_stream.h - the one pass over a model's integers: roots, norms, scales, and the checks' t. For blind/prepare.c. */
#ifndef BLIND_PREPARE_STREAM_H
#define BLIND_PREPARE_STREAM_H

#include "blind/check_file.h"
#include "blind/prepare.h"

/* The source's shapes into m->stacks (initialised here; m is the caller's to release even on failure). */
int prepare_shapes(struct blind_manifest *m, const struct prepare_source *source, struct why *why);
/* Streams every stack: fills in the roots of m and, unless NULL, checks (check_set_init of m): draws s, and makes t, scales, norms. */
int prepare_weights(struct blind_manifest *m, struct check_set *checks, const struct prepare_source *source,
                    const struct prepare_opts *o, struct why *why);

#endif
