/* blind/conversation.c - see conversation.h. */
#include "blind/conversation.h"
#include "base/mem.h"
#include "base/secret.h"
#include "seal/session.h"

#include <string.h>

int conversation_init(struct conversation *c, const struct conversation_opts *o) {
    size_t most = BLIND_ORDER_MAX > BLIND_SMALL_MAX ? BLIND_ORDER_MAX : BLIND_SMALL_MAX;
    *c = (struct conversation){.role = o->role};
    for (uint32_t i = 0; o->role != BLIND_ROLE_B && i < o->stack_count; i++) {
        const struct linear *l = &o->stacks[i];
        uint32_t columns = blind_columns_max(l->field, l->rows, l->cols);
        if (columns > o->columns) columns = o->columns;
        size_t n = BLIND_PRODUCT_HEAD + columns * residues_bytes(l->field, l->cols);
        if (n > most) most = n;
    }
    c->out = secret_pages(most);
    if (!c->out) return ERR_NOMEM;
    c->out_max = most;
    return 0;
}

void conversation_release(struct conversation *c) {
    conversation_close(c);
    secret_pages_free(c->out);
    c->out = NULL;
}

/* ---- out ---- */

/* The n bytes of c->out. */
static int send_out(struct conversation *c, size_t n) {
    int r = c->link.ops->send(c->link.state, c->out, n);
    mem_wipe(c->out, n);
    c->bytes_up += n + SESSION_OVERHEAD;
    c->messages_up++;
    return r == 0 ? 0 : ERR_LOST;
}

static int send_message(struct conversation *c, const struct blind_message *m) {
    struct writer w = writer_over(c->out, c->out_max);
    blind_message_write(&w, m);
    return w.err == 0 ? send_out(c, w.len) : ERR_INTERNAL;
}

int conversation_product(struct conversation *c, uint32_t stack, uint32_t count, const uint8_t *packed, size_t n, uint32_t *seq) {
    struct writer w = writer_over(c->out, c->out_max);
    *seq = ++c->seq;
    c->quota -= count < c->quota ? count : c->quota;
    blind_message_write(
        &w, &(struct blind_message){.type = BLIND_PRODUCT,
                                    .product = {.seq = *seq, .stack = stack, .count = (uint16_t)count, .packed_n = n}});
    if (w.err != 0 || n > c->out_max - w.len) return ERR_INTERNAL;
    memcpy(c->out + w.len, packed, n);
    return send_out(c, w.len + n);
}

int conversation_order(struct conversation *c, uint32_t grant, const struct blind_batch *keys, unsigned key_count,
                       const struct blind_range *ranges, unsigned range_count, uint32_t *seq) {
    *seq = ++c->seq;
    int r = send_message(c, &(struct blind_message){.type = BLIND_GRANT, .grant = grant});
    if (r != 0) return r;
    uint64_t columns = 0;
    for (unsigned i = 0; i < range_count; i++) columns += ranges[i].count;
    if (columns <= c->quota) c->quota -= columns; /* else it is refused whole */
    struct writer w = writer_over(c->out, c->out_max);
    blind_order_write(&w, *seq, keys, key_count, ranges, range_count);
    return w.err == 0 ? send_out(c, w.len) : ERR_INTERNAL;
}

/* ---- in ---- */

uint64_t conversation_allowed_ms(const struct linear *l, uint32_t count, uint32_t answer_ms) {
    return answer_ms + (uint64_t)count * residues_bytes(l->field, l->rows) * 1000 / CONVERSATION_SLOWEST;
}

static int accuse(enum blind_fault *fault, enum blind_fault what) {
    *fault = what;
    return ERR_LOST;
}

static int on_error(const struct blind_error *e, enum blind_fault *fault, uint8_t *code) {
    *code = e->code;
    int away = e->code == BLIND_CODE_BUSY || e->code == BLIND_CODE_DRAINING || e->code == BLIND_CODE_IDLE;
    if (e->code == BLIND_CODE_QUOTA) return accuse(fault, FAULT_QUOTA);
    return accuse(fault, away ? FAULT_AWAY : FAULT_REFUSED);
}

/* The next message, which must be of that type. */
static int hear(struct conversation *c, enum blind_type type, struct blind_message *m, uint32_t wait_ms, enum blind_fault *fault,
                uint8_t *code) {
    const uint8_t *p;
    size_t n;
    int r = c->link.ops->receive(c->link.state, &p, &n, wait_ms);
    *code = 0;
    if (r == ERR_MORE) return r;
    if (r != 0) return accuse(fault, FAULT_LINK);
    c->bytes_down += n + SESSION_OVERHEAD;
    c->messages_down++;
    if (blind_message_read(p, n, 0, m) != 0) return accuse(fault, FAULT_UNREADABLE);
    if (m->type == BLIND_ERROR) return on_error(&m->error, fault, code);
    return m->type == type ? 0 : accuse(fault, FAULT_UNREADABLE);
}

/* Rows of one column of a piece. */
static int take_rows(struct answer *a, const struct blind_answer *m, size_t each, uint32_t i, enum blind_fault *fault) {
    switch (answer_rows(a, m->first, m->rows, m->packed + i * each, each)) {
    case 0: return 0;
    case ERR_AUTH: return accuse(fault, FAULT_PRODUCT);
    default: return accuse(fault, FAULT_RESIDUE);
    }
}

int conversation_piece(struct conversation *c, const struct awaited *due, uint32_t wait_ms, enum blind_fault *fault,
                       uint8_t *code) {
    struct blind_message m;
    int r = hear(c, BLIND_ANSWER, &m, wait_ms, fault, code);
    if (r != 0) return r;
    const struct blind_answer *a = &m.answer;
    const struct freivalds *check = due->column[0].check;
    uint32_t have = due->column[0].rows_in; /* the same in every column */
    if (a->seq != due->seq || a->item != due->item || a->count != due->count || a->first != have || a->rows == 0 ||
        a->rows > check->rows - have)
        return accuse(fault, FAULT_PLACE);
    size_t each = residues_bytes(check->field, a->rows);
    if (a->packed_n != each * due->count) return accuse(fault, FAULT_RESIDUE);
    for (uint32_t i = 0; i < due->count && r == 0; i++) r = take_rows(&due->column[i], a, each, i, fault);
    return r != 0 ? r : have + a->rows == check->rows;
}

/* ---- beginning and end ---- */

static int fits(const struct blind_ready *r, const struct conversation_opts *o) {
    if (r->columns_max < o->columns || (o->role == BLIND_ROLE_B && r->ranges_max < o->ranges)) return 0;
    return r->products_max >= o->products && (o->products <= 1 || r->bytes_max >= BLIND_MESSAGE_MAX);
}

/* They are ascending and disjoint, but two may touch. */
int conversation_holds(const struct conversation *c, uint32_t from, uint32_t to) {
    const struct blind_ready *r = &c->ready;
    for (uint16_t i = 0; i < r->held_count && from < to && r->held[i].first <= from; i++)
        if (r->held[i].end > from) from = r->held[i].end;
    return from >= to;
}

/* One token's columns, through what it holds of the model. */
static uint64_t columns_of_a_token(const struct blind_ready *r, const struct conversation_opts *o) {
    uint64_t columns = 0;
    for (uint16_t i = 0; i < r->held_count; i++) columns += r->held[i].end - r->held[i].first;
    return columns < o->stack_count ? columns : o->stack_count;
}

static int greet(struct conversation *c, const struct conversation_opts *o, enum blind_fault *fault, uint8_t *code) {
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = (uint8_t)o->role, .token_n = o->token_n}};
    memcpy(m.hello.manifest_hash, o->manifest, sizeof m.hello.manifest_hash);
    if (o->token_n) memcpy(m.hello.token, o->token, o->token_n);
    int r = send_message(c, &m);
    mem_wipe(&m, sizeof m);
    if (r != 0) return accuse(fault, FAULT_LINK);
    r = hear(c, BLIND_READY, &m, o->wait_ms, fault, code);
    if (r == ERR_MORE) return accuse(fault, FAULT_LATE);
    if (r != 0) return r;
    c->ready = m.ready;
    c->quota = m.ready.columns_quota;
    if (!fits(&c->ready, o)) return accuse(fault, FAULT_UNFIT);
    if (!conversation_holds(c, o->from, o->to)) return ERR_NOTFOUND;
    if (c->quota >= columns_of_a_token(&c->ready, o)) return 0;
    *code = BLIND_CODE_QUOTA; /* found out now, before masks are made and B is asked for their products */
    return accuse(fault, FAULT_QUOTA);
}

int conversation_open(struct conversation *c, const struct blind_link *link, const struct conversation_opts *o,
                      enum blind_fault *fault, uint8_t *code) {
    *fault = FAULT_NONE;
    *code = 0;
    c->link = *link;
    c->seq = 0;
    c->open = 1;
    int r = greet(c, o, fault, code);
    if (r != 0) conversation_close(c);
    return r;
}

void conversation_close(struct conversation *c) {
    if (!c->open) return;
    (void)send_message(c, &(struct blind_message){.type = BLIND_BYE});
    c->link.ops->close(c->link.state);
    c->open = 0;
}
