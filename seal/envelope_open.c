/* seal/envelope_open.c - reading an envelope: its head without any key (coordinator), all of it with a seal key (node). */
#include "base/err.h"
#include "base/hash.h"
#include "seal/chunk.h"
#include "seal/envelope.h"
#include "seal/envelope_wrap.h"
#include "seal/replay_cache.h"

#include <string.h>

int envelope_head_read(const uint8_t *p, size_t n, struct envelope_head *out) {
    struct reader r = reader_over(p, n);
    struct envelope_head h;
    int e = reqhead_read(&r, &h.head);
    size_t head_n = n - r.left;
    if (e == 0) {
        sha256_of(h.header_hash, p, head_n);
        h.wraps = read_bytes(&r, (size_t)h.head.count * ENVELOPE_WRAP_BYTES);
        e = r.err;
    }
    if (e == ERR_SHORT) return n < ENVELOPE_HEAD_MAX ? ERR_MORE : ERR_FORMAT;
    if (e != 0) return e;
    h.head_bytes = n - r.left;
    h.body_bytes = envelope_body_bytes(h.head.size_class);
    *out = h;
    return 0;
}

/* Which of our keys is a candidate, and where. Exactly one place of one key: two would mean that we are asked twice. */
static int find_key(const struct reqhead *h, const struct envelope_own *own, struct opened *o) {
    unsigned found = 0;
    for (size_t k = 0; k < own->key_count; k++)
        for (unsigned i = 0; i < h->count; i++)
            if (memcmp(h->key_id[i], own->keys[k].key_id, 32) == 0) {
                o->key = k;
                o->candidate = (uint8_t)i;
                found++;
            }
    return found == 1 ? 0 : ERR_NOTFOUND;
}

static int unwrap(const struct envelope_head *h, const struct envelope_own *own, struct opened *o, uint8_t dek[32]) {
    const uint8_t *wrap = h->wraps + (size_t)o->candidate * ENVELOPE_WRAP_BYTES;
    const struct seal_key *k = &own->keys[o->key];
    uint8_t info[ENVELOPE_INFO_BYTES];
    struct hpke_ctx c;
    envelope_info(info, h->header_hash, o->candidate, k->key_id);
    struct hpke_receiver us = seal_key_receiver(k);
    int r = hpke_setup_receive(&c, &us, wrap, info, sizeof info);
    if (r == 0) r = hpke_open(&c, dek, wrap + 32, ENVELOPE_WRAP_BYTES - 32, NULL, 0);
    if (r == 0) r = hpke_export(&c, o->response_secret, 32, RESPONSE_LABEL, strlen(RESPONSE_LABEL));
    if (r == 0) memcpy(o->enc, wrap, 32);
    hpke_wipe(&c);
    return r;
}

static int body_open(uint8_t *plain, const uint8_t *body, uint32_t size_class, const uint8_t dek[32]) {
    struct chunk_key k;
    int r = 0;
    chunk_key_once(&k, dek);
    for (uint32_t done = 0; done < size_class && r == 0;) {
        uint32_t n = size_class - done < ENVELOPE_CHUNK_BYTES ? size_class - done : ENVELOPE_CHUNK_BYTES;
        r = chunk_open(&k, plain + done, body, n + CHUNK_TAG_BYTES, done + n == size_class);
        body += n + CHUNK_TAG_BYTES;
        done += n;
    }
    mem_wipe(&k, sizeof k);
    return r;
}

static int find_model(const struct reqhead *h, const struct envelope_own *own, struct opened *o) {
    for (size_t m = 0; m < own->model_count; m++)
        if (strcmp(own->models[m].name, h->model) == 0 && memcmp(own->models[m].manifest_hash, h->manifest_hash, 32) == 0) {
            o->model = m;
            return 0;
        }
    return ERR_NOTFOUND;
}

/* The opening itself, up to but not including time and replay. */
static int open_checked(const uint8_t *env, const struct envelope_head *h, const struct envelope_own *own, uint8_t *plain,
                        struct opened *o) {
    uint8_t hash[32], dek[32];
    const uint8_t *body = env + h->head_bytes;
    int r = find_key(&h->head, own, o);
    /* The body hash before any key is used: all candidates know DEK, so only the header's hash says who wrote the body. */
    sha256_of(hash, body, h->body_bytes);
    if (r == 0 && memcmp(hash, h->head.body_hash, 32) != 0) r = ERR_AUTH;
    if (r == 0) r = unwrap(h, own, o, dek);
    if (r == 0) r = body_open(plain, body, h->head.size_class, dek);
    if (r == 0) r = content_read(plain, h->head.size_class, &o->content);
    if (r == 0) r = find_model(&h->head, own, o);
    mem_wipe(dek, sizeof dek);
    return r;
}

static int time_check(uint64_t request_s, uint64_t now_s) {
    uint64_t off = request_s > now_s ? request_s - now_s : now_s - request_s;
    return off <= ENVELOPE_TIME_S_MAX ? 0 : ERR_TIME;
}

int envelope_open(const uint8_t *env, size_t n, const struct envelope_own *own, struct replay *const *seen, uint64_t now_s,
                  uint8_t *plain, size_t cap, struct opened *out) {
    struct envelope_head h;
    memset(out, 0, sizeof *out);
    int r = envelope_head_read(env, n, &h);
    if (r == ERR_MORE) return ERR_SHORT;
    if (r != 0) return r;
    if (n - h.head_bytes != h.body_bytes) return n - h.head_bytes < h.body_bytes ? ERR_SHORT : ERR_TRAILING;
    if (cap < h.head.size_class) return ERR_LIMIT;

    out->head = h.head;
    memcpy(out->header_hash, h.header_hash, 32);
    r = open_checked(env, &h, own, plain, out);
    if (r == 0) r = time_check(out->content.time_s, now_s);
    if (r == 0) r = replay_add(seen[out->key], out->enc);
    if (r != 0 && r != ERR_TIME) {
        mem_wipe(plain, h.head.size_class);
        mem_wipe(out, sizeof *out);
    }
    return r;
}
