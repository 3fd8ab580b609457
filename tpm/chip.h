/* tpm/chip.h - a TPM 2.0, spoken to through tss2: the keys of a node that shows what it booted, and the proofs about them.
 *
 *     EK    the chip's own, from its seed by the TCG's template for RSA-2048 (EK Credential Profile 2.4, template L-1); its certificate is in NV
 *     SRK   a storage key in the owner's hierarchy, parent of the next two
 *     AK    signs what the chip says, and nothing else (restricted); P-256
 *     seal  opens requests (seal/p256.h); made anew at each start and never stored. Its policy is PolicyPCR over the boot's registers,
 *           then PolicyAuthValue with a random value that this process alone knows: under PolicyPCR alone every root process could use it
 *
 * One thread. A command takes 5 to 100 milliseconds on a real chip; making the EK, once, up to half a minute. Built only where tss2 is (make TPM=1, or found by pkg-config). */
#ifndef TPM_CHIP_H
#define TPM_CHIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct chip;
/* The registers of the boot: 0 to 7 have the firmware, the boot loader and secure boot; 8 and 9 what the loader was told and what it loaded:
 * with GRUB the kernel, its command line and its initrd (also by Linux's own stub) are in no other. None moves while the system runs. IMA's
 * first entry is of 0 to 9 too. */
enum { CHIP_BOOT_PCRS = 0x3ff };
enum { CHIP_BLOB_MAX = 2048, CHIP_PCRS = 24, CHIP_DIGEST = 32, CHIP_SECRET_MAX = 64 };
struct chip_blob {
    size_t n;
    uint8_t p[CHIP_BLOB_MAX];
};
/* What others may know of the keys: as TPM 2.0 Library, Part 2 marshals them, big endian. */
struct chip_public {
    struct chip_blob ek_certificate; /* DER; n 0: the chip has none */
    struct chip_blob ek, ak, seal;   /* TPMT_PUBLIC */
    struct chip_blob creation;       /* TPMS_CREATION_DATA of the seal key */
    uint8_t seal_x[32];              /* its public key, as seal/p256.h has it */
};

/* tcti: as tss2 names ways to a chip ("device:/dev/tpmrm0", "swtpm:port=2321"); NULL: the system's resource manager. ERR_NOTFOUND: there is
 * no chip; ERR_PERM; ERR_IO. */
int chip_open(struct chip **out, const char *tcti, struct why *why);
void chip_close(struct chip *c); /* all keys go with it; NULL is fine */

/* Makes the keys; the seal key works while the registers of the mask (bit i: PCR i, SHA-256 bank) are what they are now. ERR_RANGE: mask 0, or
 * PCR 16 or 23, which anybody can reset; ERR_PERM: the owner's or endorsement hierarchy has a password; ERR_IO. */
int chip_make_keys(struct chip *c, uint32_t boot_pcrs, struct why *why);
const struct chip_public *chip_public(const struct chip *c);

/* The seal key's private operation, in the form that HPKE takes (seal/hpke.h, hpke_ecdh); arg is the chip. Over a salted session with an
 * encrypted answer. ERR_PERM: the registers are not what they were, so the key does not work any more; ERR_AUTH: no point; ERR_IO. */
int chip_ecdh(void *arg, uint8_t out[32], const uint8_t point[65]);

/* What the AK signs: a quote of the registers of the mask, and that the seal key was born in this chip (TPM2_CertifyCreation). attest is a
 * TPMS_ATTEST, signature a TPMT_SIGNATURE; extra goes into extraData. */
int chip_quote(struct chip *c, uint32_t pcrs, const uint8_t extra[CHIP_DIGEST], struct chip_blob *attest,
               struct chip_blob *signature, struct why *why);
int chip_certify_seal(struct chip *c, const uint8_t extra[CHIP_DIGEST], struct chip_blob *attest, struct chip_blob *signature,
                      struct why *why);
/* Values of the registers of the mask, ascending; *count of them. */
int chip_read_pcrs(struct chip *c, uint32_t pcrs, uint8_t values[CHIP_PCRS][CHIP_DIGEST], unsigned *count, struct why *why);
/* The secret of a credential that was made for this EK and AK (TPM2_ActivateCredential). id_object: TPM2B_ID_OBJECT; encrypted:
 * TPM2B_ENCRYPTED_SECRET. ERR_AUTH: it was not made for them. */
int chip_activate(struct chip *c, const uint8_t *id_object, size_t id_n, const uint8_t *encrypted, size_t encrypted_n,
                  uint8_t secret[CHIP_SECRET_MAX], size_t *secret_n, struct why *why);
/* Extends a register of the SHA-256 bank. */
int chip_extend(struct chip *c, uint32_t pcr, const uint8_t digest[CHIP_DIGEST], struct why *why);

#endif
