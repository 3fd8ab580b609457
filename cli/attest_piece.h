/* cli/attest_piece.h - one raw piece of evidence as the user names it: files, read within their limits. */
#ifndef CLI_ATTEST_PIECE_H
#define CLI_ATTEST_PIECE_H

#include "base/opt.h"
#include "cli/attest.h"

struct piece_names { /* NULL: not given */
    const char *kind, *evidence, *key, *collateral, *event_log;
    struct opt_list chain;
};
struct piece {
    struct buf evidence, key, collateral, event_log, chain[OPT_LIST_MAX];
    unsigned chains;
};
/* Reads all files. A file over its limit, an empty one, or too many of them, is the evidence's fault and becomes a factor of r; one that cannot be read
 * is the user's: an ERR_*, with why. Release p in any case. */
int piece_read(struct piece *p, const struct piece_names *names, struct ev_report *r, struct why *why);
void piece_release(struct piece *p);
/* Points into p. */
struct ev_input piece_input(const struct piece *p, const struct ev_policy *policy, int64_t at);
/* One file within its limit, as above. path NULL: empty. */
int piece_file(struct buf *b, const char *path, size_t max, int hex, struct ev_report *r, struct why *why);
/* ERR_USAGE when the kind is none, or NULL, or what is named does not go with it. */
int piece_names_check(const struct piece_names *names, struct why *why);

#endif
