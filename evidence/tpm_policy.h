/* evidence/tpm_policy.h - the section "tpm" of a policy, and what of a TPM is judged by it alone. */
#ifndef EVIDENCE_TPM_POLICY_H
#define EVIDENCE_TPM_POLICY_H

#include "evidence/policy_parts.h"
#include "evidence/tpm_pcr.h"
#include "evidence/x509.h"

/* It takes these to name what was booted: firmware (0), boot loader or unified kernel image (4), what GRUB was told (8) and what it or the
 * kernel's stub loaded (9). With less, some part of it is the owner's choice. */
enum { TPM_PCRS_OF_BOOT = 1 << 0 | 1 << 4 | 1 << 8 | 1 << 9 };
enum { TPM_POLICY_VALUES_MAX = 128, TPM_ACTIVATORS_MAX = 16, TPM_ACTIVATION_AGE_S = 90 * 86400 };

struct tpm_policy {
    int select_given;
    struct tpm_selection select; /* exactly this must have been quoted: one bank */
    unsigned values;             /* allowed values; a PCR that is named must have one of its own */
    uint32_t named;
    struct tpm_policy_value {
        uint8_t index, size, value[TPM_DIGEST_MAX];
    } value[TPM_POLICY_VALUES_MAX];
    uint32_t boot; /* what the seal key must hold on to, of the selection's bank; 0: all that was quoted, but for PCR 10 */
    struct ev_digests firmware;   /* 8 bytes each */
    struct ev_digests eks;        /* SHA-256 of an EK's SubjectPublicKeyInfo: which machines */
    struct ev_digests ek_roots;   /* SHA-256 of a root's DER: fewer than are pinned */
    struct ev_digests activators; /* Ed25519 keys */
    int64_t activators_needed, activation_age_s;
};
/* No PCR 16 or 23, no software TPM, no selection of its own. */
void tpm_policy_strict(struct tpm_policy *p);
/* All members are optional:
 *     "pcr_bank": "sha256" | "sha384", "pcrs": [0, 1, ...]        the exact selection; the one only with the other
 *     "pcr_values": {"0": ["<hex>", ...], ...}                    only of PCRs of the selection
 *     "boot_pcrs": [0, 1, ...]                                    of the selection, without 10
 *     "firmware": ["<16 hex digits>", ...], "eks": ["<64>", ...], "ek_roots": ["<64>", ...],
 *     "activators": ["<64>", ...], "activators_needed": 1..16, "activation_age": seconds
 * A list with 16 or 23 in it is an error: who asks for them believes that they show something. ERR_FORMAT. */
int tpm_policy_read(const json_t *section, struct tpm_policy *p, struct why *why);

/* Notes "pcr_selection", "resettable_pcr", and "pcr_values" when the values are there (NULL: they did not come). All EV_REFUSED. vouched: as
 * ev_check_vouched. Unchecked: "pcr_selection", "pcr_values" (also when some are compared, but not all of TPM_PCRS_OF_BOOT are named). */
void tpm_policy_pcrs(struct ev_report *r, int vouched, const struct tpm_policy *p, const struct tpm_selection *select,
                     const struct tpm_pcrs *values);
/* The value is allowed, or its PCR is not named. */
int tpm_policy_value_good(const struct tpm_policy *p, unsigned index, const uint8_t *value, size_t n);

/* Notes "software_tpm" and "firmware" (EV_REFUSED). A firmware version is what the TPM says of itself under the AK's signature; a TPM blurs
 * it where the AK is not of the endorsement hierarchy, so that a good one here does not show a real chip: the EK's certificate does. */
void tpm_policy_firmware(struct ev_report *r, int vouched, const struct tpm_policy *p, uint64_t firmware);
/* A version that a software TPM has by its source (libtpms with swtpm, IBM's, Microsoft's reference). */
int tpm_firmware_is_software(uint64_t firmware);
/* 1 only in a build with -DLULL_TEST_TPM, which is another binary. */
int tpm_software_accepted(void);

#endif
