/* seal/envelope.c - the gateway's half: sealing. The node's and the coordinator's half is envelope_open.c. */
#include "seal/envelope.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "seal/chunk.h"
#include "seal/codes.h"
#include "seal/envelope_wrap.h"

#include <string.h>

void envelope_info(uint8_t out[ENVELOPE_INFO_BYTES], const uint8_t header_hash[32], uint8_t candidate, const uint8_t key_id[32]) {
    struct writer w = writer_over(out, ENVELOPE_INFO_BYTES);
    write_bytes(&w, "lull request v1", ENVELOPE_INFO_LABEL);
    write_bytes(&w, header_hash, 32);
    write_u8(&w, candidate);
    write_bytes(&w, key_id, 32);
}

size_t envelope_body_bytes(uint32_t size_class) {
    size_t chunks = (size_class + ENVELOPE_CHUNK_BYTES - 1) / ENVELOPE_CHUNK_BYTES;
    return size_class + chunks * CHUNK_TAG_BYTES;
}

/* Encrypts the padded content under a body key of its own and hashes the ciphertext. */
static void body_seal(uint8_t *out, uint8_t hash[32], const uint8_t *plain, uint32_t size_class, const uint8_t dek[32]) {
    struct chunk_key k;
    uint8_t *at = out;
    chunk_key_once(&k, dek);
    for (uint32_t done = 0; done < size_class;) {
        uint32_t n = size_class - done < ENVELOPE_CHUNK_BYTES ? size_class - done : ENVELOPE_CHUNK_BYTES;
        chunk_seal(&k, at, plain + done, n, done + n == size_class);
        done += n;
        at += n + CHUNK_TAG_BYTES;
    }
    mem_wipe(&k, sizeof k);
    sha256_of(hash, out, (size_t)(at - out));
}

/* enc || ct of the body key for candidate i, and the secret of the answer it may give. */
static int wrap_for(uint8_t *wrap, struct envelope_secrets *s, const struct envelope_spec *spec, unsigned i,
                    const uint8_t dek[32]) {
    uint8_t info[ENVELOPE_INFO_BYTES];
    struct hpke_ctx c;
    envelope_info(info, s->header_hash, (uint8_t)i, s->head.key_id[i]);
    int r = hpke_setup_send(&c, spec->to[i].kem, wrap, spec->to[i].seal_key, info, sizeof info);
    if (r == 0) r = hpke_seal(&c, wrap + 32, dek, 32, NULL, 0);
    if (r == 0) r = hpke_export(&c, s->response_secret[i], 32, RESPONSE_LABEL, strlen(RESPONSE_LABEL));
    if (r == 0) memcpy(s->enc[i], wrap, 32);
    hpke_wipe(&c);
    return r;
}

static int spec_check(const struct envelope_spec *spec) {
    if (spec->count == 0 || spec->count > CANDIDATES_MAX) return ERR_RANGE;
    if (!model_name_is_full(spec->model)) return ERR_FORMAT;
    for (unsigned i = 0; i < spec->count; i++)
        for (unsigned j = 0; j < i; j++)
            if (memcmp(spec->to[i].key_id, spec->to[j].key_id, 32) == 0) return ERR_EXISTS;
    if (spec->tier != TIER_SEALED && spec->tier != TIER_ATTESTED) return ERR_RANGE;
    if (spec->frame_bytes && (spec->frame_bytes < FRAME_BYTES_MIN || spec->frame_bytes > FRAME_BYTES_MAX)) return ERR_RANGE;
    return 0;
}

static void head_fill(struct reqhead *h, const struct envelope_spec *spec, uint32_t size_class) {
    memset(h, 0, sizeof *h);
    h->tier = spec->tier;
    memcpy(h->model, spec->model, strlen(spec->model) + 1);
    memcpy(h->manifest_hash, spec->manifest_hash, 32);
    h->size_class = size_class;
    h->frame_bytes = spec->frame_bytes ? spec->frame_bytes : FRAME_BYTES_DEFAULT;
    h->count = spec->count;
    for (unsigned i = 0; i < spec->count; i++) memcpy(h->key_id[i], spec->to[i].key_id, 32);
}

/* Fills at[], which has room for the whole envelope. The body comes first: the header names its hash. */
static int seal_into(uint8_t *at, struct envelope_secrets *s, const struct envelope_spec *spec, const uint8_t *plain) {
    uint8_t dek[32];
    size_t head_n = reqhead_bytes(&s->head), wraps_n = (size_t)spec->count * ENVELOPE_WRAP_BYTES;
    random_bytes(dek, sizeof dek);
    body_seal(at + head_n + wraps_n, s->head.body_hash, plain, s->head.size_class, dek);
    struct writer w = writer_over(at, head_n);
    reqhead_write(&w, &s->head);
    sha256_of(s->header_hash, at, head_n);
    int r = w.err;
    for (unsigned i = 0; i < spec->count && r == 0; i++) r = wrap_for(at + head_n + i * ENVELOPE_WRAP_BYTES, s, spec, i, dek);
    mem_wipe(dek, sizeof dek);
    return r;
}

int envelope_seal(struct buf *out, struct envelope_secrets *secrets, const struct envelope_spec *spec, const struct content *c) {
    mem_wipe(secrets, sizeof *secrets);
    int r = spec_check(spec);
    uint32_t size_class = size_class_for(content_bytes(c));
    if (r == 0 && size_class == 0) r = ERR_LIMIT;
    if (r != 0) return r;

    struct buf plain;
    buf_init(&plain, size_class);
    head_fill(&secrets->head, spec, size_class);
    size_t n = reqhead_bytes(&secrets->head) + (size_t)spec->count * ENVELOPE_WRAP_BYTES + envelope_body_bytes(size_class);
    uint8_t *content = buf_room(&plain, size_class), *at = buf_room(out, n);
    if (!content || !at) r = ERR_NOMEM;
    if (content) plain.len = size_class; /* so that the release wipes it */
    if (r == 0) r = content_write(content, size_class, c);
    if (r == 0) r = seal_into(at, secrets, spec, content);
    if (r == 0)
        out->len += n;
    else
        mem_wipe(secrets, sizeof *secrets);
    buf_release(&plain);
    return r;
}
