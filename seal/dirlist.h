/* seal/dirlist.h - the coordinator's answer to GET /lull/v1/directory: records as the nodes sent them, with their load. */
#ifndef SEAL_DIRLIST_H
#define SEAL_DIRLIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/record.h"

enum {
    DIRLIST_VERSION = 1,
    DIRLIST_MAX = 256,
    DIRLIST_HEAD_BYTES = 1 + 8 + 32 + 2,
    DIRLIST_ENTRY_MAX = 2 + RECORD_BYTES_MAX + 6,
    DIRLIST_BYTES_MAX = DIRLIST_HEAD_BYTES + DIRLIST_MAX * DIRLIST_ENTRY_MAX
};
struct dirlist_head {
    uint64_t time_ms;            /* coordinator's unix time: for display, never to set a clock by */
    uint8_t coordinator_key[32]; /* countersigns */
    uint16_t count;
};
struct dirlist_entry {
    const uint8_t *record; /* encoded; for record_read, then record_verify: nothing here is trusted unverified */
    size_t record_n;
    uint16_t load_permille, slots, slots_free;
};
void dirlist_write_head(struct writer *w, const struct dirlist_head *h);
void dirlist_write_entry(struct writer *w, const struct dirlist_entry *e);
/* Reads the head, then `count` entries one by one; after the last, read_end(r) must be 0. */
int dirlist_read_head(struct reader *r, struct dirlist_head *out);
int dirlist_read_entry(struct reader *r, struct dirlist_entry *out);

#endif
