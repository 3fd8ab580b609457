/* model/strmap.c - see strmap.h: open addressing with linear probing, at most half full. */
#include "model/strmap.h"
#include "base/err.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint64_t key[2];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

/* Without entropy the addresses of the stack and of this code have to do: the key only has to be unknown to a file. */
static void key_draw(void) {
    if (getrandom(key, sizeof key, GRND_NONBLOCK) == (ssize_t)sizeof key) return;
    key[0] = (uint64_t)(uintptr_t)&key_once ^ 0x9e3779b97f4a7c15u;
    key[1] = (uint64_t)(uintptr_t)__builtin_frame_address(0);
}

static uint64_t rotl(uint64_t x, int n) { return x << n | x >> (64 - n); }

static void sip_round(uint64_t v[4]) {
    v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
    v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t m) {
    v[3] ^= m;
    sip_round(v), sip_round(v);
    v[0] ^= m;
}

static uint64_t hash(const char *p, size_t n) {
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                     key[1] ^ 0x7465646279746573u};
    uint64_t m, last = (uint64_t)n << 56;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&m, p + i, 8);
        sip_word(v, m);
    }
    for (int shift = 0; i < n; i++, shift += 8) last |= (uint64_t)(uint8_t)p[i] << shift;
    sip_word(v, last);
    v[2] ^= 0xff;
    for (int r = 0; r < 4; r++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int strmap_init(struct strmap *m, size_t max) {
    *m = (struct strmap){0};
    if (max > (size_t)1 << 27) return ERR_LIMIT;
    pthread_once(&key_once, key_draw);
    size_t slots = 16;
    while (slots < max * 2) slots *= 2;
    m->slot = mem_zalloc(slots, sizeof *m->slot);
    if (!m->slot) return ERR_NOMEM;
    m->mask = slots - 1;
    m->max = max;
    return 0;
}

void strmap_release(struct strmap *m) {
    free(m->slot);
    *m = (struct strmap){0};
}

/* The slot that holds the string, or the free one where it would go. */
static struct strmap_entry *slot_of(const struct strmap *m, const char *p, size_t n) {
    for (size_t i = hash(p, n) & m->mask;; i = (i + 1) & m->mask) {
        struct strmap_entry *e = &m->slot[i];
        if (e->value == 0 || (e->n == n && (n == 0 || memcmp(e->p, p, n) == 0))) return e;
    }
}

int strmap_add(struct strmap *m, const char *p, size_t n, uint32_t index) {
    if (n > UINT32_MAX || m->used == m->max) return ERR_LIMIT;
    struct strmap_entry *e = slot_of(m, p, n);
    if (e->value) return ERR_EXISTS;
    *e = (struct strmap_entry){.p = p, .n = (uint32_t)n, .value = index + 1};
    m->used++;
    return 0;
}

int64_t strmap_find(const struct strmap *m, const char *p, size_t n) {
    if (!m->slot) return -1;
    return (int64_t)slot_of(m, p, n)->value - 1;
}
