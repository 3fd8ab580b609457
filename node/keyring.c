/* node/keyring.c - see keyring.h. */
#include "node/keyring.h"
#include "base/file.h"
#include "base/secret.h"

#include <string.h>
#include <sys/stat.h>

enum { OPERATOR_VALID_S = 30 * 24 * 3600, SEED_BYTES = SIGN_SEED_BYTES };

int keyring_new(struct keyring **out) {
    *out = secret_alloc(sizeof **out);
    if (!*out) return ERR_NOMEM;
    memset(*out, 0, sizeof **out);
    return 0;
}

void keyring_free(struct keyring *k) {
    if (!k) return;
    for (size_t i = 0; i < k->count; i++) replay_free(k->seen[i]);
    secret_free(k);
}

static void new_seal_key(struct seal_key *k, struct keystmt *s, const struct seal_source *from) {
    *k = (struct seal_key){.kem = from ? HPKE_P256 : HPKE_X25519};
    s->kem = k->kem;
    if (!from) {
        hpke_keypair(s->seal_key, k->secret);
        return;
    }
    memcpy(k->public_key, from->public_key, 32);
    memcpy(s->seal_key, from->public_key, 32);
    k->ecdh = from->ecdh;
    k->arg = from->arg;
}

int keyring_renew(struct keyring *k, const uint8_t identity[32], const uint8_t operator_id[32], const char *engine_id,
                  const struct seal_source *from, uint64_t now_s) {
    struct replay *seen;
    int r = replay_new(&seen, REPLAY_MAX);
    if (r != 0) return r;
    if (k->count == KEYRING_KEYS)
        replay_free(k->seen[KEYRING_KEYS - 1]);
    else
        k->count++;
    for (size_t i = k->count - 1; i > 0; i--) { /* newest first */
        k->keys[i] = k->keys[i - 1];
        k->seen[i] = k->seen[i - 1];
        k->stmt[i] = k->stmt[i - 1];
        memcpy(k->evidence_hash[i], k->evidence_hash[i - 1], 32);
        memcpy(k->receipt_secret[i], k->receipt_secret[i - 1], SIGN_SECRET_BYTES);
    }
    uint8_t seed[SEED_BYTES];
    struct keystmt *s = &k->stmt[0];
    *s = (struct keystmt){.not_before = now_s - KEYRING_SKEW_S, .not_after = now_s + KEYRING_LIFETIME_S};
    memcpy(s->identity, identity, 32);
    memcpy(s->operator_id, operator_id, 32);
    strncpy(s->engine_id, engine_id, sizeof s->engine_id - 1);
    new_seal_key(&k->keys[0], s, from);
    random_bytes(seed, sizeof seed);
    sign_keypair(s->receipt_key, k->receipt_secret[0], seed);
    mem_wipe(seed, sizeof seed);
    keystmt_id(k->keys[0].key_id, s);
    k->seen[0] = seen;
    memset(k->evidence_hash[0], 0, 32);
    return 0;
}

static int operator_seed(const char *path, uint8_t seed[SEED_BYTES], struct why *why) {
    struct buf b;
    int r = file_read_private(&b, path, 4096, why);
    if (r == ERR_NOTFOUND) {
        random_bytes(seed, SEED_BYTES);
        return file_write(path, seed, SEED_BYTES, 0600, why);
    }
    if (r != 0) return r;
    if (b.len != SEED_BYTES)
        r = why_set(why, ERR_FORMAT, "%s: not an operator key (32 bytes)", path);
    else
        memcpy(seed, b.data, SEED_BYTES);
    buf_release(&b);
    return r;
}

int operator_statement(struct operator_stmt *out, const char *path, const uint8_t identity[32], uint64_t now_s, struct why *why) {
    uint8_t seed[SEED_BYTES], public_key[32], secret[SIGN_SECRET_BYTES];
    int r = operator_seed(path, seed, why);
    if (r == 0) {
        sign_keypair(public_key, secret, seed);
        operator_sign(out, identity, now_s + OPERATOR_VALID_S, secret);
    }
    mem_wipe(seed, sizeof seed);
    mem_wipe(secret, sizeof secret);
    return r;
}
