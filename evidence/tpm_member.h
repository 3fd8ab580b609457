/* evidence/tpm_member.h - what a node with a TPM shows in an envelope: a quote, the AK, and that the seal key is the TPM's.
 *
 * Big-endian, one spelling:
 *     "LTPM", u8 version = 1
 *     u16 + the quote in wire form (evidence/tpm_container.h), with its values
 *     u16 + AK, TPMT_PUBLIC
 *     u16 + TPMS_ATTEST of TPM2_CertifyCreation, u16 + its TPMT_SIGNATURE, u16 + TPMS_CREATION_DATA, u16 + the seal key, TPMT_PUBLIC
 *     u8 count, count activation statements (evidence/tpm_statement.h)
 *     u32 + the firmware's event log, u32 + IMA's list; either may be empty
 * The EK's certificate and its issuers are the part's certificates; where a cloud certifies AKs, the AK's too.
 *
 * Both extraData are the nonce. Notes, beside the quote's own factors (evidence/tpm_quote.h) and the seal key's (evidence/tpm_seal_key.h):
 *     format          unsupported  not this form
 *     ek_certificate  refused      no certificates, so none of the AK either; invalid: some, and none is an EK's or this AK's
 *     ak_not_activated refused     nobody shows that the AK is in the TPM of that EK: not the caller, not enough of the policy's activators, and
 *                                  no certificate of the AK
 * Unchecked: "seal_key_statement" (the caller compares tpm_member_seal_key with K), "event_log" and "ima_log" when they are there: they are
 * judged against the quoted values elsewhere. */
#ifndef EVIDENCE_TPM_MEMBER_H
#define EVIDENCE_TPM_MEMBER_H

#include "evidence/tpm_quote.h"
#include "evidence/tpm_seal_key.h"
#include "evidence/tpm_statement.h"

enum { TPM_MEMBER_VERSION = 1, TPM_LOG_BYTES_MAX = 1 << 20 };

struct tpm_member {
    struct ev_bytes quote, ak;
    struct tpm_seal_key seal;
    unsigned statements;
    const uint8_t *statement; /* one behind the other */
    struct ev_bytes event_log, ima_log;
};
int tpm_member_looks(struct ev_bytes bytes);
/* Points into the bytes. ERR_FORMAT, ERR_VERSION, ERR_LIMIT, ERR_SHORT, ERR_TRAILING. */
int tpm_member_read(struct ev_bytes bytes, struct tpm_member *out);
void tpm_member_write(struct writer *w, const struct tpm_member *m);
/* The quote in wire form. signature: TPMT_SIGNATURE. */
void tpm_quote_wire_write(struct writer *w, struct ev_bytes attest, struct ev_bytes signature, const struct tpm_pcrs *values);

/* The x coordinate of the seal key that a member shows. What it is worth, the verdict says. ERR_*. */
int tpm_member_seal_key(struct ev_bytes bytes, uint8_t x[32]);
/* Whom a client must challenge: the AK's name. ERR_*. */
int tpm_member_ak_name(struct ev_bytes bytes, uint8_t name[TPM_NAME_BYTES]);

/* Pairs that the caller has challenged itself (tpm_challenge_answered). */
struct tpm_activated {
    unsigned count;
    const struct tpm_pair { uint8_t ek_digest[32], ak_name[TPM_NAME_BYTES]; } * pair;
};
/* Of in: evidence, chain, nonce, now. own may be NULL. */
void tpm_member_verify_with(const struct ev_input *in, const struct tpm_trust *trust, const struct tpm_activated *own,
                            struct ev_report *out);

#endif
