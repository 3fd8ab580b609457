/* evidence/x509.h - certificates of evidence: bounded reading, chains to pinned roots at a given time, single extensions.
 *
 * OpenSSL does the work. Trust comes from the roots that this build pins (evidence/pinned.h) and from nothing else: not from the system's
 * store, the environment, or a root that the evidence brings. */
#ifndef EVIDENCE_X509_H
#define EVIDENCE_X509_H

#include <openssl/x509.h>

#include "evidence/evidence.h"

enum { EV_CERT_BYTES_MAX = 4096, EV_CERTS_MAX = 16, EV_CRL_BYTES_MAX = 1 << 20 };

struct ev_certs {
    X509 *cert[EV_CERTS_MAX]; /* in the order given */
    unsigned count;
};
/* Appends the certificates of a DER or PEM text (some, in PEM). ERR_FORMAT: none, bytes after the DER, or text that is no certificate;
 * ERR_LIMIT: one over EV_CERT_BYTES_MAX, or more than EV_CERTS_MAX in all; ERR_NOMEM. What was read before stays. */
int ev_certs_add(struct ev_certs *c, struct ev_bytes text);
/* All of in->chain; notes "certificates" (EV_UNSUPPORTED) when that fails. 1: good. */
int ev_certs_of(struct ev_certs *c, const struct ev_input *in, struct ev_report *r);
/* The same, and a certificate may have zeros behind it: a TPM keeps its own in NV of a fixed size, and clouds hand out the whole of that. */
int ev_certs_of_padded(struct ev_certs *c, const struct ev_input *in, struct ev_report *r);
void ev_certs_release(struct ev_certs *c); /* fine on a zeroed one */

/* Which roots a chain may end in (evidence/pinned.h). */
enum ev_roots {
    EV_ROOTS_AMD_MILAN,
    EV_ROOTS_AMD_GENOA,
    EV_ROOTS_AMD_TURIN,
    EV_ROOTS_INTEL_SGX,
    EV_ROOTS_TPM,
    EV_ROOTS_APPLE,
    EV_ROOTS_NVIDIA,
    EV_ROOTS_NITRO,
    EV_ROOTS_END
};
/* Where trust ends: PEM texts, each list ended by NULL. The product's are ev_pinned's; a verifier's inner function takes them as a
 * parameter so that a test can make a manufacturer of its own, and its entry passes the pinned ones and has no other way. */
struct ev_anchors {
    const char *const *roots, *const *intermediates;
};
struct ev_anchors ev_pinned(enum ev_roots roots);

/* A chain from leaf over any of `others` (and the anchors' intermediates) to one of the roots, every signature checked, every
 * certificate in date at `now`. crls[] (DER), when crl_count is not 0, must cover every certificate but the root and be in date.
 * Notes "dates" (EV_INVALID) when one is out of date, and "chain" when something else is wrong, or "revoked" when a CRL lists one; both good
 * only together. 1: good. */
int ev_chain_check(struct ev_report *r, X509 *leaf, const struct ev_certs *others, const struct ev_anchors *anchors, int64_t now,
                   const struct ev_bytes *crls, unsigned crl_count);

/* The content octets of the one extension with this dotted OID; points into the certificate. ERR_NOTFOUND; ERR_FORMAT: it is there
 * more than once. */
int ev_extension(const X509 *cert, const char *oid, struct ev_bytes *out);
/* A non-negative DER INTEGER of at most 8 bytes that fills the bytes exactly, in its shortest form. ERR_FORMAT, ERR_RANGE. */
int ev_der_uint(struct ev_bytes der, uint64_t *out);

/* SHA-256 of a certificate's DER. */
void ev_cert_digest(const X509 *cert, uint8_t out[32]);

/* ECDSA over a digest algorithm ("SHA384"), r and s as big-endian integers of n bytes each. 1: good; 0: not; ERR_INTERNAL. */
int ev_ecdsa_verify(EVP_PKEY *key, const char *digest, const uint8_t *r, const uint8_t *s, size_t n, struct ev_bytes message);
/* An ECDSA public key from an uncompressed point x || y (n bytes each) on "P-256" or "P-384". NULL: not on the curve. */
EVP_PKEY *ev_ec_key(const char *curve, const uint8_t *x, const uint8_t *y, size_t n);

#endif
