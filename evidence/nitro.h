/* evidence/nitro.h - attestation documents of AWS Nitro Enclaves: a COSE_Sign1 by the hypervisor over what runs in the enclave.
 *
 * Of ev_input: evidence is the document, COSE_Sign1 in CBOR, tagged (18) or not, or that in dstack's frame (evidence/nitro_frame.h), at
 * most NITRO_BYTES_MAX. chain, key and collateral are not
 * looked at: the document brings its certificates, and the pinned root G1 ends them. Structure and bounds are those of AWS's
 * "Nitro Enclaves Attestation Process" (aws-nitro-enclaves-nsm-api, docs/attestation_process.md); its bounds on user data and nonce are
 * 1024 in the grammar and 512 in the text, and we take 1024: the length decides nothing. The payload is a map of definite or of
 * indefinite length; real documents have either.
 *
 * The nonce: in->nonce must be what the document's `nonce` holds or, only if that is absent, null or empty, what `user_data` holds; the
 * whole of it, no prefix. There is no "either": a program that lets strangers choose its nonce (most do) and puts its own value into
 * user data would else sign another's value in the wrong place. For the same reason an enclave of ours leaves `nonce` empty and puts its
 * binding value B_m (64 bytes) into user data, and whoever verifies a binding value sets the policy's `binding` to "user_data": then
 * `nonce` is not looked at.
 *
 * In this order, with what each becomes when it fails:
 *     format          unsupported  not a COSE_Sign1, or not this payload; a member missing, twice, of a wrong type or size
 *     cose_algorithm  unsupported  protected header other than {1: -35} (ES384)
 *     certificates    unsupported  not DER, too large or too many; invalid: leaf a CA, not for signatures or not P-384
 *     chain, dates    invalid      certificate over cabundle to the root G1, in date at in->now
 *     signature       invalid      over Sig_structure, by the leaf
 *     digest          unsupported  not "SHA384"
 *     timestamp       invalid      not within the leaf's validity (five minutes over), with the policy's max_age: in the future (the
 *                                  same); refused: older than max_age
 *     debug           refused      PCR 0, 1 or 2 all zero: the enclave runs in debug mode, and its owner reads along
 *     pcrs            refused      a PCR that the policy names is absent or has another value; unsupported: one is not of SHA384's size
 *     nonce           invalid      see above
 * After chain, dates or signature failed, what fails further is noted, and nothing is noted as good.
 * Unchecked: "nonce" when in->nonce is empty, "measurement" when the policy names neither PCR 0 (the image) nor PCR 8
 * (who signed it). */
#ifndef EVIDENCE_NITRO_H
#define EVIDENCE_NITRO_H

#include "evidence/policy_parts.h"
#include "evidence/x509.h"

enum {
    NITRO_BYTES_MAX = 20 * 1024,
    NITRO_PCRS = 32,
    NITRO_PCR_BYTES = 48,
    NITRO_VALUES_MAX = 128,
    NITRO_SLACK_S = 300, /* between AWS's clocks, and between theirs and ours */
};

enum nitro_binding { NITRO_NONCE_ELSE_USER_DATA, NITRO_NONCE, NITRO_USER_DATA };

struct nitro_policy {
    uint32_t named; /* bit i: PCR i must have one of the values below with that index */
    unsigned count;
    struct nitro_value {
        uint8_t index, value[NITRO_PCR_BYTES];
    } value[NITRO_VALUES_MAX];
    enum nitro_binding binding;
    int64_t max_age_s; /* of the timestamp, at in->now; 0: as long as the certificates live (the leaf's three hours) */
};
void nitro_policy_strict(struct nitro_policy *p);
/* {"pcrs": {"0": ["<96 hex digits>", ...], ...}, "binding": "nonce" | "user_data", "max_age": 1..86400}, all optional. ERR_FORMAT. */
int nitro_policy_read(const json_t *section, struct nitro_policy *p, struct why *why);

/* best is EV_T2. */
void nitro_verify(const struct ev_input *in, struct ev_report *out);
/* The same with policy and anchors given: nitro_verify passes its input's and the pinned ones. */
void nitro_verify_with(const struct ev_input *in, const struct nitro_policy *policy, const struct ev_anchors *anchors,
                       struct ev_report *out);

#endif
