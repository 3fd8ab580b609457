/* seal/keystmt.h - key statement K: the keys a node process works with for at most a day. Key id = SHA-256(K). */
#ifndef SEAL_KEYSTMT_H
#define SEAL_KEYSTMT_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/hpke.h"
#include "seal/names.h"

enum { KEYSTMT_VERSION = 1, KEYSTMT_BYTES_MAX = 256, KEY_LIFETIME_S_MAX = 24 * 3600 };
struct keystmt {
    uint8_t identity[32];
    uint8_t operator_id[32]; /* SHA-256 of the operator's public key */
    enum hpke_kem kem;
    uint8_t seal_key[32];    /* X25519, or the x coordinate of a point of P-256 (seal/p256.h) */
    uint8_t receipt_key[32]; /* Ed25519 */
    char engine_id[ENGINE_ID_BYTES];
    uint64_t not_before, not_after; /* unix seconds; valid while not_before <= now < not_after */
};
void keystmt_write(struct writer *w, const struct keystmt *k);
/* Whole. ERR_TRAILING, ERR_VERSION, ERR_UNSUPPORTED (a KEM that we do not speak), ERR_FORMAT. */
int keystmt_read(struct reader *r, struct keystmt *out);
void keystmt_id(uint8_t out[32], const struct keystmt *k);
/* 0, BAD_KEY_LIFETIME, BAD_KEY_NOT_YET, BAD_KEY_EXPIRED. */
int keystmt_check_time(const struct keystmt *k, uint64_t now_s);

#endif
