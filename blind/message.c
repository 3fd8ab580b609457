/* blind/message.c - see message.h. Each message's read stands beside its write.
 *
 *     hello    u8 version | u8 role | manifest hash 32 | u8-block token
 *     product  u32 seq | u32 stack | u16 columns | packed columns to the end
 *     order    u32 seq | u8 keys | u16 ranges | keys x (u32 batch | key 32) | ranges x (u32 stack | u32 n | u16 columns)
 *     grant    u32 bytes               bye      nothing
 *     ready    u8 version | u8 columns max | u16 products max | u32 bytes max | u16 ranges max | u64 columns quota |
 *              u16 count | count x (u32 first | u32 end)
 *     answer   u32 seq | u16 item | u16 columns | u32 first row | u32 rows | packed rows of each column to the end
 *     error    u32 seq | u8 code */
#include "blind/message.h"
#include "base/err.h"

#include <string.h>

enum { ROWS_STEP = 16 };

const char *blind_code_name(unsigned code) {
    static const char *const names[BLIND_CODE_END] = {
        [BLIND_CODE_VERSION] = "version",   [BLIND_CODE_FORMAT] = "format",   [BLIND_CODE_STATE] = "state",
        [BLIND_CODE_MANIFEST] = "manifest", [BLIND_CODE_STACK] = "stack",     [BLIND_CODE_COLUMNS] = "columns",
        [BLIND_CODE_SHAPE] = "shape",       [BLIND_CODE_RESIDUE] = "residue", [BLIND_CODE_KEYS] = "keys",
        [BLIND_CODE_WINDOW] = "window",     [BLIND_CODE_QUOTA] = "quota",     [BLIND_CODE_BUSY] = "busy",
        [BLIND_CODE_DRAINING] = "draining", [BLIND_CODE_IDLE] = "idle",       [BLIND_CODE_INTERNAL] = "internal",
    };
    return code < BLIND_CODE_END ? names[code] : NULL;
}

/* ---- hello, ready ---- */

static int hello_read(struct reader *r, struct blind_hello *h) {
    if (read_u8(r) != BLIND_VERSION) read_fail(r, ERR_VERSION);
    h->role = read_u8(r);
    read_copy(r, h->manifest_hash, 32);
    struct reader token = read_block8(r, BLIND_TOKEN_MAX);
    h->token_n = (uint8_t)token.left;
    read_copy(&token, h->token, h->token_n);
    if (r->err) return r->err;
    return h->role == 0 || h->role >= BLIND_ROLE_END ? ERR_RANGE : 0;
}

static void hello_write(struct writer *w, const struct blind_hello *h) {
    write_u8(w, BLIND_VERSION);
    write_u8(w, h->role);
    write_bytes(w, h->manifest_hash, 32);
    write_block8(w, h->token, h->token_n);
}

/* Ascending and apart: two that touch have to be written as one. */
static int held_read(struct reader *r, struct blind_ready *m) {
    m->held_count = read_u16(r);
    if (r->err) return r->err;
    if (m->held_count == 0 || m->held_count > BLIND_HELD_MAX) return ERR_LIMIT;
    for (unsigned i = 0; i < m->held_count; i++) {
        struct blind_held *h = &m->held[i];
        h->first = read_u32(r);
        h->end = read_u32(r);
        if (r->err) return r->err;
        if (h->first >= h->end || h->end > BLIND_STACKS_MAX) return ERR_RANGE;
        if (i && h->first <= h[-1].end) return ERR_FORMAT;
    }
    return 0;
}

static int ready_read(struct reader *r, struct blind_ready *m) {
    if (read_u8(r) != BLIND_VERSION) read_fail(r, ERR_VERSION);
    m->columns_max = read_u8(r);
    m->products_max = read_u16(r);
    m->bytes_max = read_u32(r);
    m->ranges_max = read_u16(r);
    m->columns_quota = read_u64(r);
    if (r->err) return r->err;
    if (m->columns_max == 0 || m->columns_max > BLIND_COLUMNS_MAX || m->products_max == 0 || m->ranges_max == 0) return ERR_RANGE;
    return m->bytes_max < BLIND_MESSAGE_MAX ? ERR_RANGE : held_read(r, m);
}

static void ready_write(struct writer *w, const struct blind_ready *m) {
    write_u8(w, BLIND_VERSION);
    write_u8(w, m->columns_max);
    write_u16(w, m->products_max);
    write_u32(w, m->bytes_max);
    write_u16(w, m->ranges_max);
    write_u64(w, m->columns_quota);
    write_u16(w, m->held_count);
    for (unsigned i = 0; i < m->held_count && i < BLIND_HELD_MAX; i++) {
        write_u32(w, m->held[i].first);
        write_u32(w, m->held[i].end);
    }
}

/* ---- product, answer ---- */

static int columns_check(uint16_t count) { return count == 0 || count > BLIND_COLUMNS_MAX ? ERR_LIMIT : 0; }

/* What is left of the message: the same number of bytes for each column, at least one. */
static int packed_read(struct reader *r, uint16_t count, const uint8_t **packed, size_t *n) {
    if (r->err) return r->err;
    int e = columns_check(count);
    if (e != 0) return e;
    *n = r->left;
    if (*n == 0) return ERR_SHORT;
    if (*n % count != 0) return ERR_FORMAT;
    *packed = read_bytes(r, *n);
    return r->err;
}

static void packed_write(struct writer *w, const uint8_t *packed, size_t n) {
    if (packed) write_bytes(w, packed, n);
}

static int product_read(struct reader *r, struct blind_product *m) {
    m->seq = read_u32(r);
    m->stack = read_u32(r);
    m->count = read_u16(r);
    if (!r->err && m->seq == 0) return ERR_RANGE;
    return packed_read(r, m->count, &m->packed, &m->packed_n);
}

static void product_write(struct writer *w, const struct blind_product *m) {
    write_u32(w, m->seq);
    write_u32(w, m->stack);
    write_u16(w, m->count);
    packed_write(w, m->packed, m->packed_n);
}

static int answer_read(struct reader *r, struct blind_answer *m) {
    m->seq = read_u32(r);
    m->item = read_u16(r);
    m->count = read_u16(r);
    m->first = read_u32(r);
    m->rows = read_u32(r);
    if (!r->err && (m->seq == 0 || m->item >= BLIND_RANGES_MAX || m->rows == 0)) return ERR_RANGE;
    if (m->first % ROWS_STEP != 0 || m->first > UINT32_MAX - m->rows) return ERR_RANGE;
    return packed_read(r, m->count, &m->packed, &m->packed_n);
}

static void answer_write(struct writer *w, const struct blind_answer *m) {
    write_u32(w, m->seq);
    write_u16(w, m->item);
    write_u16(w, m->count);
    write_u32(w, m->first);
    write_u32(w, m->rows);
    packed_write(w, m->packed, m->packed_n);
}

/* ---- order ---- */

static uint32_t key_batch(const struct blind_order *o, unsigned i) {
    struct reader r = reader_over(o->keys + (size_t)i * BLIND_KEY_WIRE, 4);
    return read_u32(&r);
}

struct blind_range blind_order_range(const struct blind_order *o, unsigned i) {
    struct reader r = reader_over(o->ranges + (size_t)i * BLIND_RANGE_WIRE, BLIND_RANGE_WIRE);
    struct blind_range g = {.stack = read_u32(&r), .n = 0, .count = 0};
    g.n = read_u32(&r);
    g.count = read_u16(&r);
    return g;
}

const uint8_t *blind_order_key(const struct blind_order *o, uint32_t n) {
    for (unsigned i = 0; i < o->key_count; i++)
        if (key_batch(o, i) == pair_batch_of(n)) return o->keys + (size_t)i * BLIND_KEY_WIRE + 4;
    return NULL;
}

/* Counts, order of batches and each range's own bounds; whether its keys are there is the worker's to say, with a code of its own. */
static int order_check(const struct blind_order *m) {
    for (unsigned i = 0; i < m->key_count; i++) {
        if (key_batch(m, i) > UINT32_MAX / PAIR_BATCH_COLUMNS) return ERR_RANGE;
        if (i && key_batch(m, i) <= key_batch(m, i - 1)) return ERR_FORMAT;
    }
    for (unsigned i = 0; i < m->range_count; i++) {
        struct blind_range g = blind_order_range(m, i);
        if (columns_check(g.count) != 0) return ERR_LIMIT;
        if (g.n > UINT32_MAX - g.count) return ERR_RANGE;
    }
    return 0;
}

static int order_read(struct reader *r, struct blind_order *m) {
    m->seq = read_u32(r);
    m->key_count = read_u8(r);
    m->range_count = read_u16(r);
    if (r->err) return r->err;
    if (m->seq == 0) return ERR_RANGE;
    if (m->key_count == 0 || m->key_count > BLIND_KEYS_MAX || m->range_count == 0 || m->range_count > BLIND_RANGES_MAX)
        return ERR_LIMIT;
    m->keys = read_bytes(r, (size_t)m->key_count * BLIND_KEY_WIRE);
    m->ranges = read_bytes(r, (size_t)m->range_count * BLIND_RANGE_WIRE);
    return r->err ? r->err : order_check(m);
}

static void order_head_write(struct writer *w, uint32_t seq, unsigned key_count, unsigned range_count) {
    write_u32(w, seq);
    write_u8(w, (uint8_t)key_count);
    write_u16(w, (uint16_t)range_count);
}

static void order_write(struct writer *w, const struct blind_order *m) {
    order_head_write(w, m->seq, m->key_count, m->range_count);
    write_bytes(w, m->keys, (size_t)m->key_count * BLIND_KEY_WIRE);
    write_bytes(w, m->ranges, (size_t)m->range_count * BLIND_RANGE_WIRE);
}

void blind_order_write(struct writer *w, uint32_t seq, const struct blind_batch *keys, unsigned key_count,
                       const struct blind_range *ranges, unsigned range_count) {
    write_u8(w, BLIND_ORDER);
    order_head_write(w, seq, key_count, range_count);
    for (unsigned i = 0; i < key_count; i++) {
        write_u32(w, keys[i].batch);
        write_bytes(w, keys[i].key, PAIR_KEY_BYTES);
    }
    for (unsigned i = 0; i < range_count; i++) {
        write_u32(w, ranges[i].stack);
        write_u32(w, ranges[i].n);
        write_u16(w, ranges[i].count);
    }
}

/* ---- any message ---- */

static int grant_read(struct reader *r, uint32_t *bytes) {
    *bytes = read_u32(r);
    return r->err ? r->err : *bytes ? 0 : ERR_RANGE;
}

static int error_read(struct reader *r, struct blind_error *m) {
    m->seq = read_u32(r);
    m->code = read_u8(r);
    return r->err ? r->err : blind_code_name(m->code) ? 0 : ERR_RANGE;
}

static int type_check(unsigned type, int from_client) {
    switch (type) {
    case BLIND_HELLO:
    case BLIND_PRODUCT:
    case BLIND_ORDER:
    case BLIND_GRANT:
    case BLIND_BYE: return from_client ? 0 : ERR_WRONG_STATE;
    case BLIND_READY:
    case BLIND_ANSWER:
    case BLIND_ERROR: return from_client ? ERR_WRONG_STATE : 0;
    default: return ERR_FORMAT;
    }
}

static int body_read(struct reader *r, struct blind_message *m) {
    switch (m->type) {
    case BLIND_HELLO: return hello_read(r, &m->hello);
    case BLIND_PRODUCT: return product_read(r, &m->product);
    case BLIND_ORDER: return order_read(r, &m->order);
    case BLIND_GRANT: return grant_read(r, &m->grant);
    case BLIND_BYE: return 0;
    case BLIND_READY: return ready_read(r, &m->ready);
    case BLIND_ANSWER: return answer_read(r, &m->answer);
    case BLIND_ERROR: return error_read(r, &m->error);
    }
    return ERR_FORMAT;
}

int blind_message_read(const uint8_t *p, size_t n, int from_client, struct blind_message *out) {
    struct reader r = reader_over(p, n);
    struct blind_message m;
    memset(&m, 0, sizeof m);
    if (n > BLIND_MESSAGE_MAX) return ERR_LIMIT;
    unsigned type = read_u8(&r);
    int e = r.err ? r.err : type_check(type, from_client);
    if (e != 0) return e;
    m.type = (enum blind_type)type;
    e = body_read(&r, &m);
    if (e == 0) e = read_end(&r);
    if (e == 0) *out = m;
    return e;
}

void blind_message_write(struct writer *w, const struct blind_message *m) {
    write_u8(w, (uint8_t)m->type);
    switch (m->type) {
    case BLIND_HELLO: hello_write(w, &m->hello); break;
    case BLIND_PRODUCT: product_write(w, &m->product); break;
    case BLIND_ORDER: order_write(w, &m->order); break;
    case BLIND_GRANT: write_u32(w, m->grant); break;
    case BLIND_BYE: break;
    case BLIND_READY: ready_write(w, &m->ready); break;
    case BLIND_ANSWER: answer_write(w, &m->answer); break;
    case BLIND_ERROR:
        write_u32(w, m->error.seq);
        write_u8(w, m->error.code);
        break;
    }
}

int blind_message_final(const uint8_t *p, size_t n) { return n && (p[0] == BLIND_BYE || p[0] == BLIND_ERROR); }

/* ---- sizes ---- */

uint32_t blind_columns_max(const struct field *f, uint32_t rows, uint32_t cols) {
    size_t up = (BLIND_MESSAGE_MAX - BLIND_PRODUCT_HEAD) / residues_bytes(f, cols);
    size_t down = (BLIND_MESSAGE_MAX - BLIND_ANSWER_HEAD) / residues_bytes(f, rows), n = up < down ? up : down;
    return n > BLIND_COLUMNS_MAX ? BLIND_COLUMNS_MAX : (uint32_t)n;
}
