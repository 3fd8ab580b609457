/* blind/operators.c - see operators.h. */
#include "blind/operators.h"
#include "base/hash.h"

#include <string.h>

static const char role_letter[PAIR_ROLES] = {[PAIR_A] = 'A', [PAIR_B] = 'B'};

static enum pair_role other(enum pair_role role) { return role == PAIR_A ? PAIR_B : PAIR_A; }

static int listed(const struct operators *o, enum pair_role role, const uint8_t *prefix) {
    for (uint32_t i = 0; i < o->role[role].allowed_count; i++)
        if (memcmp(o->role[role].allowed[i], prefix, OPERATOR_PREFIX_BYTES) == 0) return 1;
    return 0;
}

int operators_list(struct operators *o, enum pair_role role, const char *text, struct why *why) {
    uint8_t prefix[OPERATOR_PREFIX_BYTES];
    if (hex_decode(prefix, sizeof prefix, text, strlen(text)) != 0)
        return why_set(why, ERR_FORMAT, "not an operator: 32 hex digits are");
    if (listed(o, other(role), prefix))
        return why_set(why, ERR_PERM, "operator %s may not be listed for both A and B: together they could read the prompt",
                       text);
    if (listed(o, role, prefix)) return 0;
    uint32_t at = o->role[role].allowed_count;
    if (at == OPERATORS_MAX) return why_set(why, ERR_LIMIT, "more than %d operators for %c", OPERATORS_MAX, role_letter[role]);
    memcpy(o->role[role].allowed[at], prefix, sizeof prefix);
    o->role[role].allowed_count++;
    return 0;
}

int operators_ready(const struct operators *o) { return o->role[PAIR_A].allowed_count && o->role[PAIR_B].allowed_count; }

int operators_admit(struct operators *o, enum pair_role role, const uint8_t identity[32], const uint8_t operator_id[32],
                    struct why *why) {
    if (!listed(o, role, operator_id))
        return why_set(why, ERR_PERM, "the worker's operator is not listed for %c", role_letter[role]);
    int known = 0;
    for (uint32_t i = 0; i < o->worker_count; i++) {
        int same_worker = memcmp(o->worker[i].identity, identity, 32) == 0;
        int same_operator = memcmp(o->worker[i].operator_id, operator_id, OPERATOR_PREFIX_BYTES) == 0;
        if ((same_worker || same_operator) && o->worker[i].role != role)
            return why_set(why, ERR_PERM, "the %s has served %c and cannot serve %c",
                           same_worker ? "worker" : "worker's operator", role_letter[o->worker[i].role], role_letter[role]);
        if (same_worker && same_operator) known = 1;
    }
    if (known) return 0;
    if (o->worker_count == OPERATORS_WORKERS_MAX) return why_set(why, ERR_LIMIT, "more than %d workers", OPERATORS_WORKERS_MAX);
    memcpy(o->worker[o->worker_count].identity, identity, 32);
    memcpy(o->worker[o->worker_count].operator_id, operator_id, 32);
    o->worker[o->worker_count].role = role;
    o->worker_count++;
    return 0;
}
