/* gateway/gw_verdicts.h - what nodes have shown of themselves, for as long as that holds. Pure: times are given.
 *
 * A verdict is about one key statement under one policy: it ends with the statement, when the policy's max_age is over, or with the
 * process. A refusal ends sooner, so that a node that was mended is seen. Nobody but gw_judge says that a verdict is good. */
#ifndef GATEWAY_GW_VERDICTS_H
#define GATEWAY_GW_VERDICTS_H

#include <stddef.h>
#include <stdint.h>

#include "evidence/evidence.h"

enum { VERDICTS_MAX = 512 /* a directory's nodes, with the key in use and the next */, VERDICT_FACTORS_BYTES = 120 };
struct gw_verdict {
    uint8_t key_id[32], identity[32];
    enum ev_class shows;                 /* EV_CLASS_NONE: refused */
    int passing;                         /* refused for what may soon be over: no answer, asked too often */
    char factors[VERDICT_FACTORS_BYTES]; /* names of what failed: "signature, nonce" */
    uint8_t envelope[32];                /* SHA-256 of the evidence; zeros: none came */
    uint64_t log_size;                   /* of the checkpoint that evidence made ahead counts from; else 0 */
    uint64_t judged_s;                   /* unix */
    uint64_t until_s, until_ms;          /* unix and monotonic: over at the first of the two */
    uint8_t policy[32];                  /* gw_verdicts_put sets it */
};
struct gw_verdicts {
    uint8_t policy[32]; /* digest of the one in force: verdicts under another are not found */
    struct gw_verdict *list;
    size_t count;
};
int gw_verdicts_init(struct gw_verdicts *v, const uint8_t policy[32]); /* 0 or ERR_NOMEM */
void gw_verdicts_release(struct gw_verdicts *v);                       /* fine on a zeroed one */
/* In place of what there is on that key. When all places are taken, the one that ends first goes. */
void gw_verdicts_put(struct gw_verdicts *v, const struct gw_verdict *one, uint64_t now_s, uint64_t now_ms);
/* NULL: none, or it is over. */
const struct gw_verdict *gw_verdicts_find(const struct gw_verdicts *v, const uint8_t key_id[32], uint64_t now_s, uint64_t now_ms);
/* The class that the key's node has shown; EV_CLASS_NONE: it may not be sealed to. */
enum ev_class gw_verdicts_class(const struct gw_verdicts *v, const uint8_t key_id[32], uint64_t now_s, uint64_t now_ms);
/* The one that leaves more people able to read a prompt; EV_CLASS_NONE gives way to the other. */
enum ev_class gw_weaker_class(enum ev_class a, enum ev_class b);

#endif
