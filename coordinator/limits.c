/* coordinator/limits.c - see limits.h. Token buckets in thousandths, refilled when they are looked at. */
#include "coordinator/limits.h"
#include "coordinator/idmap.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SWEEP_MS = 1000 }; /* a full table is searched for idle entries at most so often */

struct use {
    uint8_t key[IDMAP_KEY_BYTES];
    uint32_t links, requests;
    uint64_t milli; /* of tokens */
    uint64_t at_ms; /* when milli was right */
    int taken;
};
struct limits {
    struct limits_opts o;
    struct idmap map;
    struct use *all;
    uint64_t swept_ms;
    size_t hint; /* entries before it are taken */
};

int limits_new(struct limits **out, const struct limits_opts *o) {
    struct limits *l = mem_zalloc(1, sizeof *l);
    if (!l) return ERR_NOMEM;
    l->o = *o;
    l->all = mem_zalloc(o->addresses, sizeof *l->all);
    if (!l->all || idmap_init(&l->map, o->addresses) != 0) {
        limits_free(l);
        return ERR_NOMEM;
    }
    *out = l;
    return 0;
}

void limits_free(struct limits *l) {
    if (!l) return;
    idmap_release(&l->map);
    free(l->all);
    free(l);
}

static void refill(const struct limits *l, struct use *u, uint64_t now_ms) {
    uint64_t full = (uint64_t)l->o.rate_burst * 1000, passed = now_ms > u->at_ms ? now_ms - u->at_ms : 0;
    uint64_t need = full - u->milli, rate = l->o.rate_per_s ? l->o.rate_per_s : 1;
    u->milli = passed >= need / rate + 1 ? full : u->milli + passed * rate; /* rate per s = thousandths per ms */
    if (u->milli > full) u->milli = full;
    u->at_ms = now_ms;
}

static void forget_if_idle(struct limits *l, struct use *u, uint64_t now_ms) {
    if (!u->taken || u->links || u->requests) return;
    refill(l, u, now_ms);
    if (u->milli < (uint64_t)l->o.rate_burst * 1000) return;
    idmap_remove(&l->map, u->key);
    u->taken = 0;
    size_t at = (size_t)(u - l->all);
    if (at < l->hint) l->hint = at;
}

static void sweep(struct limits *l, uint64_t now_ms) {
    if (l->swept_ms && now_ms - l->swept_ms < SWEEP_MS) return;
    l->swept_ms = now_ms;
    for (size_t i = 0; i < l->o.addresses; i++) forget_if_idle(l, &l->all[i], now_ms);
}

static void key_of(uint8_t key[IDMAP_KEY_BYTES], const uint8_t addr[16]) {
    memset(key, 0, IDMAP_KEY_BYTES);
    memcpy(key, addr, 16);
}

static struct use *use_of(struct limits *l, const uint8_t addr[16], int make, uint64_t now_ms) {
    uint8_t key[IDMAP_KEY_BYTES];
    key_of(key, addr);
    struct use *u = idmap_get(&l->map, key);
    if (u || !make) return u;
    if (l->map.count == l->map.max) sweep(l, now_ms);
    while (l->hint < l->o.addresses && l->all[l->hint].taken) l->hint++;
    if (l->hint == l->o.addresses) return NULL;
    u = &l->all[l->hint];
    *u = (struct use){.taken = 1, .milli = (uint64_t)l->o.rate_burst * 1000, .at_ms = now_ms};
    memcpy(u->key, key, sizeof key);
    if (idmap_put(&l->map, key, u) == 0) return u;
    u->taken = 0;
    return NULL;
}

static int pay(struct limits *l, struct use *u, uint64_t now_ms) {
    refill(l, u, now_ms);
    if (u->milli < 1000) return ERR_BUSY;
    u->milli -= 1000;
    return 0;
}

static int begin(struct limits *l, const uint8_t addr[16], uint64_t now_ms, int links, int requests) {
    struct use *u = use_of(l, addr, 1, now_ms);
    if (!u) return ERR_BUSY;
    if ((links && u->links >= l->o.links) || (requests && u->requests >= l->o.requests)) return ERR_LIMIT;
    int r = pay(l, u, now_ms);
    if (r != 0) return r;
    u->links += links ? 1 : 0;
    u->requests += requests ? 1 : 0;
    return 0;
}

int limits_link_begin(struct limits *l, const uint8_t addr[16], uint64_t now_ms) { return begin(l, addr, now_ms, 1, 0); }
int limits_request_begin(struct limits *l, const uint8_t addr[16], uint64_t now_ms) { return begin(l, addr, now_ms, 0, 1); }
int limits_ask(struct limits *l, const uint8_t addr[16], uint64_t now_ms) { return begin(l, addr, now_ms, 0, 0); }

void limits_link_end(struct limits *l, const uint8_t addr[16], uint64_t now_ms) {
    struct use *u = use_of(l, addr, 0, now_ms);
    if (!u) return;
    if (u->links) u->links--;
    forget_if_idle(l, u, now_ms);
}

void limits_request_end(struct limits *l, const uint8_t addr[16], uint64_t now_ms) {
    struct use *u = use_of(l, addr, 0, now_ms);
    if (!u) return;
    if (u->requests) u->requests--;
    forget_if_idle(l, u, now_ms);
}

size_t limits_known(const struct limits *l) { return l->map.count; }
