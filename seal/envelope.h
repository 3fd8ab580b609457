/* seal/envelope.h - the sealed request: header, one wrapped body key per candidate, encrypted body.
 *
 *     envelope = H | count x (enc 32 | ct 48) | body;   body = chunks of 16 KiB plaintext under DEK, each with a 16-byte tag */
#ifndef SEAL_ENVELOPE_H
#define SEAL_ENVELOPE_H

#include "base/mem.h"
#include "seal/content.h"
#include "seal/hpke.h"
#include "seal/reqhead.h"

enum {
    ENVELOPE_CHUNK_BYTES = 16384,
    ENVELOPE_WRAP_BYTES = 32 + 48,
    ENVELOPE_HEAD_MAX = REQHEAD_BYTES_MAX + CANDIDATES_MAX * ENVELOPE_WRAP_BYTES,
    ENVELOPE_BODY_MAX = SIZE_CLASS_MAX + SIZE_CLASS_MAX / ENVELOPE_CHUNK_BYTES * 16,
    ENVELOPE_BYTES_MAX = ENVELOPE_HEAD_MAX + ENVELOPE_BODY_MAX,
    ENVELOPE_TIME_S_MAX = 60 /* how far a node lets a request's time be off */
};

/* ---- gateway ---- */
struct envelope_spec {
    uint8_t tier;
    const char *model;            /* full form */
    const uint8_t *manifest_hash; /* 32 bytes */
    uint16_t frame_bytes;         /* 0: the default */
    uint8_t count;                /* 1..8 candidates of distinct identities (the caller's check) */
    struct {
        const uint8_t *key_id, *seal_key; /* 32 bytes each */
        enum hpke_kem kem;                /* of the key, as its statement says */
    } to[CANDIDATES_MAX];
};
/* What the gateway keeps to read the answer and to check its receipt. Secret: wipe with mem_wipe. */
struct envelope_secrets {
    struct reqhead head;
    uint8_t header_hash[32];
    uint8_t enc[CANDIDATES_MAX][32];
    uint8_t response_secret[CANDIDATES_MAX][32]; /* Export("lull response v1", 32) of each candidate's context */
};
/* Seals c into out (initialised by the caller, with a maximum of ENVELOPE_BYTES_MAX; appended to). Draws the body key and
 * every ephemeral key. ERR_LIMIT (too large for every class), ERR_AUTH (a seal key is no good point), ERR_NOMEM, ERR_FORMAT,
 * ERR_RANGE, ERR_EXISTS (a key id twice); out is as before and secrets is wiped then. */
int envelope_seal(struct buf *out, struct envelope_secrets *secrets, const struct envelope_spec *spec, const struct content *c);

/* ---- coordinator: needs no key ---- */
struct envelope_head {
    struct reqhead head;
    uint8_t header_hash[32];
    const uint8_t *wraps; /* count x ENVELOPE_WRAP_BYTES, into the caller's bytes */
    size_t head_bytes;    /* where the body starts */
    size_t body_bytes;    /* how long it must be: the envelope ends exactly there */
};
/* Reads the front of an envelope. ERR_MORE: n bytes are not enough yet (never for n >= ENVELOPE_HEAD_MAX). Other errors are
 * final: ERR_VERSION, ERR_FORMAT, ERR_RANGE, ERR_EXISTS. */
int envelope_head_read(const uint8_t *p, size_t n, struct envelope_head *out);

/* ---- node ---- */
struct seal_key { /* lives in guarded memory while its key statement is valid */
    uint8_t key_id[32], secret[32];
    enum hpke_kem kem;
    /* A key of P-256 that is not here but in a TPM; `secret` is then unused. */
    uint8_t public_key[32];
    hpke_ecdh *ecdh;
    void *arg;
};
static inline struct hpke_receiver seal_key_receiver(const struct seal_key *k) {
    return (struct hpke_receiver){k->kem, k->secret, k->ecdh, k->arg, k->public_key};
}
struct envelope_model {
    const char *name; /* full form */
    uint8_t manifest_hash[32];
};
struct envelope_own { /* what this node may open and serve */
    const struct seal_key *keys;
    size_t key_count; /* two while keys overlap */
    const struct envelope_model *models;
    size_t model_count;
};
struct opened {             /* secret: wipe with mem_wipe, and the plaintext buffer too */
    struct content content; /* points into the plaintext buffer */
    struct reqhead head;
    uint8_t header_hash[32], enc[32], response_secret[32];
    uint8_t candidate; /* our index in head.key_id */
    size_t key, model; /* which of own->keys and own->models */
};
struct replay;
/* Opens a whole envelope of n bytes; plain (cap bytes, at least the size class: SIZE_CLASS_MAX is always enough) receives the
 * content. Order of the checks: format, own key id, body hash, DEK, every chunk, padding and content, manifest; then time, then
 * replay. `now_s` is the node's unix time; seen[i] is the replay cache of own->keys[i].
 * 0: *out is set. ERR_TIME: *out is set too, so that the refusal can be sealed with the node's time. All others wipe out
 * and leave nothing of the content in plain, and the peer learns only "refused": ERR_NOTFOUND (not sealed to us), ERR_AUTH, ERR_FORMAT, ERR_VERSION,
 * ERR_REPLAY, ERR_LIMIT (replay cache full: renew the key; or cap too small), ERR_SHORT, ERR_TRAILING. */
int envelope_open(const uint8_t *env, size_t n, const struct envelope_own *own, struct replay *const *seen, uint64_t now_s,
                  uint8_t *plain, size_t cap, struct opened *out);

#endif
