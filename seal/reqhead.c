/* seal/reqhead.c - see reqhead.h.
 *
 *     u8 version | u16 KEM | u16 KDF | u16 AEAD | u8 tier | u8-text model | manifest hash 32 | u32 size class |
 *     u16 frame bytes | u8 count | count x key id 32 | body hash 32 */
#include "seal/reqhead.h"
#include "base/err.h"
#include "seal/codes.h"
#include "seal/hpke.h"

#include <string.h>

static const uint32_t small_classes[] = {1024, 4096, 16384, 65536};

uint32_t size_class_for(size_t n) {
    for (size_t i = 0; i < sizeof small_classes / sizeof *small_classes; i++)
        if (n <= small_classes[i]) return small_classes[i];
    if (n > SIZE_CLASS_MAX) return 0;
    return (uint32_t)((n + SIZE_CLASS_STEP - 1) / SIZE_CLASS_STEP * SIZE_CLASS_STEP);
}

int size_class_ok(uint32_t bytes) { return bytes > 0 && size_class_for(bytes) == bytes; }

size_t reqhead_bytes(const struct reqhead *h) {
    return 1 + 3 * 2 + 1 + 1 + strlen(h->model) + 32 + 4 + 2 + 1 + (size_t)h->count * 32 + 32;
}

void reqhead_write(struct writer *w, const struct reqhead *h) {
    write_u8(w, REQHEAD_VERSION);
    write_u16(w, HPKE_KEM);
    write_u16(w, HPKE_KDF);
    write_u16(w, HPKE_AEAD);
    write_u8(w, h->tier);
    write_text8(w, h->model);
    write_bytes(w, h->manifest_hash, 32);
    write_u32(w, h->size_class);
    write_u16(w, h->frame_bytes);
    write_u8(w, h->count);
    for (unsigned i = 0; i < h->count && i < CANDIDATES_MAX; i++) write_bytes(w, h->key_id[i], 32);
    write_bytes(w, h->body_hash, 32);
}

static int key_ids_distinct(const struct reqhead *h) {
    for (unsigned i = 0; i < h->count; i++)
        for (unsigned j = 0; j < i; j++)
            if (memcmp(h->key_id[i], h->key_id[j], 32) == 0) return 0;
    return 1;
}

int reqhead_read(struct reader *r, struct reqhead *out) {
    struct reqhead h;
    memset(&h, 0, sizeof h);
    if (read_u8(r) != REQHEAD_VERSION) read_fail(r, ERR_VERSION);
    uint16_t kem = read_u16(r), kdf = read_u16(r), aead = read_u16(r);
    if (kem != HPKE_KEM || kdf != HPKE_KDF || aead != HPKE_AEAD) read_fail(r, ERR_VERSION);
    h.tier = read_u8(r);
    read_text8(r, h.model, sizeof h.model);
    read_copy(r, h.manifest_hash, 32);
    h.size_class = read_u32(r);
    h.frame_bytes = read_u16(r);
    h.count = read_u8(r);
    if (!r->err && (h.count == 0 || h.count > CANDIDATES_MAX)) read_fail(r, ERR_RANGE);
    for (unsigned i = 0; i < h.count && !r->err; i++) read_copy(r, h.key_id[i], 32);
    read_copy(r, h.body_hash, 32);
    if (r->err) return r->err;
    if (!model_name_is_full(h.model)) return r->err = ERR_FORMAT;
    if ((h.tier != TIER_SEALED && h.tier != TIER_ATTESTED) || !size_class_ok(h.size_class)) return r->err = ERR_RANGE;
    if (h.frame_bytes < FRAME_BYTES_MIN || h.frame_bytes > FRAME_BYTES_MAX) return r->err = ERR_RANGE;
    if (!key_ids_distinct(&h)) return r->err = ERR_EXISTS;
    *out = h;
    return 0;
}
