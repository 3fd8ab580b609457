/* seal/session.c - see session.h. */
#include "seal/session.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/wire.h"
#include "seal/hpke.h"
#include "seal/replay_cache.h"

#include <string.h>

enum session_state { SESSION_NEW, SESSION_STARTED, SESSION_OPEN };
enum { INFO_LABEL = 15, INFO_BYTES = INFO_LABEL + 32 };
#define FINAL_BIT     0x80000000u
#define CLIENT_SECRET "lull session client v1"
#define WORKER_SECRET "lull session worker v1"

static void info_of(uint8_t out[INFO_BYTES], const uint8_t key_id[32]) {
    memcpy(out, "lull session v1", INFO_LABEL);
    memcpy(out + INFO_LABEL, key_id, 32);
}

static int export_secret(const struct hpke_ctx *c, uint8_t out[32], const char *label) {
    return hpke_export(c, out, 32, label, strlen(label));
}

/* The client's direction has the same key at both ends, as it follows from enc alone. */
static int client_key(const struct hpke_ctx *c, struct chunk_key *out) {
    uint8_t key[32];
    int r = export_secret(c, key, CLIENT_SECRET);
    if (r == 0) chunk_key_once(out, key);
    mem_wipe(key, sizeof key);
    return r;
}

/* ---- the two beginnings ---- */

int session_start(struct session *s, const struct keystmt *to, uint8_t start[SESSION_START_BYTES]) {
    struct hpke_ctx ctx;
    uint8_t info[INFO_BYTES];
    memset(s, 0, sizeof *s);
    start[0] = SESSION_VERSION;
    keystmt_id(start + 1, to);
    info_of(info, start + 1);
    int r = hpke_setup_send(&ctx, to->kem, s->enc, to->seal_key, info, sizeof info);
    memcpy(start + 33, s->enc, 32);
    if (r == 0) r = client_key(&ctx, &s->out);
    if (r == 0) r = export_secret(&ctx, s->worker_secret, WORKER_SECRET);
    hpke_wipe(&ctx);
    if (r == 0)
        s->state = SESSION_STARTED;
    else
        session_wipe(s);
    return r;
}

int session_reply(struct session *s, const uint8_t reply[SESSION_REPLY_BYTES]) {
    if (s->err) return s->err;
    if (s->state != SESSION_STARTED) return s->err = ERR_WRONG_STATE;
    if (reply[0] != SESSION_VERSION) return s->err = ERR_VERSION;
    chunk_key_response(&s->in, s->worker_secret, s->enc, reply + 1);
    mem_wipe(s->worker_secret, sizeof s->worker_secret);
    s->state = SESSION_OPEN;
    return 0;
}

static int accept_with(struct session *s, const uint8_t enc[32], const struct seal_key *key,
                       const uint8_t nonce[CHUNK_RESPONSE_NONCE_BYTES]) {
    struct hpke_ctx ctx;
    uint8_t info[INFO_BYTES], secret[32];
    info_of(info, key->key_id);
    struct hpke_receiver us = seal_key_receiver(key);
    int r = hpke_setup_receive(&ctx, &us, enc, info, sizeof info);
    if (r == 0) r = client_key(&ctx, &s->in);
    if (r == 0) r = export_secret(&ctx, secret, WORKER_SECRET);
    if (r == 0) chunk_key_response(&s->out, secret, enc, nonce);
    mem_wipe(secret, sizeof secret);
    hpke_wipe(&ctx);
    return r;
}

int session_accept(struct session *s, const uint8_t start[SESSION_START_BYTES], const struct seal_key *keys, size_t count,
                   struct replay *const *seen, uint8_t reply[SESSION_REPLY_BYTES]) {
    const uint8_t *enc = start + 33;
    size_t at = 0;
    memset(s, 0, sizeof *s);
    if (start[0] != SESSION_VERSION) return ERR_VERSION;
    while (at < count && memcmp(keys[at].key_id, start + 1, 32) != 0) at++;
    if (at == count) return ERR_NOTFOUND;
    reply[0] = SESSION_VERSION;
    random_bytes(reply + 1, CHUNK_RESPONSE_NONCE_BYTES);
    int r = accept_with(s, enc, &keys[at], reply + 1);
    if (r == 0) r = replay_add(seen[at], enc); /* after it was found to be a point: others fill no cache */
    if (r == 0)
        s->state = SESSION_OPEN;
    else
        session_wipe(s);
    return r;
}

/* ---- chunks ---- */

int session_seal(struct session *s, uint8_t *out, const uint8_t *message, size_t n, int final) {
    if (s->err) return s->err;
    if (s->state == SESSION_NEW || s->out_final) return ERR_WRONG_STATE;
    if (n > SESSION_MESSAGE_MAX) return ERR_LIMIT;
    struct writer w = writer_over(out, SESSION_HEAD_BYTES);
    write_u32(&w, (uint32_t)(n + CHUNK_TAG_BYTES) | (final ? FINAL_BIT : 0));
    chunk_seal(&s->out, out + SESSION_HEAD_BYTES, message, n, final);
    s->out_final = final != 0;
    return 0;
}

/* The length stands in clear and a liar could write any: nothing is waited for that max would not take. */
static int length_check(size_t length, size_t max) {
    if (length < CHUNK_TAG_BYTES) return ERR_FORMAT;
    return length - CHUNK_TAG_BYTES > max || length - CHUNK_TAG_BYTES > SESSION_MESSAGE_MAX ? ERR_LIMIT : 0;
}

int session_open(struct session *s, uint8_t *p, size_t have, size_t max, size_t *used, uint8_t **message, size_t *n, int *final) {
    *used = 0;
    if (s->err) return s->err;
    if (have == 0) return ERR_MORE;
    if (s->state != SESSION_OPEN) return s->err = ERR_WRONG_STATE;
    if (s->in_final) return s->err = ERR_TRAILING;
    if (have < SESSION_HEAD_BYTES) return ERR_MORE;
    struct reader r = reader_over(p, SESSION_HEAD_BYTES);
    uint32_t head = read_u32(&r);
    size_t length = head & ~FINAL_BIT;
    int is_final = (head & FINAL_BIT) != 0, e = length_check(length, max);
    if (e != 0) return s->err = e;
    *used = SESSION_HEAD_BYTES + length;
    if (have < *used) return ERR_MORE;
    e = chunk_open(&s->in, p + SESSION_HEAD_BYTES, p + SESSION_HEAD_BYTES, length, is_final);
    if (e != 0) {
        *used = 0;
        return s->err = e;
    }
    *message = p + SESSION_HEAD_BYTES;
    *n = length - CHUNK_TAG_BYTES;
    *final = s->in_final = is_final;
    return 0;
}

int session_end(const struct session *s) { return s->err ? s->err : s->in_final ? 0 : ERR_SHORT; }

void session_wipe(struct session *s) { mem_wipe(s, sizeof *s); }
