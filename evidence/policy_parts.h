/* evidence/policy_parts.h - what the sections of a policy are made of. Each kind of evidence reads its own section
 * (`NAME_policy_read` beside its verifier); this is what they share.
 *
 * A policy narrows. A member that is absent asks for nothing beyond the built-in strictness; a member that is not known is an
 * error, since whoever misspelt it believes that it narrows. */
#ifndef EVIDENCE_POLICY_PARTS_H
#define EVIDENCE_POLICY_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

enum { EV_DIGEST_MAX = 64, EV_DIGESTS_MAX = 64 };

/* Allowed values of one thing. Not given: everything is allowed, and the thing is reported as unchecked. */
struct ev_digests {
    int given;
    unsigned count;
    uint8_t size[EV_DIGESTS_MAX];
    uint8_t bytes[EV_DIGESTS_MAX][EV_DIGEST_MAX];
};
/* obj[key], an array of 1..64 texts in lower-case hex, each of `size` bytes (0: 1 to 64 bytes). Absent: given is 0. ERR_FORMAT. */
int ev_digests_read(struct ev_digests *out, const json_t *obj, const char *key, size_t size, struct why *why);
int ev_digests_have(const struct ev_digests *list, const void *p, size_t n);

/* A policy integer in [lo, hi]; absent leaves *out. ERR_FORMAT. */
int ev_policy_int(const json_t *obj, const char *key, int64_t lo, int64_t hi, int64_t *out, struct why *why);
/* ERR_FORMAT: obj has a member that is not in the list of names (ended by NULL). where: for the message ("sev_snp"). */
int ev_policy_known(const json_t *obj, const char *const *names, const char *where, struct why *why);

#endif
