/* evidence/apple_certs.h - the forms in which certificates of an attestation by Apple come. See apple_mda.h. */
#ifndef EVIDENCE_APPLE_CERTS_H
#define EVIDENCE_APPLE_CERTS_H

#include "evidence/x509.h"

/* Appends those of `evidence`, in its order. ERR_FORMAT: neither form, or no certificate in it; ERR_LIMIT; ERR_UNSUPPORTED: a statement
 * of another format, with why. *form says which it was ("PEM", "DER", "WebAuthn"). */
int apple_certs_read(struct ev_certs *out, struct ev_bytes evidence, const char **form, struct why *why);

#endif
