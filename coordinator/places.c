/* coordinator/places.c - see places.h. Each question counts anew, which is at most the square of the places in comparisons and done once for a session. */
#include "coordinator/places.h"

#include <string.h>

enum { SITE_BYTES = 6 }; /* of an IPv6 address */

int places_same_site(const uint8_t a[ADDR_KEY_BYTES], const uint8_t b[ADDR_KEY_BYTES]) {
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    int is_v4 = memcmp(a, v4_mapped, sizeof v4_mapped) == 0 || memcmp(b, v4_mapped, sizeof v4_mapped) == 0;
    return memcmp(a, b, is_v4 ? ADDR_KEY_BYTES : SITE_BYTES) == 0;
}

static uint32_t held(const struct place *all, uint32_t count, const uint8_t addr[ADDR_KEY_BYTES]) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) n += (uint32_t)places_same_site(all[i].addr, addr);
    return n;
}

static uint64_t idle_ms(const struct place *p, uint64_t now_ms) { return now_ms > p->moved_ms ? now_ms - p->moved_ms : 0; }

/* Who gives his up for a site that has `own`. */
static int pick(const struct place *all, uint32_t count, uint32_t own, uint64_t now_ms, uint32_t *victim) {
    uint32_t most = 0;
    uint64_t idlest = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n = held(all, count, all[i].addr);
        uint64_t idle = idle_ms(&all[i], now_ms);
        if (n <= own || (n == own + 1 && idle < PLACES_IDLE_MS)) continue;
        if (n < most || (n == most && idle <= idlest)) continue;
        most = n;
        idlest = idle;
        *victim = i;
    }
    return most ? 1 : ERR_BUSY;
}

int places_ask(const struct places_rule *rule, const struct place *all, uint32_t count, const uint8_t addr[ADDR_KEY_BYTES],
               uint64_t now_ms, uint32_t *victim) {
    uint32_t own = held(all, count, addr), share = count < rule->max ? (rule->max - count) / 2 : 0;
    if (share < rule->sure) share = rule->sure;
    if (own >= share || own >= rule->each) return ERR_LIMIT;
    return count < rule->max ? 0 : pick(all, count, own, now_ms, victim);
}
