/* model/prefix.h - the prefix cache: full KV pages that later prompts with the same beginning take over instead of computing.
 *
 * A page is found by the key of everything that it depends on:
 *     key(-1) = SHA-256("lull prefix v1" || secret of the cache || salt)
 *     key(i)  = SHA-256(key(i-1) || KV_PAGE token ids of page i, u32 little-endian)
 * A cache lives and dies with one pool, so model and profile are fixed and the secret, drawn at the start, stands for them.
 * Reuse is exact: a page's bits are a function of these ids alone, so a hit changes no answer.
 *
 * The salt says who may meet whom: pages are found under the salt that they were stored under and no other, so nobody can learn
 * from response times what others asked. Pages are zeroed when they are dropped. After prefix_init nothing allocates. */
#ifndef MODEL_PREFIX_H
#define MODEL_PREFIX_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "model/kv.h"

enum { PREFIX_SALT_BYTES = 16 };

struct prefix_entry;
struct prefix {
    struct kv_pool *kv;
    uint8_t secret[32];
    uint32_t count, buckets; /* entries in use: entry[0..count) */
    struct prefix_entry *entry;
    uint32_t *bucket; /* 1 + index of the first entry, 0: none */
};
/* Where a sequence stands: the key of its last whole page. */
struct prefix_path {
    uint8_t key[SHA256_BYTES], salt[PREFIX_SALT_BYTES];
    uint32_t depth; /* whole pages so far */
};

/* At most one entry for each page of kv, which must outlive the cache. ERR_NOMEM. */
int prefix_init(struct prefix *c, struct kv_pool *kv);
void prefix_release(struct prefix *c); /* drops and wipes everything; fine on a zeroed cache */

void prefix_begin(const struct prefix *c, struct prefix_path *at, const uint8_t salt[PREFIX_SALT_BYTES]);
/* The page for the next KV_PAGE ids, with its last use set to now; the path moves on. NULL: not here, the path stays. */
uint8_t *prefix_find(struct prefix *c, struct prefix_path *at, const int32_t *ids, uint64_t now_ms);
/* Keeps a page that was just filled with the next KV_PAGE ids; the path moves on. */
void prefix_add(struct prefix *c, struct prefix_path *at, const int32_t *ids, uint8_t *page, uint64_t now_ms);

/* Drops pages that nobody else holds, longest unused first (the deeper one of equals), until the pool has `pages` free. 1, or 0
 * with nothing dropped when that cannot be. */
int prefix_evict(struct prefix *c, uint32_t pages);
/* Drops what was last used before this time, and everything of a salt. Pages in use go when their sequences end. */
void prefix_expire(struct prefix *c, uint64_t before_ms);
void prefix_forget(struct prefix *c, const uint8_t salt[PREFIX_SALT_BYTES]);

#endif
