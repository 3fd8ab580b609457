/* evidence/tpm_pcr.h - PCRs of a TPM 2.0: which ones (a selection), what was in them, and the digests that follow from both.
 *
 * A selection is kept as the TPM signed it, banks in its order, since order and spelling are part of every digest over it. All of this
 * is plain computing over the caller's memory; the node uses the same functions to make what the verifier recomputes. */
#ifndef EVIDENCE_TPM_PCR_H
#define EVIDENCE_TPM_PCR_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "evidence/evidence.h"

/* TCG algorithm identifiers of hashes. */
enum { TPM_ALG_SHA1 = 0x0004, TPM_ALG_SHA256 = 0x000b, TPM_ALG_SHA384 = 0x000c, TPM_ALG_SHA512 = 0x000d };
enum { TPM_DIGEST_MAX = 64, TPM_BANKS_MAX = 4, TPM_PCR_COUNT = 24, TPM_PCRS_MAX = 48 };
/* PCRs that anybody may set back to zero at locality 0: they show nothing. */
enum { TPM_RESETTABLE = 1 << 16 | 1 << 23 };
/* PCR 10 is IMA's: each program that runs moves it, so no key's policy can hold on to it. */
enum { TPM_PCR_IMA = 10 };

/* Bytes of a digest; 0: not a hash that we know. */
size_t tpm_hash_size(uint16_t alg);
/* "SHA256", as OpenSSL calls it and as people do; NULL. */
const char *tpm_hash_name(uint16_t alg);
uint16_t tpm_hash_named(const char *name); /* "sha256"; 0 */
/* out has tpm_hash_size(alg) bytes. ERR_UNSUPPORTED. */
int tpm_hash(uint16_t alg, uint8_t out[TPM_DIGEST_MAX], const void *p, size_t n);

/* TPML_PCR_SELECTION. */
struct tpm_selection {
    unsigned banks;
    struct {
        uint16_t alg;
        uint8_t size;  /* bytes of the bitmap as it was spelt, 1 to 4 */
        uint32_t mask; /* bit n: PCR n; never one over 23 */
    } bank[TPM_BANKS_MAX];
};
/* Errors stick in r: ERR_LIMIT over TPM_BANKS_MAX banks or TPM_PCRS_MAX PCRs, ERR_RANGE for PCR 24 and over, ERR_UNSUPPORTED for a bank
 * of an unknown hash. */
void tpm_selection_read(struct reader *r, struct tpm_selection *out);
void tpm_selection_write(struct writer *w, const struct tpm_selection *s);
unsigned tpm_selection_count(const struct tpm_selection *s);
/* The same PCRs of the same banks, in the same order; how the bitmaps were spelt does not matter. */
int tpm_selection_same(const struct tpm_selection *a, const struct tpm_selection *b);
/* One bank, bitmap of 3 bytes: what TPMs of PCs and clouds use. */
struct tpm_selection tpm_selection_of(uint16_t alg, uint32_t mask);
/* All PCRs of all banks together. */
uint32_t tpm_selection_union(const struct tpm_selection *s);
/* "sha256:0,1,2,7+sha384:4" */
void tpm_selection_text(const struct tpm_selection *s, char *out, size_t cap);

/* A selection with its values: bank by bank as selected, ascending in each. */
struct tpm_pcrs {
    struct tpm_selection select;
    uint8_t value[TPM_PCRS_MAX][TPM_DIGEST_MAX];
};
/* Where PCR `index` of bank `alg` is in value; -1: not selected. */
int tpm_pcrs_at(const struct tpm_pcrs *p, uint16_t alg, unsigned index);
/* The part of `from` that `want` selects. ERR_NOTFOUND: from lacks one. */
int tpm_pcrs_take(const struct tpm_pcrs *from, const struct tpm_selection *want, struct tpm_pcrs *out);
/* H(values), as TPM2_Quote and TPM2_PolicyPCR compute it. ERR_UNSUPPORTED. */
int tpm_pcrs_digest(uint16_t alg, const struct tpm_pcrs *p, uint8_t out[TPM_DIGEST_MAX]);

/* authPolicy of a SHA-256 key: start from 32 zeros, then each step extends the digest in place.
 * PolicyPCR: H(old || 0000017f || selection || H(values)). PolicyAuthValue: H(old || 0000016b). */
int tpm_policy_pcr(uint8_t policy[32], const struct tpm_pcrs *p);
void tpm_policy_auth_value(uint8_t policy[32]);
/* Both, from zeros: the seal key's. */
int tpm_policy_pcr_auth(const struct tpm_pcrs *p, uint8_t out[32]);

#endif
