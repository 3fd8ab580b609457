/* evidence/p384.h - signatures r || s by a certificate's P-384 key over SHA-384, as COSE (ES384) and SPDM write them. */
#ifndef EVIDENCE_P384_H
#define EVIDENCE_P384_H

#include "evidence/x509.h"

enum { P384_SIG_BYTES = 96 };

/* 1: the certificate's key is on P-384. */
int p384_key_in(const X509 *cert);
/* 1: good; 0: not, or not P384_SIG_BYTES long, or the key is none of P-384; ERR_INTERNAL. */
int p384_signed(const X509 *cert, struct ev_bytes signature, struct ev_bytes message);

#endif
