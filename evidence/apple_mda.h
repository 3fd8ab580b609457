/* evidence/apple_mda.h - Apple's Managed Device Attestation: a certificate by Apple that says which machine this is, and how it is protected.
 *
 * Of ev_input:
 *   evidence    certificates, the leaf first: PEM; DER, one behind the other; or a WebAuthn statement of format "apple" in CBOR, {fmt, attStmt
 *               {x5c}}, as an ACME challenge device-attest-01 has it. At most APPLE_MDA_BYTES_MAX.
 *   chain       more certificates, any order
 *   key         the public key of the Secure Enclave (evidence/apple_se.h for its spellings)
 *   nonce       32 bytes: the freshness value that was asked for. 64 bytes: a binding value, which the key must have signed.
 *   collateral  with a nonce of 64 bytes, that signature, in DER
 *
 * What binds it: the freshness value in the certificate is what the one who asked Apple chose (by MDM, DeviceAttestationNonce; by ACME,
 * SHA-256 of the token). We choose the SHA-256 of a key of the Secure Enclave, and that key signs the binding value. Apple makes a new
 * certificate for a device about once in seven days and hands out the old one in between, whatever value is asked for: then the value is another,
 * and nothing is bound.
 *
 * In this order, with what each becomes when it fails:
 *     format          unsupported  neither of the three forms, or too large; App Attest (class A2), which this version does not read
 *     certificates    unsupported  one cannot be read; invalid: the first is a CA's, or its key is not on P-256 or P-384
 *     chain, dates    invalid      to Apple's Enterprise Attestation Root CA, in date at in->now
 *     eku             invalid      the leaf is not for attestation of devices (1.2.840.113635.100.4.24)
 *     freshness       invalid      the leaf has no such value; unsupported: it is not 32 raw bytes
 *     se_key          unsupported  in->key is none; invalid: the freshness value is not its SHA-256; in an envelope, there is none
 *     nonce           invalid      the freshness value is another (32 bytes); the key has not signed it (64 bytes); of another size
 *     sip             refused      System Integrity Protection is off, or not told; unsupported: not a DER INTEGER
 *     secure_boot     refused      not "Full Security", or not told; unsupported: not plain text
 *     kexts           refused      kernel extensions of others may be loaded, or not told; unsupported: not a DER INTEGER
 *     os_version      refused      under the policy's, or not told; unsupported: not 1 to 3 numbers
 *     device_allowed  refused      serial number or UDID is not in the policy's list, or not told
 * What is absent or blank is not told. After certificates, chain, dates or eku failed, what fails further is noted, and nothing as good.
 * Unchecked: "nonce" without in->nonce, "se_key" without in->key, "os_version" and "device_allowed" without a list in the policy.
 *
 * Encodings of the extensions 1.2.840.113635.100.8.x are known from real certificates, not from Apple: vectors of others say that versions, serial
 * numbers and secure boot are raw ASCII, the freshness value 32 raw bytes (which may begin like DER by chance), SIP and kernel extensions DER
 * INTEGERs in which 0 means that the protection is on. Nothing but these forms is taken. */
#ifndef EVIDENCE_APPLE_MDA_H
#define EVIDENCE_APPLE_MDA_H

#include "evidence/policy_parts.h"
#include "evidence/x509.h"

enum { APPLE_MDA_BYTES_MAX = 48 * 1024, APPLE_VERSION_PARTS = 3 };

struct apple_version {
    unsigned part[APPLE_VERSION_PARTS];
};
/* "15", "15.4", "15.4.1": what is missing is 0. ERR_FORMAT. */
int apple_version_read(struct apple_version *out, struct ev_bytes text);
int apple_version_order(const struct apple_version *a, const struct apple_version *b); /* <0, 0, >0 */

struct apple_policy {
    int os_given;
    struct apple_version os;          /* no older one */
    struct ev_digests serials, udids; /* SHA-256 of the text: a policy can be shown without telling whose machine it names */
};
void apple_policy_strict(struct apple_policy *p);
/* {"min_os_version": "15.4", "serials": ["<64 hex digits>", ...], "udids": [...]}, all optional. ERR_FORMAT. */
int apple_policy_read(const json_t *section, struct apple_policy *p, struct why *why);

/* best is EV_A1. */
void apple_mda_verify(const struct ev_input *in, struct ev_report *out);
/* The same with policy and anchors given: apple_mda_verify passes its input's and the pinned ones. */
void apple_mda_verify_with(const struct ev_input *in, const struct apple_policy *policy, const struct ev_anchors *anchors,
                           struct ev_report *out);

#endif
