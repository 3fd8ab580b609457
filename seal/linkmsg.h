/* seal/linkmsg.h - records on the link stream between node and coordinator: u32 length | u8 type | body. */
#ifndef SEAL_LINKMSG_H
#define SEAL_LINKMSG_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/codes.h"
#include "seal/record.h"

enum {
    LINK_RECORD_BODY_MAX = 65536,
    LINK_RECORD_HEAD = 5,
    LINK_VERSION = 1,
    LINK_MESSAGE_MAX = LINK_RECORD_HEAD + 1 + 2 + RECORD_BYTES_MAX + SIGN_BYTES
};
enum link_type {
    LINK_REGISTER = 1,
    LINK_HEARTBEAT = 2,
    LINK_DRAIN = 3,
    LINK_DRAINED = 4, /* from the node; drain from either */
    LINK_WELCOME = 17,
    LINK_REFUSED = 18 /* from the coordinator */
};
struct link_register {
    struct record record;
    const uint8_t *record_bytes; /* reading: the record as sent, into the input; writing: not used */
    size_t record_n;
    uint8_t proof[SIGN_BYTES]; /* link_proof_make over this connection's exporter value */
};
struct link_heartbeat {
    uint16_t load_permille;     /* 0..1000 */
    uint16_t slots, slots_free; /* answers at once; free <= slots <= 1024 */
    uint8_t reason;             /* enum node_reason */
};
struct link_welcome {
    uint64_t time_ms; /* coordinator's unix time */
    uint32_t envelope_bytes_max, heartbeat_ms, silence_ms;
    uint16_t streams_max;        /* job streams at once */
    uint8_t coordinator_key[32]; /* Ed25519, countersigns */
};
struct link_message {
    enum link_type type;
    union {
        struct link_register reg;
        struct link_heartbeat heartbeat;
        struct link_welcome welcome;
        uint8_t code; /* LINK_REFUSED: enum code; LINK_DRAIN: enum node_reason */
    };
};
/* One record from the front of p: 0 and *used, ERR_MORE (nothing taken), or an error that ends the link: ERR_LIMIT, ERR_FORMAT,
 * ERR_VERSION, ERR_RANGE, ... from_node says who sent it: types of the other side are ERR_WRONG_STATE. */
int link_read(const uint8_t *p, size_t n, int from_node, struct link_message *out, size_t *used);
/* Writes one whole record; at most LINK_MESSAGE_MAX bytes. */
void link_write(struct writer *w, const struct link_message *m);

#endif
