/* coordinator: who may hold one of the places that sessions take, and who gives one up: shares, sites, and what a crowd of strangers reaches. */
#include "coordinator/places.h"
#include "tests/check.h"

#include <string.h>

enum { PLACES_MAX = 128, PLACES_EACH = 32, PLACES_SURE = 4 }; /* of PLACES_IN_ALL */
static struct place taken[PLACES_MAX];
static uint32_t count;
static uint64_t now;

/* IPv4 10.0.x.y */
static void v4(uint8_t addr[ADDR_KEY_BYTES], unsigned n) {
    memset(addr, 0, ADDR_KEY_BYTES);
    memcpy(addr + 10, "\xff\xff\x0a\x00", 4);
    addr[14] = (uint8_t)(n >> 8), addr[15] = (uint8_t)n;
}
/* IPv6 2001:db8:SITE:NET::/64 */
static void v6(uint8_t addr[ADDR_KEY_BYTES], unsigned site, unsigned net) {
    memset(addr, 0, ADDR_KEY_BYTES);
    memcpy(addr, "\x20\x01\x0d\xb8", 4);
    addr[4] = (uint8_t)(site >> 8), addr[5] = (uint8_t)site;
    addr[6] = (uint8_t)(net >> 8), addr[7] = (uint8_t)net;
}
static void empty(void) {
    count = 0;
    now = 1000000;
}
static uint32_t held_by(const uint8_t addr[ADDR_KEY_BYTES]) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) n += (uint32_t)places_same_site(taken[i].addr, addr);
    return n;
}
/* What the coordinator does: takes a place when it is given one. The answer of places_ask. */
static int take(const uint8_t addr[ADDR_KEY_BYTES]) {
    uint32_t victim = UINT32_MAX;
    int r = places_ask(&PLACES_IN_ALL, taken, count, addr, now, &victim);
    if (r < 0) return r;
    if (r == 0) victim = count++;
    CHECK(victim < count && count <= PLACES_MAX);
    memcpy(taken[victim].addr, addr, ADDR_KEY_BYTES);
    taken[victim].moved_ms = now;
    return r;
}
static unsigned take_all(const uint8_t addr[ADDR_KEY_BYTES]) {
    unsigned n = 0;
    while (take(addr) >= 0) n++;
    return n;
}

TEST(the_rules_are_what_is_written_down) {
    const struct places_rule in_all = PLACES_IN_ALL, at_node = PLACES_AT_NODE;
    CHECK(in_all.max == PLACES_MAX && in_all.each == PLACES_EACH && in_all.sure == PLACES_SURE);
    CHECK(at_node.max == 32 && at_node.each == 8 && at_node.sure == 2); /* a node has 32 seats unless told otherwise */
}

TEST(a_site_is_an_ipv4_address_or_an_ipv6_48) {
    uint8_t a[ADDR_KEY_BYTES], b[ADDR_KEY_BYTES];
    v4(a, 1), v4(b, 1);
    CHECK(places_same_site(a, b));
    v4(b, 2);
    CHECK(!places_same_site(a, b));
    v6(a, 1, 1), v6(b, 1, 0xffff);
    CHECK(places_same_site(a, b));
    v6(b, 2, 1);
    CHECK(!places_same_site(a, b));
    memset(a, 0, sizeof a), v4(b, 1); /* ::/48 is not all of IPv4 */
    CHECK(!places_same_site(a, b) && !places_same_site(b, a));
}

TEST(shares_shrink_as_places_get_scarce) {
    uint8_t addr[ADDR_KEY_BYTES];
    unsigned last = PLACES_EACH, sites = 0;
    empty();
    while (count < PLACES_MAX) {
        v4(addr, ++sites);
        uint32_t before = count;
        CHECK(take_all(addr) >= (PLACES_MAX - before < PLACES_SURE ? PLACES_MAX - before : PLACES_SURE));
        CHECK(held_by(addr) <= last);
        last = held_by(addr);
        if (count == PLACES_MAX) break;
        CHECK_INT(take(addr), ERR_LIMIT);
    }
    printf("# %u sites fill %d places\n", sites, PLACES_MAX);
    CHECK(sites > 8); /* it were four, at PLACES_EACH */
}

/* However the places were taken, whoever has none gets one, and then a second. */
TEST(a_few_sites_keep_nobody_out) {
    for (unsigned strangers = 1; strangers <= 60; strangers++) {
        uint8_t addr[ADDR_KEY_BYTES], victim[ADDR_KEY_BYTES];
        empty();
        for (int round = 0; round < PLACES_EACH; round++) /* in turns: they share as they like */
            for (unsigned i = 1; i <= strangers; i++) {
                v4(addr, i);
                (void)take(addr);
                now++;
            }
        for (uint32_t i = 0; i < count; i++) taken[i].moved_ms = now; /* all of them busy */
        v4(victim, 9999);
        CHECK(take(victim) >= 0);
        CHECK(take(victim) >= 0);
        for (unsigned i = 1; i <= strangers; i++) { /* and they do not get it back from there */
            v4(addr, i);
            (void)take_all(addr);
        }
        CHECK_INT(held_by(victim), 2);
    }
}

TEST(a_48_full_of_addresses_is_one_site) {
    uint8_t addr[ADDR_KEY_BYTES];
    unsigned got = 0;
    empty();
    for (unsigned net = 0; net < 1000; net++) {
        v6(addr, 7, net);
        got += take(addr) >= 0;
    }
    CHECK_INT(got, PLACES_EACH);
    v6(addr, 8, 0);
    CHECK_INT(take_all(addr), PLACES_EACH);
}

/* The whole cost of keeping somebody out: a site for each place, and bytes over every one of them each minute. */
TEST(it_takes_a_busy_site_for_each_place) {
    uint8_t addr[ADDR_KEY_BYTES], mine[ADDR_KEY_BYTES];
    empty();
    for (unsigned i = 1; i <= PLACES_MAX; i++) {
        v4(addr, i);
        CHECK_INT(take(addr), 0);
    }
    v4(mine, 9999);
    now += PLACES_IDLE_MS - 1;
    CHECK_INT(take(mine), ERR_BUSY);
    now++;
    for (uint32_t i = 0; i < count; i++)
        if (i != 77) taken[i].moved_ms = now - 1;
    CHECK_INT(take(mine), 1); /* one of them has carried nothing for a minute */
    CHECK(places_same_site(taken[77].addr, mine));
    CHECK_INT(take(mine), ERR_BUSY);
}

TEST(of_the_site_that_has_most_the_idlest_goes) {
    uint8_t big[ADDR_KEY_BYTES], other[ADDR_KEY_BYTES], mine[ADDR_KEY_BYTES];
    empty();
    v4(big, 1), v4(mine, 9999);
    CHECK_INT(take_all(big), PLACES_EACH);
    for (unsigned i = 2; count < PLACES_MAX; i++) {
        v4(other, i);
        (void)take(other); /* one each, and long idle */
    }
    now += 10 * PLACES_IDLE_MS;
    for (uint32_t i = 0; i < PLACES_EACH; i++) taken[i].moved_ms = now - i; /* busy, the last one a little less */
    CHECK_INT(take(mine), 1);
    CHECK(places_same_site(taken[PLACES_EACH - 1].addr, mine));
    CHECK_INT(held_by(big), PLACES_EACH - 1);
}

/* Any crowd in any order: never more places than there are, never more than a site may have, and nobody loses one to whoever has more. */
TEST(no_order_of_asking_gives_the_large_more) {
    uint64_t x = 88172645463325252u;
    empty();
    for (int i = 0; i < 20000; i++) {
        uint8_t addr[ADDR_KEY_BYTES];
        uint32_t victim = UINT32_MAX;
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        v4(addr, (unsigned)(x % 40) < 30 ? (unsigned)(x >> 8) % 5 : (unsigned)(x >> 8) % 300);
        now += x % 3000;
        uint32_t own = held_by(addr);
        int r = places_ask(&PLACES_IN_ALL, taken, count, addr, now, &victim);
        if (r == 1) CHECK(held_by(taken[victim].addr) > own);
        if (r >= 0) CHECK(own < PLACES_EACH && (count == PLACES_MAX) == (r == 1));
        (void)take(addr);
        if (x % 7 == 0 && count > 3) { /* somebody leaves */
            taken[x % count] = taken[count - 1];
            count--;
        }
    }
}

TESTS_MAIN("places", T(the_rules_are_what_is_written_down), T(a_site_is_an_ipv4_address_or_an_ipv6_48),
           T(shares_shrink_as_places_get_scarce), T(a_few_sites_keep_nobody_out), T(a_48_full_of_addresses_is_one_site),
           T(it_takes_a_busy_site_for_each_place), T(of_the_site_that_has_most_the_idlest_goes),
           T(no_order_of_asking_gives_the_large_more))
