/* seal/idlist.c - see idlist.h. */
#include "seal/idlist.h"

void id_put(uint8_t out[4], int32_t id) {
    uint32_t v = (uint32_t)id;
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(v >> (24 - 8 * i));
}

int32_t id_at(const struct id_list *l, uint32_t i) {
    const uint8_t *p = l->be + 4 * (size_t)i;
    return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

void ids_pack(uint8_t *out, const int32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) id_put(out + 4 * i, ids[i]);
}

void ids_unpack(int32_t *out, const struct id_list *l) {
    for (uint32_t i = 0; i < l->count; i++) out[i] = id_at(l, i);
}

void prompt_ids_hash(uint8_t out[32], const int32_t *ids, size_t count) {
    struct sha256 h;
    uint8_t be[4];
    sha256_init(&h);
    for (size_t i = 0; i < count; i++) {
        id_put(be, ids[i]);
        sha256_add(&h, be, sizeof be);
    }
    sha256_done(&h, out);
}

void prompt_hash_salted(uint8_t out[32], const uint8_t salt[32], const uint8_t hash[32]) {
    sha256_joined(out, "lull prompt v1", salt, 32, hash, 32);
}

void body_hash_salted(uint8_t out[32], const uint8_t salt[32], const void *body, size_t n) {
    sha256_joined(out, "lull body v1", salt, 32, body, n);
}

void text_hash_start(struct sha256 *h, const uint8_t salt[32]) {
    static const char label[] = "lull text v1";
    sha256_init(h);
    sha256_add(h, label, sizeof label - 1);
    sha256_add(h, salt, 32);
}

void text_hash_salted(uint8_t out[32], const uint8_t salt[32], const void *text, size_t n) {
    sha256_joined(out, "lull text v1", salt, 32, text, n);
}

void chain_start(uint8_t chain[32], const uint8_t salt[32]) {
    for (int i = 0; i < 32; i++) chain[i] = salt[i];
}

void chain_add_id(uint8_t chain[32], int32_t id) {
    uint8_t be[4];
    id_put(be, id);
    sha256_joined(chain, "", chain, 32, be, sizeof be);
}

void chain_add_digest(uint8_t chain[32], const uint8_t digest[32]) { sha256_joined(chain, "", chain, 32, digest, 32); }
