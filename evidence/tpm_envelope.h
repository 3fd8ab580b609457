/* evidence/tpm_envelope.h - the envelope of a machine whose TPM holds the seal key: what the chip gave, put into the form that is verified.
 *
 * Writing, for whoever has a chip: it holds one member, tpm (evidence/tpm_member.h), with the EK's certificate as the part's, and the nonce beside
 * it if that is one that nobody chose (evidence/prefetched.h). */
#ifndef EVIDENCE_TPM_ENVELOPE_H
#define EVIDENCE_TPM_ENVELOPE_H

#include "base/mem.h"
#include "evidence/tpm_pcr.h"

/* As the chip marshals them; all stay the caller's. */
struct tpm_showing {
    struct ev_bytes ek_certificate; /* n 0: the chip has none */
    struct ev_bytes ak, seal;       /* TPMT_PUBLIC */
    struct ev_bytes creation;       /* TPMS_CREATION_DATA of the seal key */
    struct ev_bytes quote, quote_signature, birth, birth_signature;
    uint32_t pcrs;                      /* mask of the quoted registers, SHA-256 bank */
    const uint8_t (*values)[32];        /* theirs, ascending */
    struct ev_bytes event_log, ima_log; /* n 0: there is none */
    struct ev_bytes prefetched;         /* n 0: the nonce was the client's */
};
/* Into out, which is initialised here. ERR_LIMIT: more than an envelope holds; ERR_NOMEM. */
int tpm_envelope_write(struct buf *out, const struct tpm_showing *s);

#endif
