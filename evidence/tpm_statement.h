/* evidence/tpm_statement.h - activation by somebody else: "this AK is in the TPM with this EK, I challenged it then", signed.
 *
 * On the wire: EK digest (32: SHA-256 of its SubjectPublicKeyInfo), AK name (34), time u64 in seconds since 1970, activator's Ed25519 key
 * (32), signature (64) over "lull activation v1" || 00 || the first 74 bytes. */
#ifndef EVIDENCE_TPM_STATEMENT_H
#define EVIDENCE_TPM_STATEMENT_H

#include "evidence/tpm_policy.h"
#include "evidence/tpm_wire.h"

enum { TPM_STATEMENT_BYTES = 32 + TPM_NAME_BYTES + 8 + 32 + 64, TPM_STATEMENTS_MAX = 16, TPM_STATEMENT_FUTURE_S = 300 };

/* secret: 64 bytes, seed || public, as libsodium has it. */
int tpm_statement_make(uint8_t out[TPM_STATEMENT_BYTES], const uint8_t ek_digest[32], const uint8_t ak_name[TPM_NAME_BYTES],
                       int64_t time_s, const uint8_t secret[64]);
/* statements: n of them, one behind the other. How many of the policy's activators say so of this EK and AK, each counted once, not older
 * than the policy's age and not from the future. */
unsigned tpm_statements_count(const uint8_t *statements, unsigned n, const uint8_t ek_digest[32],
                              const uint8_t ak_name[TPM_NAME_BYTES], const struct tpm_policy *policy, int64_t now);

#endif
