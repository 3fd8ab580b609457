/* node/keyring.h - the keys that open requests and sign receipts: made in memory at start and every hour, valid for two, never
 * written anywhere. Two overlap, so that requests sealed to the older one still open. */
#ifndef NODE_KEYRING_H
#define NODE_KEYRING_H

#include "base/err.h"
#include "seal/envelope.h"
#include "seal/record.h"
#include "seal/replay_cache.h"

enum { KEYRING_KEYS = 2, KEYRING_RENEW_S = 3600, KEYRING_LIFETIME_S = 2 * 3600, KEYRING_SKEW_S = 60 };
struct keyring { /* in guarded memory; index 0 is the newest */
    size_t count;
    struct seal_key keys[KEYRING_KEYS];
    struct replay *seen[KEYRING_KEYS];
    uint8_t receipt_secret[KEYRING_KEYS][SIGN_SECRET_BYTES];
    struct keystmt stmt[KEYRING_KEYS];
    uint8_t evidence_hash[KEYRING_KEYS][32]; /* that the record with this statement names; zeros: none */
};
int keyring_new(struct keyring **out); /* no key yet; ERR_NOMEM */
void keyring_free(struct keyring *k);  /* wipes; NULL is fine */
/* A seal key that is elsewhere, in a TPM; all of it outlives the ring. */
struct seal_source {
    uint8_t public_key[32]; /* P-256 (seal/p256.h) */
    hpke_ecdh *ecdh;
    void *arg;
};
/* Makes a new key pair, drops the oldest of two. With a source the seal key stays what it is, and only the receipt key and the times are
 * new. ERR_NOMEM leaves the ring as it was. */
int keyring_renew(struct keyring *k, const uint8_t identity[32], const uint8_t operator_id[32], const char *engine_id,
                  const struct seal_source *from, uint64_t now_s);
/* The operator's statement for identity, with the key of file path (a 32-byte seed, 0600, made when missing). */
int operator_statement(struct operator_stmt *out, const char *path, const uint8_t identity[32], uint64_t now_s, struct why *why);

#endif
