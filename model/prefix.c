/* model/prefix.c - see prefix.h. A hash table with chains; entries are kept dense, so that scans see only what is there. */
#include "model/prefix.h"
#include "base/mem.h"
#include "base/secret.h"
#include "math/kv_page.h"

#include <stdlib.h>
#include <string.h>

struct prefix_entry {
    uint8_t key[SHA256_BYTES], salt[PREFIX_SALT_BYTES];
    uint8_t *page;
    uint64_t used_ms;
    uint32_t depth;
    uint32_t next; /* 1 + index in the bucket's chain, 0: the last */
};

int prefix_init(struct prefix *c, struct kv_pool *kv) {
    *c = (struct prefix){.kv = kv, .buckets = 1};
    while (c->buckets < kv->pages) c->buckets *= 2;
    c->entry = mem_zalloc(kv->pages, sizeof *c->entry);
    c->bucket = mem_zalloc(c->buckets, sizeof *c->bucket);
    random_bytes(c->secret, sizeof c->secret);
    if (c->entry && c->bucket) return 0;
    prefix_release(c);
    return ERR_NOMEM;
}

/* ---- keys ---- */

void prefix_begin(const struct prefix *c, struct prefix_path *at, const uint8_t salt[PREFIX_SALT_BYTES]) {
    at->depth = 0;
    memcpy(at->salt, salt, PREFIX_SALT_BYTES);
    sha256_joined(at->key, "lull prefix v1", c->secret, sizeof c->secret, salt, PREFIX_SALT_BYTES);
}

static void next_key(uint8_t out[SHA256_BYTES], const struct prefix_path *at, const int32_t *ids) {
    uint8_t le[4 * KV_PAGE];
    for (unsigned i = 0; i < KV_PAGE; i++)
        for (unsigned b = 0; b < 4; b++) le[4 * i + b] = (uint8_t)((uint32_t)ids[i] >> 8 * b);
    sha256_joined(out, "", at->key, SHA256_BYTES, le, sizeof le);
    mem_wipe(le, sizeof le);
}

static void move_on(struct prefix_path *at, const uint8_t key[SHA256_BYTES]) {
    memcpy(at->key, key, SHA256_BYTES);
    at->depth++;
}

/* ---- the table ---- */

/* Keys are digests with a secret in them: any bits of theirs are spread evenly, whatever the ids are. */
static uint32_t *bucket_of(const struct prefix *c, const uint8_t key[SHA256_BYTES]) {
    uint32_t h;
    memcpy(&h, key, sizeof h);
    return &c->bucket[h & (c->buckets - 1)];
}

static struct prefix_entry *lookup(const struct prefix *c, const uint8_t key[SHA256_BYTES]) {
    for (uint32_t i = *bucket_of(c, key); i; i = c->entry[i - 1].next)
        if (memcmp(c->entry[i - 1].key, key, SHA256_BYTES) == 0) return &c->entry[i - 1];
    return NULL;
}

/* The link that says `index`: in the bucket or in an entry of its chain. */
static uint32_t *link_to(const struct prefix *c, uint32_t index) {
    uint32_t *at = bucket_of(c, c->entry[index].key);
    while (*at != index + 1) at = &c->entry[*at - 1].next;
    return at;
}

/* The last entry takes the place of the one that goes. */
static void drop(struct prefix *c, uint32_t index) {
    struct prefix_entry *e = &c->entry[index], *last = &c->entry[c->count - 1];
    *link_to(c, index) = e->next;
    kv_page_drop(c->kv, e->page, 1);
    if (e != last) {
        *link_to(c, c->count - 1) = index + 1;
        *e = *last;
    }
    mem_wipe(last, sizeof *last);
    c->count--;
}

void prefix_release(struct prefix *c) {
    while (c->count) drop(c, c->count - 1);
    free(c->entry);
    free(c->bucket);
    mem_wipe(c, sizeof *c);
}

uint8_t *prefix_find(struct prefix *c, struct prefix_path *at, const int32_t *ids, uint64_t now_ms) {
    uint8_t key[SHA256_BYTES];
    next_key(key, at, ids);
    struct prefix_entry *e = lookup(c, key);
    if (!e) return NULL;
    e->used_ms = now_ms;
    move_on(at, key);
    return e->page;
}

void prefix_add(struct prefix *c, struct prefix_path *at, const int32_t *ids, uint8_t *page, uint64_t now_ms) {
    uint8_t key[SHA256_BYTES];
    next_key(key, at, ids);
    move_on(at, key);
    struct prefix_entry *e = lookup(c, key);
    if (e) { /* two computed it at the same time: the first one's page stays */
        e->used_ms = now_ms;
        return;
    }
    uint32_t *bucket = bucket_of(c, key);
    e = &c->entry[c->count++]; /* there is room: no page is held twice */
    *e = (struct prefix_entry){.page = page, .used_ms = now_ms, .depth = at->depth, .next = *bucket};
    memcpy(e->key, key, sizeof e->key);
    memcpy(e->salt, at->salt, sizeof e->salt);
    *bucket = c->count;
    kv_page_hold(c->kv, page);
}

/* ---- letting go ---- */

static int only_ours(const struct prefix *c, const struct prefix_entry *e) { return kv_page_holders(c->kv, e->page) == 1; }

int prefix_evict(struct prefix *c, uint32_t pages) {
    uint32_t could = c->kv->free_count;
    for (uint32_t i = 0; i < c->count; i++) could += (uint32_t)only_ours(c, &c->entry[i]);
    if (could < pages) return 0;
    while (c->kv->free_count < pages) {
        const struct prefix_entry *oldest = NULL;
        for (uint32_t i = 0; i < c->count; i++) {
            const struct prefix_entry *e = &c->entry[i];
            if (!only_ours(c, e)) continue;
            if (!oldest || e->used_ms < oldest->used_ms || (e->used_ms == oldest->used_ms && e->depth > oldest->depth))
                oldest = e;
        }
        drop(c, (uint32_t)(oldest - c->entry));
    }
    return 1;
}

void prefix_expire(struct prefix *c, uint64_t before_ms) {
    for (uint32_t i = c->count; i-- > 0;)
        if (c->entry[i].used_ms < before_ms) drop(c, i);
}

void prefix_forget(struct prefix *c, const uint8_t salt[PREFIX_SALT_BYTES]) {
    for (uint32_t i = c->count; i-- > 0;)
        if (mem_equal_ct(c->entry[i].salt, salt, PREFIX_SALT_BYTES)) drop(c, i);
}
