/* evidence/policy.h - what a user asks of evidence, as one file: canonical JSON (evidence/canonical_json.h), so that its digest can be
 * shown and compared.
 *
 * A policy narrows what the build pins and asks: it can name measurements, chips, operators; it has no member for a root, a debug
 * switch or a software TPM, and a member that is not known is an error. The one member that says what is enough, not what is good, is
 * "classes": without it the classes of tier `attested`. docs/evidence.md lists all members. */
#ifndef EVIDENCE_POLICY_H
#define EVIDENCE_POLICY_H

#include <stdint.h>

#include "evidence/apple_mda.h"
#include "evidence/evidence.h"
#include "evidence/ima_policy.h"
#include "evidence/log_policy.h"
#include "evidence/nitro.h"
#include "evidence/nvidia_gpu.h"
#include "evidence/policy_parts.h"
#include "evidence/sev_snp.h"
#include "evidence/tdx.h"
#include "evidence/tpm_policy.h"

enum { EV_POLICY_VERSION = 1, EV_POLICY_BYTES_MAX = 256 * 1024, EV_AGE_S_MAX = 24 * 3600 };

struct ev_policy {
    uint8_t digest[32];          /* SHA-256 of the canonical text */
    int64_t max_age_s;           /* of a prefetched nonce: 1..EV_AGE_S_MAX */
    int classes_given;           /* 0: T1, T2, T3, A2 */
    unsigned classes;            /* bit 1 << EV_T0 and so on */
    struct ev_digests operators; /* ids as people see them, 16 bytes; the operator of the key statement must be one of them */
    struct log_policy log;
    struct ima_policy ima; /* which programs may have run beside a TPM */
    /* one per kind, each read by the file of its kind */
    struct apple_policy apple;
    struct nitro_policy nitro;
    struct nvidia_policy nvidia;
    struct snp_policy snp;
    struct tpm_policy tpm;
    struct tdx_policy tdx;
};

/* The built-in policy, strictest that needs no knowledge of the user. Made at the first call, the same ever after. */
const struct ev_policy *ev_policy_strict(void);
/* Its text: what a policy says that asks for nothing. */
const char *ev_policy_strict_text(void);
/* Reads a policy, which need not be in canonical form (the digest is that of the canonical form). NULL with why when it is none: its
 * version absent or unknown, a member unknown or of another type. Free it with ev_policy_free. */
struct ev_policy *ev_policy_read(const void *text, size_t n, struct why *why);
void ev_policy_free(struct ev_policy *p); /* NULL is fine */

int ev_policy_accepts(const struct ev_policy *p, enum ev_class c);
/* "T1, T2, T3, A2"; cut when it does not fit. */
void ev_policy_classes(const struct ev_policy *p, char *out, size_t cap);

#endif
