/* platform/enclave.h - keys in Apple's Secure Enclave, which never leave it. Two implementations: platform/macos/ (never yet run on
 * hardware), and platform/linux/, where there is none.
 *
 *     signer  stays in the keychain under a tag of ours. It signs binding values (evidence/apple_se.h verifies them), and its SHA-256 is the
 *             freshness value of the machine's attestation by Apple (evidence/apple_mda.h). It stays because Apple makes a new attestation
 *             about once in seven days.
 *     seal    opens requests (seal/p256.h). Made anew at each open and never stored.
 *
 * Of the program's own process, and not after a fork: the framework behind it does not work in a forked child (fork(2) on macOS, "Caveats";
 * CoreFoundation's release notes), so there is no process of its own for it, as there is for a TPM. In a user's session, not as a daemon:
 * launchd's daemons have no data protection keychain (technote TN3137), and the signer lives there. One thread. */
#ifndef PLATFORM_ENCLAVE_H
#define PLATFORM_ENCLAVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct enclave;
enum {
    ENCLAVE_POINT = 65, /* 04 || x || y, on P-256 */
    ENCLAVE_SIGNATURE_MAX = 72,
    ENCLAVE_CERTS_MAX = 8,
    ENCLAVE_CERT_BYTES_MAX = 4096
};
struct enclave_public {
    uint8_t signer[ENCLAVE_POINT], seal[ENCLAVE_POINT];
};

/* ERR_UNSUPPORTED: not a machine of Apple's, or without a Secure Enclave; ERR_PERM: the program's signature lacks what the keychain asks
 * for; ERR_IO. */
int enclave_open(struct enclave **out, struct why *why);
void enclave_close(struct enclave *e); /* the seal key goes with it, the signer stays; NULL is fine */
const struct enclave_public *enclave_public(const struct enclave *e);

/* The seal key's private operation, in the form that HPKE takes (seal/hpke.h, hpke_ecdh); arg is the enclave. out: the x coordinate.
 * ERR_AUTH: no point of the curve; ERR_IO. */
int enclave_ecdh(void *arg, uint8_t out[32], const uint8_t point[ENCLAVE_POINT]);

/* ECDSA over SHA-256 of the binding value, in DER. */
int enclave_sign(struct enclave *e, const uint8_t binding[64], uint8_t out[ENCLAVE_SIGNATURE_MAX], size_t *n, struct why *why);

/* The certificates of that label in the keychain, the leaf first; an identity's own certificate counts as leaf. ERR_NOTFOUND: none;
 * ERR_LIMIT: more or longer ones than fit.
 *
 * Apple's attestation does not come into a keychain by itself: a device answers MDM's DeviceInformation query (DevicePropertiesAttestation,
 * with DeviceAttestationNonce) with it, and shows it to an ACME server (challenge device-attest-01); the identity that ACME leaves in the
 * keychain has a certificate of the organisation's own CA, which no verifier of Apple's chain takes. So whoever manages the device either
 * installs the chain that its server was given, as certificates under this label, or hands it over as a file, which needs none of this.
 * The nonce to ask for is SHA-256 of signer. */
struct enclave_certs {
    unsigned count;
    struct {
        size_t n;
        uint8_t p[ENCLAVE_CERT_BYTES_MAX];
    } at[ENCLAVE_CERTS_MAX];
};
int enclave_certs(const char *label, struct enclave_certs *out, struct why *why);

#endif
