/* tpm/chip_parts.h - what the files of the layer share. Private to them. */
#ifndef TPM_CHIP_PARTS_H
#define TPM_CHIP_PARTS_H

#include <tss2/tss2_esys.h>

#include "tpm/chip.h"

enum { CHIP_AUTH_BYTES = 32 };
struct chip {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR ek, srk, ak, seal; /* ESYS_TR_NONE: not loaded */
    TPMS_CONTEXT *ek_saved;    /* the EK as the chip wrapped it, for chip_take_ek; NULL: not saved */
    TPM2B_PUBLIC seal_public; /* with it the seal key can be loaded again: without a resource manager a chip has room for three */
    TPM2B_PRIVATE seal_private;
    uint32_t boot_pcrs;
    uint8_t *auth; /* [CHIP_AUTH_BYTES], guarded: the seal key's */
    TPM2B_DIGEST creation_hash;
    TPMT_TK_CREATION creation_ticket;
    struct chip_public shown;
};

/* What tss2 said, as ours: ERR_PERM for passwords and policies, ERR_AUTH for integrity, ERR_NOTFOUND, ERR_IO. what: for the message. */
int chip_error(struct why *why, TSS2_RC rc, const char *what);
TPML_PCR_SELECTION chip_selection(uint32_t pcrs);
/* A session that is salted with the SRK, so that who listens on the bus learns nothing of what is encrypted under it. */
TSS2_RC chip_session(struct chip *c, TPM2_SE type, ESYS_TR *session);
/* The seal key's policy in a policy or trial session. */
TSS2_RC chip_policy(struct chip *c, ESYS_TR session);
/* The EK in place of the seal key, and back. A chip may take half a minute over an RSA key, and whoever sends a credential has it taken: so it
 * is made once, and loaded after that. */
int chip_take_ek(struct chip *c, struct why *why);
int chip_take_seal(struct chip *c, struct why *why);
void chip_flush(struct chip *c, ESYS_TR *object); /* fine on ESYS_TR_NONE */

#endif
