/* evidence/sev_snp.h - attestation reports of AMD SEV-SNP: what a virtual machine of encrypted memory was started from, signed by its
 * processor's VCEK (a key of one chip at one firmware level) or by a VLEK (lent by AMD to a cloud).
 *
 * Of ev_input: evidence is the report, exactly 1184 bytes, versions 2 to 5. chain holds the VCEK or VLEK certificate and may hold ASK,
 * ASVK and ARK, in any order; other certificates do no harm. The ARKs are pinned per product, and so are the ASKs and Milan's ASVK, so
 * that a VCEK alone is enough; of what is in chain none is trusted but by a pinned ARK. Of two certificates of the right kind the one
 * that signed is taken. collateral, when given, is AMD's revocation list for the product, one CRL in DER, by the ARK: then the ASK must
 * not be on it. key is not looked at.
 *
 * The nonce is REPORT_DATA, 64 bytes; a shorter one stands at its beginning with zeros after it.
 *
 * In this order, with what each becomes when it fails:
 *     format          unsupported  not 1184 bytes
 *     version         unsupported  not 2 to 5
 *     algorithm       unsupported  not 1, which is ECDSA on P-384 with SHA-384
 *     certificates    unsupported  not certificates, too large or too many; invalid: no VCEK or VLEK among them, or one that is not made
 *                                  like one (a key not on P-384, a CA, extensions missing or malformed, wrong issuer)
 *     product         unsupported  of a product that is not known; invalid: report (family and model, version 3 on) and certificate name
 *                                  different ones
 *     chain, dates    invalid      to the product's ARK, in date at in->now
 *     revocation_list unsupported  collateral is no CRL in DER
 *     revoked         invalid      the ASK is on the list, or the list is not the ARK's or out of date
 *     signature       invalid      r and s, with zeros in all that is not them, over the first 0x2a0 bytes by the certificate's key
 *     signer          invalid      the report says that another kind of key signed it than the certificate is for, or that none did, or
 *                                  that the chip's key is masked and it is the signer; unsupported: a kind that is not known
 *     tcb_match       invalid      the certificate is for another TCB version than the reported one
 *     chip_id         invalid      VCEK: the certificate is another chip's, or the host masks the id. (A VLEK is for no chip, and there
 *                                  is no such factor.)
 *     debug           refused      the guest's policy lets the host read its memory
 *     policy          refused      the guest's policy: reserved bit 17 is not one, a migration agent may have the memory, a bit that is
 *                                  not known, must_be_one, must_be_zero
 *     platform        refused      PLATFORM_INFO against the policy's masks; only if the policy has them
 *     vmpl            refused      above vmpl_max. What the host asked for has 0xffffffff here and is always refused: its REPORT_DATA is
 *                                  the host's
 *     tcb_floor       refused      reported, committed, current or launch TCB under the policy's floor of the product, in any part
 *     measurement, host_data, chip_allowed
 *                     refused      none of the policy's
 *     nonce           invalid      see above
 * After chain, dates, revoked, signature or signer failed, what fails further is noted, and nothing is noted as good.
 * Unchecked: "nonce" when in->nonce is empty; "tcb_floor" when the policy has none for the product; "measurement", "host_data",
 * "chip_allowed" when the policy lists none. */
#ifndef EVIDENCE_SEV_SNP_H
#define EVIDENCE_SEV_SNP_H

#include "evidence/policy_parts.h"
#include "evidence/sev_snp_report.h"
#include "evidence/x509.h"

struct snp_policy {
    uint64_t must_be_one, must_be_zero;                   /* of the guest's policy, beyond what is always asked */
    uint64_t platform_must_be_one, platform_must_be_zero; /* of PLATFORM_INFO */
    int64_t vmpl_max;
    int floor_given[SNP_PRODUCTS];
    uint8_t floor[SNP_PRODUCTS][SNP_TCB_BYTES]; /* in the product's layout, each byte by itself */
    struct ev_digests measurements, host_data, chips;
};
/* No debugging, no migration agent, VMPL 0. Asks for no floor: which firmware is too old is a matter of date, so of a policy. */
void snp_policy_strict(struct snp_policy *p);
/* All members are optional:
 *     "measurements": ["<96 hex digits>", ...], "host_data": ["<64>", ...], "chips": ["<128, or Turin's 16>", ...],
 *     "tcb_floor": {"milan": {"bootloader": 4, "tee": 0, "snp": 24, "microcode": 219}, "genoa": {...}, "turin": {"fmc": 1, ...}},
 *     "guest_policy": {"must_be_one": [bit, ...], "must_be_zero": [bit, ...]}, "platform_info": {the same},
 *     "vmpl_max": 0..3
 * A product that tcb_floor does not name is refused once it names any. vmpl_max over 0 is taken only beside "measurements": at VMPL 0
 * sits then a program that the guest must trust (an SVSM, a paravisor), and somebody has to have said which. ERR_FORMAT. */
int snp_policy_read(const json_t *section, struct snp_policy *p, struct why *why);

/* best is EV_T2. */
void sev_snp_verify(const struct ev_input *in, struct ev_report *out);

/* Where trust ends, per product. Tests bring their own; the product has snp_pinned alone. */
struct snp_anchors {
    struct ev_anchors product[SNP_PRODUCTS];
};
struct snp_anchors snp_pinned(void);

/* The same with policy and anchors given. */
void sev_snp_verify_with(const struct ev_input *in, const struct snp_policy *policy, const struct snp_anchors *anchors,
                         struct ev_report *out);

/* For evidence that has a report inside (Azure's HCL report, whose REPORT_DATA is a digest of the JSON behind it): judges `report` with
 * in's chain, collateral and now, and notes the factors above; in->evidence and in->nonce are not looked at. report_data: what REPORT_DATA
 * must be, as a nonce is; one of n 0 notes it as unchecked; NULL: the caller compares, and nothing is noted. Does not set out->best.
 * 1: signature, chain and signer are good, and *parsed (may be NULL) is what the processor signed; the policy may refuse it all the same, as
 * ev_report_verdict will say. 0: not, and *parsed is not to be trusted. */
int sev_snp_verify_report(const struct ev_input *in, struct ev_bytes report, const struct ev_bytes *report_data,
                          const struct snp_policy *policy, const struct snp_anchors *anchors, struct ev_report *out,
                          struct snp_report *parsed);

#endif
