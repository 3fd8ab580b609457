/* seal/linkmsg.c - see linkmsg.h.
 *
 *     register    u8 version | u16-block record | proof 64
 *     heartbeat   u16 load permille | u16 slots | u16 slots free | u8 reason
 *     drain       u8 reason            drained     nothing            refused     u8 code
 *     welcome     u8 version | u64 time ms | u32 envelope bytes max | u32 heartbeat ms | u32 silence ms | u16 streams max |
 *                 coordinator key 32 */
#include "seal/linkmsg.h"
#include "base/err.h"

#include <string.h>

enum { LOAD_MAX = 1000, SLOTS_MAX = 1024 };

static int register_read(struct reader *r, struct link_register *g) {
    if (read_u8(r) != LINK_VERSION) read_fail(r, ERR_VERSION);
    struct reader record = read_block16(r, RECORD_BYTES_MAX);
    g->record_bytes = record.p;
    g->record_n = record.left;
    int e = r->err ? r->err : record_read(&record, &g->record);
    read_copy(r, g->proof, SIGN_BYTES);
    return e;
}

static int heartbeat_read(struct reader *r, struct link_heartbeat *h) {
    h->load_permille = read_u16(r);
    h->slots = read_u16(r);
    h->slots_free = read_u16(r);
    h->reason = read_u8(r);
    if (r->err) return r->err;
    return h->load_permille > LOAD_MAX || h->slots > SLOTS_MAX || h->slots_free > h->slots || !reason_name(h->reason) ? ERR_RANGE
                                                                                                                      : 0;
}

static int welcome_read(struct reader *r, struct link_welcome *m) {
    if (read_u8(r) != LINK_VERSION) read_fail(r, ERR_VERSION);
    m->time_ms = read_u64(r);
    m->envelope_bytes_max = read_u32(r);
    m->heartbeat_ms = read_u32(r);
    m->silence_ms = read_u32(r);
    m->streams_max = read_u16(r);
    read_copy(r, m->coordinator_key, 32);
    if (r->err) return r->err;
    return m->streams_max == 0 || m->heartbeat_ms == 0 || m->silence_ms == 0 || m->envelope_bytes_max == 0 ? ERR_RANGE : 0;
}

static int code_read(struct reader *r, enum link_type type, uint8_t *code) {
    *code = read_u8(r);
    if (r->err) return r->err;
    return (type == LINK_REFUSED ? code_name(*code) : reason_name(*code)) ? 0 : ERR_RANGE;
}

static int body_read(struct reader *r, struct link_message *m) {
    switch (m->type) {
    case LINK_REGISTER: return register_read(r, &m->reg);
    case LINK_HEARTBEAT: return heartbeat_read(r, &m->heartbeat);
    case LINK_WELCOME: return welcome_read(r, &m->welcome);
    case LINK_DRAIN:
    case LINK_REFUSED: return code_read(r, m->type, &m->code);
    case LINK_DRAINED: return 0;
    }
    return ERR_FORMAT;
}

/* Who may send what. */
static int type_check(unsigned type, int from_node) {
    switch (type) {
    case LINK_DRAIN: return 0;
    case LINK_REGISTER:
    case LINK_HEARTBEAT:
    case LINK_DRAINED: return from_node ? 0 : ERR_WRONG_STATE;
    case LINK_WELCOME:
    case LINK_REFUSED: return from_node ? ERR_WRONG_STATE : 0;
    default: return ERR_FORMAT;
    }
}

int link_read(const uint8_t *p, size_t n, int from_node, struct link_message *out, size_t *used) {
    struct reader r = reader_over(p, n);
    *used = 0;
    if (n < LINK_RECORD_HEAD) return ERR_MORE;
    uint32_t length = read_u32(&r);
    unsigned type = read_u8(&r);
    if (length > LINK_RECORD_BODY_MAX) return ERR_LIMIT;
    int e = type_check(type, from_node); /* before the body is waited for */
    if (e) return e;
    if (r.left < length) return ERR_MORE;

    struct link_message m;
    memset(&m, 0, sizeof m);
    m.type = (enum link_type)type;
    struct reader body = reader_over(r.p, length);
    e = body_read(&body, &m);
    if (e == 0) e = read_end(&body);
    if (e) return e;
    *out = m;
    *used = LINK_RECORD_HEAD + length;
    return 0;
}

static void body_write(struct writer *w, const struct link_message *m) {
    uint8_t record[RECORD_BYTES_MAX];
    struct writer r = writer_over(record, sizeof record);
    switch (m->type) {
    case LINK_REGISTER:
        record_write(&r, &m->reg.record);
        write_u8(w, LINK_VERSION);
        write_block16(w, record, r.len);
        write_bytes(w, m->reg.proof, SIGN_BYTES);
        break;
    case LINK_HEARTBEAT:
        write_u16(w, m->heartbeat.load_permille);
        write_u16(w, m->heartbeat.slots);
        write_u16(w, m->heartbeat.slots_free);
        write_u8(w, m->heartbeat.reason);
        break;
    case LINK_WELCOME:
        write_u8(w, LINK_VERSION);
        write_u64(w, m->welcome.time_ms);
        write_u32(w, m->welcome.envelope_bytes_max);
        write_u32(w, m->welcome.heartbeat_ms);
        write_u32(w, m->welcome.silence_ms);
        write_u16(w, m->welcome.streams_max);
        write_bytes(w, m->welcome.coordinator_key, 32);
        break;
    case LINK_DRAIN:
    case LINK_REFUSED: write_u8(w, m->code); break;
    case LINK_DRAINED: break;
    }
}

void link_write(struct writer *w, const struct link_message *m) {
    uint8_t body[LINK_MESSAGE_MAX];
    struct writer b = writer_over(body, sizeof body);
    body_write(&b, m);
    write_u32(w, (uint32_t)b.len);
    write_u8(w, (uint8_t)m->type);
    write_bytes(w, body, b.len);
}
