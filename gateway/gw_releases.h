/* gateway/gw_releases.h - proofs of releases that the user names (`lull log prove`), and which of them is about a node's engine.
 *
 * The files are read whenever evidence is judged: a proof holds for a day, so somebody puts a new one in its place again and again. What a
 * proof is worth evidence/release_check.h says. */
#ifndef GATEWAY_GW_RELEASES_H
#define GATEWAY_GW_RELEASES_H

#include "base/mem.h"
#include "base/opt.h"

/* The proof of the release whose "NAME-VERSION" the engine id is, into out, which is initialised here. ERR_NOTFOUND: none of the files, those
 * that cannot be read or are no proof passed over. */
int gw_releases_find(struct buf *out, const struct opt_list *files, const char *engine_id);

#endif
