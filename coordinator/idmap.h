/* coordinator/idmap.h - a hash table from 32-byte ids to pointers, of a fixed greatest size.
 *
 * Peers choose the ids (keys, hashes, addresses), so slots follow from a secret drawn at start: nobody can aim for one chain. */
#ifndef COORDINATOR_IDMAP_H
#define COORDINATOR_IDMAP_H

#include <stddef.h>
#include <stdint.h>

enum { IDMAP_KEY_BYTES = 32 };

struct idmap_slot {
    uint8_t key[IDMAP_KEY_BYTES];
    void *value; /* NULL: empty */
};
struct idmap {
    struct idmap_slot *slots; /* a power of two, at least twice max */
    size_t mask, count, max;
    uint64_t secret[4];
};
/* 0 or ERR_NOMEM. All memory is taken here. */
int idmap_init(struct idmap *m, size_t max);
void idmap_release(struct idmap *m);                                        /* fine on a zeroed map */
void *idmap_get(const struct idmap *m, const uint8_t key[IDMAP_KEY_BYTES]); /* NULL when absent */
/* value must not be NULL. ERR_EXISTS, ERR_BUSY (max reached). */
int idmap_put(struct idmap *m, const uint8_t key[IDMAP_KEY_BYTES], void *value);
void idmap_remove(struct idmap *m, const uint8_t key[IDMAP_KEY_BYTES]); /* absent is fine */

#endif
