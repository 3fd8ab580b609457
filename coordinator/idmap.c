/* coordinator/idmap.c - see idmap.h. Open addressing, linear probes, removal by shifting back: no tombstones to clean. */
#include "coordinator/idmap.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

int idmap_init(struct idmap *m, size_t max) {
    *m = (struct idmap){.max = max};
    size_t slots = 16;
    while (slots < 2 * max) slots *= 2;
    m->slots = mem_zalloc(slots, sizeof *m->slots);
    if (!m->slots) return ERR_NOMEM;
    m->mask = slots - 1;
    random_bytes(m->secret, sizeof m->secret);
    return 0;
}

void idmap_release(struct idmap *m) {
    free(m->slots);
    *m = (struct idmap){0};
}

/* Each word is mixed with a secret of its own before it can meet another; the last steps spread the high bits downwards. */
static size_t home_of(const struct idmap *m, const uint8_t *key) {
    uint64_t h = 0, word;
    for (size_t i = 0; i < IDMAP_KEY_BYTES / 8; i++) {
        memcpy(&word, key + 8 * i, 8);
        unsigned __int128 wide = (unsigned __int128)(word ^ m->secret[i]) * (m->secret[(i + 1) & 3] | 1);
        h = (h << 7 | h >> 57) ^ (uint64_t)wide ^ (uint64_t)(wide >> 64);
    }
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return (size_t)(h >> 32) & m->mask;
}

static size_t slot_of(const struct idmap *m, const uint8_t *key) {
    size_t at = home_of(m, key);
    while (m->slots[at].value && memcmp(m->slots[at].key, key, IDMAP_KEY_BYTES) != 0) at = (at + 1) & m->mask;
    return at;
}

void *idmap_get(const struct idmap *m, const uint8_t key[IDMAP_KEY_BYTES]) {
    return m->slots ? m->slots[slot_of(m, key)].value : NULL;
}

int idmap_put(struct idmap *m, const uint8_t key[IDMAP_KEY_BYTES], void *value) {
    size_t at = slot_of(m, key);
    if (m->slots[at].value) return ERR_EXISTS;
    if (m->count == m->max) return ERR_BUSY;
    memcpy(m->slots[at].key, key, IDMAP_KEY_BYTES);
    m->slots[at].value = value;
    m->count++;
    return 0;
}

void idmap_remove(struct idmap *m, const uint8_t key[IDMAP_KEY_BYTES]) {
    size_t hole = slot_of(m, key);
    if (!m->slots[hole].value) return;
    m->count--;
    for (size_t at = (hole + 1) & m->mask; m->slots[at].value; at = (at + 1) & m->mask) {
        size_t home = home_of(m, m->slots[at].key);
        /* An entry may move back into the hole unless its home lies after the hole on the way to where it is now. */
        if (((at - home) & m->mask) >= ((at - hole) & m->mask)) {
            m->slots[hole] = m->slots[at];
            hole = at;
        }
    }
    m->slots[hole] = (struct idmap_slot){.value = NULL};
}
