/* gateway/gw_evidence.h - asks nodes for evidence, through the coordinator, and keeps what it shows (gw_verdicts.h).
 *
 * Asked is only for requests of tier attested, and only nodes that would otherwise do; each with a nonce of its own, or,
 * where the record names evidence that was made ahead and the policy names a log, for that first. At most EVIDENCE_AT_ONCE
 * are under way, drawn at random among those that are wanted, so that no order of the directory's decides who comes first. A node whose
 * TPM nobody has challenged yet is sent a challenge made from its own evidence (evidence/ev_challenge.h), once for each pair of keys as long as
 * the gateway runs; evidence that comes with the right answer is judged again. An answer is judged on the loop's thread: milliseconds, tens of them beside long logs, and a node whose evidence failed is not asked again at once. */
#ifndef GATEWAY_GW_EVIDENCE_H
#define GATEWAY_GW_EVIDENCE_H

#include "base/mem.h"
#include "base/opt.h"
#include "gateway/gw_draw.h"
#include "gateway/gw_judge.h"
#include "gateway/gw_link.h"

enum { EVIDENCE_AT_ONCE = 8, EVIDENCE_LIMIT_MS = 12000 };
struct gw_evidence;
struct gw_evidence_opts {
    struct loop *loop;
    const struct gw_link *link;
    const struct ev_policy *policy;  /* must outlive it */
    const struct opt_list *releases; /* files with proofs (gw_releases.h); must outlive it. NULL: none */
    ev_verifier *verify;             /* NULL: the pinned roots */
    void (*on_verdict)(void *arg);   /* there is a new one; nothing of gw_evidence may be called from inside */
    void *arg;
};
int gw_evidence_open(struct gw_evidence **out, const struct gw_evidence_opts *o); /* 0 or ERR_NOMEM */
void gw_evidence_close(struct gw_evidence *e);                                    /* before the link; NULL is fine */
/* Asks nodes that qualify for the wish but for evidence, as far as places are free. Returns how many of them have no lasting verdict yet. */
size_t gw_evidence_want(struct gw_evidence *e, const struct gw_dir *d, const struct gw_wish *w);
const struct gw_verdicts *gw_evidence_verdicts(const struct gw_evidence *e);
/* Of the nodes that qualify for the wish but for evidence: who was refused, and the names of what failed ("node 1a2b3c4d: pcr_values, class; node
 * ..."), as many as out has room for. Returns how many were refused; 0: out is "". */
size_t gw_evidence_refusals(const struct gw_evidence *e, const struct gw_dir *d, const struct gw_wish *w, char *out, size_t cap);
/* {"policy":"HEX","asking":N,"nodes":[...]} for the status page. 0 or ERR_NOMEM. */
int gw_evidence_show(const struct gw_evidence *e, struct buf *out);

#endif
