/* evidence/nitro_frame.c - see nitro_frame.h. */
#include "evidence/nitro_frame.h"

#include "base/wire.h"

/* The two lowest bits say how many bytes it has. Numbers over 2^30 are none that we could want. */
static uint32_t read_compact(struct reader *r) {
    uint32_t v = read_u8(r), least = 0;
    switch (v & 3) {
    case 1:
        v |= (uint32_t)read_u8(r) << 8;
        least = 1u << 6;
        break;
    case 2:
        v |= (uint32_t)read_u8(r) << 8;
        v |= (uint32_t)read_u16_le(r) << 16;
        least = 1u << 14;
        break;
    case 3: read_fail(r, ERR_LIMIT); break;
    default: break;
    }
    if (v >> 2 < least) read_fail(r, ERR_FORMAT); /* not the shortest form */
    return r->err ? 0 : v >> 2;
}

static struct ev_bytes read_string(struct reader *r) {
    uint32_t n = read_compact(r);
    const uint8_t *p = read_bytes(r, n);
    return (struct ev_bytes){p, p ? n : 0};
}

int nitro_unframe(struct ev_bytes *doc, struct ev_bytes evidence) {
    *doc = evidence;
    if (evidence.n < 2 || evidence.p[0] != 0x00 || evidence.p[1] != 0x02) return 0;
    struct reader r = reader_over(evidence.p + 2, evidence.n - 2);
    *doc = read_string(&r);
    uint32_t events = read_compact(&r);
    if (events > NITRO_FRAME_EVENTS_MAX) read_fail(&r, ERR_LIMIT);
    for (uint32_t i = 0; i < events && !r.err; i++) {
        read_string(&r);
        read_string(&r);
    }
    read_bytes(&r, 64);
    read_string(&r);
    return read_end(&r);
}
