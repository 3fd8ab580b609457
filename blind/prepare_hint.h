/* blind/prepare_hint.h - the hint of mode `lattice` in a prepared folder (blind/prepared.h): two more files, made from the
 * weights once.
 *
 *     hint          blind/hint.h; public, large
 *     hint.sha256   32 bytes: the digest it had when it was made; compared at each start */
#ifndef BLIND_PREPARE_HINT_H
#define BLIND_PREPARE_HINT_H

#include "blind/hint_make.h"
#include "blind/prepared.h"

#define PREPARED_HINT        "hint"
#define PREPARED_HINT_DIGEST "hint.sha256"

struct model;
/* Makes them in dir, the folder that p was opened from; m: the model, its stacks packed or streamed. Goes on where an earlier
 * call was interrupted; a hint that is there without its digest is checked against the weights instead. One that is whole stays, and must be of
 * the rank that is asked for: ERR_RANGE, ERR_AUTH. Else errors as hint_make. */
int prepare_hint(const char *dir, const struct prepared *p, const struct model *m, const struct hint_make_opts *o,
                 struct why *why);
/* Opens the hint of dir; rank 0: of whichever parameters it was made with. ERR_NOTFOUND: it was not prepared for mode lattice;
 * ERR_AUTH: not the one that was made; as hint_open. */
int prepared_hint_open(struct hint *h, const char *dir, const struct prepared *p, uint32_t rank, struct pool *pool,
                       struct why *why);

#endif
