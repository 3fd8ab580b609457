/* evidence/log_policy.h - whose word on the transparency log a user takes: section "log" of a policy.
 *
 *     "log": {"origin": "log.example/lull", "key": HEX, "witnesses": [HEX, ...], "k": 2, "release": "required"}
 *
 * Keys are Ed25519: 64 hexadecimal digits, or the verifier keys that `lull log` prints (evidence/tlog_note.h). Evidence that was made ahead for everybody (a prefetched nonce) is as fresh as a checkpoint that k
 * of the witnesses have signed; without this section there is no such evidence. With "release" a node must be shown to run a release that this log has in
 * force (evidence/release_check.h). */
#ifndef EVIDENCE_LOG_POLICY_H
#define EVIDENCE_LOG_POLICY_H

#include <stdint.h>

#include "base/json.h"
#include "base/err.h"

enum { EV_WITNESSES_MAX = 16, EV_ORIGIN_BYTES_MAX = 128 };
struct log_policy {
    int given, release_required;
    char origin[EV_ORIGIN_BYTES_MAX + 1];
    uint8_t key[32];
    unsigned witnesses, k; /* 1 <= k <= witnesses */
    uint8_t witness[EV_WITNESSES_MAX][32];
};
void log_policy_strict(struct log_policy *p); /* not given */
/* All but "release" must be there, and no witness twice: one that is counted twice is no second opinion. ERR_FORMAT. */
int log_policy_read(const json_t *section, struct log_policy *p, struct why *why);

#endif
