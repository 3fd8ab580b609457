/* seal/replay_cache.c - see replay_cache.h. An open-addressed set of keyed fingerprints (BLAKE2b, 128 bits, a key of its own). */
#include "seal/replay_cache.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { PRINT_BYTES = 16, SLOTS_FIRST = 1024 };
struct print {
    uint8_t b[PRINT_BYTES]; /* all zero: empty slot */
};
struct replay {
    uint8_t key[32];
    struct print *slot;
    size_t slots, count, max; /* slots is a power of two, at least twice count */
};

int replay_new(struct replay **out, size_t max) {
    if (max == 0 || max > REPLAY_MAX) return ERR_RANGE;
    struct replay *r = mem_zalloc(1, sizeof *r);
    if (r) r->slot = mem_zalloc(SLOTS_FIRST, sizeof *r->slot);
    if (!r || !r->slot) {
        free(r);
        return ERR_NOMEM;
    }
    random_bytes(r->key, sizeof r->key);
    r->slots = SLOTS_FIRST;
    r->max = max;
    *out = r;
    return 0;
}

void replay_free(struct replay *r) {
    if (!r) return;
    free(r->slot);
    mem_wipe(r, sizeof *r);
    free(r);
}

/* The slot that holds p, or the empty one where it belongs. */
static struct print *find(struct print *slot, size_t slots, const struct print *p) {
    static const struct print empty;
    size_t at;
    memcpy(&at, p->b, sizeof at);
    for (;; at++) {
        struct print *s = &slot[at & (slots - 1)];
        if (memcmp(s, p, sizeof *p) == 0 || memcmp(s, &empty, sizeof empty) == 0) return s;
    }
}

static int grow(struct replay *r) {
    size_t slots = r->slots * 2;
    struct print *slot = mem_zalloc(slots, sizeof *slot);
    if (!slot) return ERR_NOMEM;
    static const struct print empty;
    for (size_t i = 0; i < r->slots; i++)
        if (memcmp(&r->slot[i], &empty, sizeof empty) != 0) *find(slot, slots, &r->slot[i]) = r->slot[i];
    free(r->slot);
    r->slot = slot;
    r->slots = slots;
    return 0;
}

int replay_add(struct replay *r, const uint8_t enc[32]) {
    struct print p;
    crypto_generichash(p.b, sizeof p.b, enc, 32, r->key, sizeof r->key);
    p.b[PRINT_BYTES - 1] |= 1; /* never the empty mark */
    if (memcmp(find(r->slot, r->slots, &p), &p, sizeof p) == 0) return ERR_REPLAY;
    if (r->count >= r->max) return ERR_LIMIT;
    int e = (r->count + 1) * 2 > r->slots ? grow(r) : 0;
    if (e) return e;
    *find(r->slot, r->slots, &p) = p;
    r->count++;
    return 0;
}

size_t replay_count(const struct replay *r) { return r->count; }
