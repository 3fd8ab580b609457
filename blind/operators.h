/* blind/operators.h - who may be worker A and who worker B: the user's own lists, never the coordinator's word.
 *
 * Mode `pair` stands on A and B not pooling what they see, so the operators of the two roles are disjoint sets, and a worker that has
 * served one role of a client never serves the other, not in a later session either, and not under another operator. What served is
 * remembered as long as the struct lives; over restarts the user's lists hold. Pure: no I/O, no clock. Ids come from key statements whose operator's signature the caller has checked (seal/record.h). */
#ifndef BLIND_OPERATORS_H
#define BLIND_OPERATORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { OPERATORS_MAX = 32, OPERATORS_WORKERS_MAX = 256, OPERATOR_PREFIX_BYTES = 16 };
enum pair_role { PAIR_A, PAIR_B, PAIR_ROLES };

struct operators { /* zeroed: nobody is allowed */
    struct {
        uint8_t allowed[OPERATORS_MAX][OPERATOR_PREFIX_BYTES];
        uint32_t allowed_count;
    } role[PAIR_ROLES];
    struct {
        uint8_t identity[32];
        uint8_t operator_id[32];
        enum pair_role role;
    } worker[OPERATORS_WORKERS_MAX]; /* every one that ever was admitted */
    uint32_t worker_count;
};
/* Lists an operator for a role, as people write it: 32 hex digits (seal/record.h, operator_text). Twice in one role is fine. ERR_FORMAT;
 * ERR_PERM: listed for the other role; ERR_LIMIT. */
int operators_list(struct operators *o, enum pair_role role, const char *text, struct why *why);
/* 1 if both roles have an operator. */
int operators_ready(const struct operators *o);
/* A worker that is about to serve a role: 0, from now on it is of this role for good; ERR_PERM: its operator is not listed for the role,
 * or this identity, or one of this operator, has served the other role; ERR_LIMIT: OPERATORS_WORKERS_MAX. */
int operators_admit(struct operators *o, enum pair_role role, const uint8_t identity[32], const uint8_t operator_id[32],
                    struct why *why);

#endif
