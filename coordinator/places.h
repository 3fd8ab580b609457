/* coordinator/places.h - a fixed number of places that strangers may hold, and who gives one up when all are taken. Pure.
 *
 * Places are counted by site: an IPv4 address, or an IPv6 /48, the most that one party is usually given. A site may hold `sure` places, or half of
 * what is free, if that is more, up to `each`: the scarcer places are, the less a single one gets. When none is free, whoever asks gets one of a
 * site that then still has no fewer than he: of the site that has the most, the one that has carried nothing for the longest. Where none has that
 * many, only a place that has carried nothing for PLACES_IDLE_MS goes, from a site that has more than he.
 *
 * So one site keeps nobody out, nor do a few: to keep out a site that holds nothing takes as many sites as there are places, each of which
 * carries PLACES_WORTH bytes a minute; to keep one that has a place from a second, half as many. Parties with that many cannot be told from
 * as many users. */
#ifndef COORDINATOR_PLACES_H
#define COORDINATOR_PLACES_H

#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"

enum { PLACES_IDLE_MS = 60000, PLACES_WORTH = 16384 };
struct places_rule {
    uint32_t max, each, sure; /* in all; of one site; of one site, however few are free */
};
/* Worker sessions at the coordinator: in all, and to one node, whose seats (`lull node --blind-sessions`) they would take. */
#define PLACES_IN_ALL  ((struct places_rule){128, 32, 4})
#define PLACES_AT_NODE ((struct places_rule){32, 8, 2})

struct place {
    uint8_t addr[ADDR_KEY_BYTES];
    uint64_t moved_ms; /* when it last had carried PLACES_WORTH bytes more, or began */
};
/* May addr have one more, beside all[count]? 0: yes. 1: yes, when all[*victim] has been given up. ERR_LIMIT: it has its share; ERR_BUSY: none
 * is free, and nobody has to give one up for it. */
int places_ask(const struct places_rule *rule, const struct place *all, uint32_t count, const uint8_t addr[ADDR_KEY_BYTES],
               uint64_t now_ms, uint32_t *victim);
/* 1: both are of one site. */
int places_same_site(const uint8_t a[ADDR_KEY_BYTES], const uint8_t b[ADDR_KEY_BYTES]);

#endif
