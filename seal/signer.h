/* seal/signer.h - messages between the node and its signer process, which alone holds the identity's secret key. The signer
 * signs records of its own identity with keys of today, and link proofs, nothing else: a node that is broken into cannot make
 * it say more.
 *
 * One request, one reply, each one packet of a SOCK_SEQPACKET socket. */
#ifndef SEAL_SIGNER_H
#define SEAL_SIGNER_H

#include <stddef.h>
#include <stdint.h>

#include "seal/record.h"

enum signer_type { SIGNER_PUBLIC = 1, SIGNER_RECORD = 2, SIGNER_LINK = 3 };
enum { SIGNER_REQUEST_MAX = 1 + RECORD_BYTES_MAX, SIGNER_REPLY_MAX = 1 + SIGN_BYTES };

/* Node: writes a request. SIGNER_RECORD signs r without its sig. */
void signer_ask_public(struct writer *w);
void signer_ask_record(struct writer *w, const struct record *r);
void signer_ask_link(struct writer *w, const uint8_t exporter[LINK_EXPORTER_BYTES]);
/* Node: reads a reply: n = 32 (public key) or 64 (signature) bytes to out. ERR_PERM when the signer refused, ERR_FORMAT. */
int signer_reply_read(const uint8_t *p, size_t got, uint8_t *out, size_t n);

enum { SIGNER_AHEAD_S = 60 };
/* Signer: answers one request; reply holds SIGNER_REPLY_MAX bytes; returns the reply's length, always > 0. Pure. A record is
 * refused unless its keys are valid by now_s, or begin within SIGNER_AHEAD_S: nobody can have keys signed for later. */
size_t signer_handle(const uint8_t identity_secret[SIGN_SECRET_BYTES], uint64_t now_s, const uint8_t *request, size_t n,
                     uint8_t *reply);

#endif
