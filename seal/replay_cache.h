/* seal/replay_cache.h - which `enc` values a seal key has opened already. One cache per key, dropped with the key. */
#ifndef SEAL_REPLAY_CACHE_H
#define SEAL_REPLAY_CACHE_H

#include <stddef.h>
#include <stdint.h>

enum { REPLAY_MAX = 1 << 20 };
struct replay; /* holds keyed 16-byte fingerprints: whoever picks enc values cannot pick collisions */
int replay_new(struct replay **out, size_t max); /* max <= REPLAY_MAX; grows up to it by doubling. ERR_NOMEM, ERR_RANGE */
void replay_free(struct replay *r);              /* NULL is fine */
/* 0: new, and remembered. ERR_REPLAY: seen. ERR_LIMIT: full. ERR_NOMEM. */
int replay_add(struct replay *r, const uint8_t enc[32]);
size_t replay_count(const struct replay *r);

#endif
