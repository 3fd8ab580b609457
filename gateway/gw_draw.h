/* gateway/gw_draw.h - which nodes a request is sealed to. Pure: randomness is given.
 *
 * Every candidate can read the prompt, so each must meet the policy, all serve the very same file, and over all attempts no
 * more than PROGRESS_IDENTITIES_MAX identities are asked. Among those that qualify the draw is uniform: a coordinator cannot
 * steer a request to a node by what it says of load. */
#ifndef GATEWAY_GW_DRAW_H
#define GATEWAY_GW_DRAW_H

#include "gateway/gw_dir.h"
#include "gateway/gw_progress.h"
#include "gateway/gw_verdicts.h"
#include "seal/reqhead.h"

enum { POLICY_PINS_MAX = 16, OPERATOR_PIN_BYTES = 16 };
struct gw_policy { /* no pins at all: any node. Else one of these operators, or one of these identities */
    uint8_t operators[POLICY_PINS_MAX][OPERATOR_PIN_BYTES]; /* first bytes of the operator id */
    uint8_t nodes[POLICY_PINS_MAX][32];
    size_t operator_count, node_count;
};
int gw_policy_allows(const struct gw_policy *p, const struct record *r);

struct gw_wish {
    const char *model; /* full name */
    const uint8_t *manifest;
    const struct gw_policy *policy;
    const struct progress *progress;
    size_t want; /* 1..CANDIDATES_MAX */
    uint64_t now_s, now_ms;
    const struct gw_verdicts
        *verdicts; /* only nodes that have shown a class here; NULL: tier sealed, evidence is not looked at */
};
typedef uint32_t gw_random(void *arg, uint32_t below); /* uniform in 0..below-1 */
/* But for the verdicts. */
int gw_qualifies(const struct gw_node *n, const struct gw_wish *w);
/* Up to `want` nodes, pointing into d. At a first attempt any; later those that know the prompt already come first, and who
 * failed last only when nobody else is left. 0: nobody qualifies. */
size_t gw_draw(const struct gw_dir *d, const struct gw_wish *w, gw_random *random, void *arg,
               const struct gw_node *out[CANDIDATES_MAX]);

#endif
