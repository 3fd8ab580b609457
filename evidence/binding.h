/* evidence/binding.h - what every piece of evidence must have been made for: this client's nonce, this node's keys, this connection.
 *
 *     B_m = SHA-512("lull evidence v1" || u8 kind || u8 channel || nonce 32 || SHA-256(K) 32 || L_m 32 || X 32)
 *     L_m = SHA-256 over (u8 kind || SHA-256(bytes) 32) of each member made before m
 *
 * K is the node's key statement, kinds are the numbers of enum ev_kind, bytes are the member's as the envelope carries them, labels
 * are without a NUL. No member can cover itself or a later one, so each has a B of its own, made in the order gpu, tpm, cpu, apple;
 * the outermost covers the rest. Fields of 64 bytes take B, fields of 32 bytes SHA-256(B).
 *
 * Channel 0: no TLS between client and node, X is zeros; all that follows is who holds the seal key in K. Channel 1: X is the 32-byte
 * exporter EV_EXPORTER_LABEL of their own TLS session, context the nonce, taken after the handshake. Channel and X are the caller's
 * knowledge and are in no evidence. */
#ifndef EVIDENCE_BINDING_H
#define EVIDENCE_BINDING_H

#include "evidence/evidence.h"

#define EV_EXPORTER_LABEL "EXPORTER-lull-evidence-v1"
enum { EV_BINDING_BYTES = 64, EV_NONCE_BYTES = 32, EV_MEMBERS_MAX = 4 };

/* Places in the envelope, in the order in which members are made. */
enum ev_slot { EV_SLOT_GPU, EV_SLOT_TPM, EV_SLOT_CPU, EV_SLOT_APPLE, EV_SLOT_END };
const char *ev_slot_label(enum ev_slot slot); /* "gpu", "tpm", "cpu", "apple" */
enum ev_slot ev_slot_of(enum ev_kind kind);   /* EV_SLOT_END: no such kind */

struct ev_bound {
    uint8_t nonce[EV_NONCE_BYTES], key_hash[32]; /* SHA-256(K) */
    uint8_t channel;                             /* 0 or 1 */
    uint8_t x[32];
};
struct ev_made { /* a member made before */
    enum ev_kind kind;
    uint8_t digest[32]; /* SHA-256 of its bytes */
};
void ev_binding_before(uint8_t l[32], const struct ev_made *before, unsigned count);
void ev_binding_long(uint8_t b[EV_BINDING_BYTES], const struct ev_bound *bound, enum ev_kind kind, const struct ev_made *before,
                     unsigned count);
void ev_binding_short(uint8_t out[32], const uint8_t b[EV_BINDING_BYTES]);
/* The form that a kind's field takes: 64 or 32 bytes. */
size_t ev_binding_size(enum ev_kind kind);

#endif
