/* node/chip_proc.h - the process that alone talks to the TPM (tpm/chip.h): what it speaks to may be a device, or a socket that is opened for
 * each command, and the process that sees prompts may make no sockets. Forked before any thread, loop or other socket; ends with the node.
 *
 * Each call waits for the chip, up to CHIP_WAIT_S. The loop's thread only. */
#ifndef NODE_CHIP_PROC_H
#define NODE_CHIP_PROC_H

#include "base/measures.h"
#include "tpm/chip.h"

enum { CHIP_WAIT_S = 10, CHIP_CHILD_WAIT_S = 120 /* to make the keys: some chips take long over RSA */ };
struct chip_proc;
/* tcti, boot_pcrs: as chip_open and chip_make_keys, whose errors it gives. What the child did to itself is added to *m. */
int chip_proc_start(struct chip_proc **out, const char *tcti, uint32_t boot_pcrs, struct measures *m, struct why *why);
void chip_proc_stop(struct chip_proc *p);       /* NULL is fine */
int chip_proc_ended(const struct chip_proc *p); /* 1: the process is gone, or was given up: ERR_LOST is all that it gives */
const struct chip_public *chip_proc_public(const struct chip_proc *p);

/* An hpke_ecdh (seal/hpke.h); arg is the chip_proc. As chip_ecdh; ERR_LOST: the process is gone, or the chip does not answer. */
int chip_proc_ecdh(void *arg, uint8_t out[32], const uint8_t point[65]);

/* As chip_activate. ERR_LIMIT: longer than any credential. */
int chip_proc_activate(struct chip_proc *p, const uint8_t *id_object, size_t id_n, const uint8_t *encrypted, size_t encrypted_n,
                       uint8_t secret[CHIP_SECRET_MAX], size_t *secret_n, struct why *why);

struct chip_proof {
    struct chip_blob quote, quote_signature, birth, birth_signature;
    uint8_t pcrs[CHIP_PCRS][CHIP_DIGEST];
    unsigned pcr_count;
};
/* The registers of the mask and their quote, and the seal key's birth, all for one nonce. */
int chip_proc_prove(struct chip_proc *p, uint32_t pcrs, const uint8_t extra[CHIP_DIGEST], struct chip_proof *out,
                    struct why *why);

#endif
