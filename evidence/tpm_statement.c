/* evidence/tpm_statement.c - see tpm_statement.h. */
#include "evidence/tpm_statement.h"

#include <sodium.h>
#include <string.h>

enum { SAID = 32 + TPM_NAME_BYTES + 8 };
static const char label[] = "lull activation v1"; /* its NUL is signed too */

static size_t message(uint8_t out[sizeof label + SAID], const uint8_t *said) {
    memcpy(out, label, sizeof label);
    memcpy(out + sizeof label, said, SAID);
    return sizeof label + SAID;
}

int tpm_statement_make(uint8_t out[TPM_STATEMENT_BYTES], const uint8_t ek_digest[32], const uint8_t ak_name[TPM_NAME_BYTES],
                       int64_t time_s, const uint8_t secret[64]) {
    uint8_t signed_bytes[sizeof label + SAID];
    struct writer w = writer_over(out, TPM_STATEMENT_BYTES);
    if (time_s < 0) return ERR_RANGE;
    write_bytes(&w, ek_digest, 32);
    write_bytes(&w, ak_name, TPM_NAME_BYTES);
    write_u64(&w, (uint64_t)time_s);
    write_bytes(&w, secret + 32, 32);
    if (w.err) return w.err;
    size_t n = message(signed_bytes, out);
    return crypto_sign_detached(out + SAID + 32, NULL, signed_bytes, n, secret) == 0 ? 0 : ERR_INTERNAL;
}

/* The activator's place in the policy's list; -1: the statement does not count. */
static int counts(const uint8_t s[TPM_STATEMENT_BYTES], const uint8_t ek[32], const uint8_t name[TPM_NAME_BYTES],
                  const struct tpm_policy *policy, int64_t now) {
    uint8_t signed_bytes[sizeof label + SAID];
    struct reader r = reader_over(s + 32 + TPM_NAME_BYTES, 8);
    uint64_t time = read_u64(&r);
    const uint8_t *key = s + SAID;
    if (memcmp(s, ek, 32) != 0 || memcmp(s + 32, name, TPM_NAME_BYTES) != 0 || now < 0) return -1;
    if (time > (uint64_t)now + TPM_STATEMENT_FUTURE_S) return -1;
    if (time < (uint64_t)now && (uint64_t)now - time > (uint64_t)policy->activation_age_s) return -1;
    size_t n = message(signed_bytes, s);
    if (crypto_sign_verify_detached(s + SAID + 32, signed_bytes, n, key) != 0) return -1;
    for (unsigned i = 0; i < policy->activators.count; i++)
        if (policy->activators.size[i] == 32 && memcmp(policy->activators.bytes[i], key, 32) == 0) return (int)i;
    return -1;
}

unsigned tpm_statements_count(const uint8_t *statements, unsigned n, const uint8_t ek_digest[32],
                              const uint8_t ak_name[TPM_NAME_BYTES], const struct tpm_policy *policy, int64_t now) {
    uint64_t seen = 0;
    _Static_assert(EV_DIGESTS_MAX <= 64, "an activator is a bit of seen");
    for (unsigned i = 0; i < n && i < TPM_STATEMENTS_MAX; i++) {
        int who = counts(statements + (size_t)i * TPM_STATEMENT_BYTES, ek_digest, ak_name, policy, now);
        /* a key that the list has twice is one activator: counts finds its first place */
        if (who >= 0) seen |= UINT64_C(1) << who;
    }
    return (unsigned)__builtin_popcountll(seen);
}
