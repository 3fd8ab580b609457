/* seal/idlist.h - token ids on the wire, and the hashes over ids, bodies and digests that receipts carry.
 *
 * Chains: h = salt; for each output position h = SHA-256(h || x), x = the id as u32, or the 32-byte logits digest. */
#ifndef SEAL_IDLIST_H
#define SEAL_IDLIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

enum { IDS_MAX = 131072, PROMPT_IDS_MAX = 1 << 24 };
struct id_list { /* u32 big-endian each; points into a message or into the caller's memory */
    const uint8_t *be;
    uint32_t count;
};
void id_put(uint8_t out[4], int32_t id);
int32_t id_at(const struct id_list *l, uint32_t i); /* i < count */
/* 4 * count bytes to out. */
void ids_pack(uint8_t *out, const int32_t *ids, size_t count);
void ids_unpack(int32_t *out, const struct id_list *l);

/* SHA-256 over the prompt's ids, u32 big-endian each: sealed only, never in the clear. */
void prompt_ids_hash(uint8_t out[32], const int32_t *ids, size_t count);
/* What a receipt shows of it: SHA-256("lull prompt v1" || salt || hash). */
void prompt_hash_salted(uint8_t out[32], const uint8_t salt[32], const uint8_t hash[32]);
/* SHA-256("lull body v1" || salt || request body). */
void body_hash_salted(uint8_t out[32], const uint8_t salt[32], const void *body, size_t n);
void chain_start(uint8_t chain[32], const uint8_t salt[32]);
void chain_add_id(uint8_t chain[32], int32_t id);
void chain_add_digest(uint8_t chain[32], const uint8_t digest[32]);
/* Text hash: SHA-256("lull text v1" || salt || text). How the text was cut into frames does not matter to it: sha256_add each
 * piece after this, then sha256_done. */
void text_hash_start(struct sha256 *h, const uint8_t salt[32]);
void text_hash_salted(uint8_t out[32], const uint8_t salt[32], const void *text, size_t n);

#endif
