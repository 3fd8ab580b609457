/* blind/blind_worker_message.c - what a client says. Every message is checked whole before it changes anything; the first that is
 * wrong ends the session with the code that says which rule it broke. */
#include "base/mem.h"
#include "blind/blind_worker_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- what goes out at once ---- */

static void put_small(struct blind_client *c, const struct blind_message *m, int final) {
    uint8_t bytes[BLIND_SMALL_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    blind_message_write(&w, m);
    c->sink.put(c->sink.arg, bytes, w.len, final);
}

static uint64_t quota_left(const struct blind_client *c) {
    uint64_t left = c->account ? blind_account_left(c->account) : UINT64_MAX;
    return left < c->quota ? left : c->quota;
}

static void put_ready(struct blind_client *c) {
    const struct blind_worker *w = c->worker;
    struct blind_message m = {.type = BLIND_READY,
                              .ready = {.columns_max = BLIND_COLUMNS_MAX,
                                        .products_max = PRODUCTS_MAX,
                                        .bytes_max = BYTES_MAX,
                                        .ranges_max = BLIND_RANGES_MAX,
                                        .columns_quota = quota_left(c),
                                        .held_count = w->held_count}};
    memcpy(m.ready.held, w->held, sizeof m.ready.held);
    put_small(c, &m, 0);
}

static void fail(struct blind_client *c, uint32_t seq, enum blind_code code) {
    if (c->state == CLIENT_ENDED) return;
    client_forget(c);
    c->state = CLIENT_ENDED;
    put_small(c, &(struct blind_message){.type = BLIND_ERROR, .error = {.seq = seq, .code = (uint8_t)code}}, 1);
}

void blind_client_fail(struct blind_client *c, enum blind_code code) { fail(c, 0, code); }

/* ---- jobs ---- */

static void job_free(struct blind_job *j) {
    mem_wipe(j->message, j->message_n);
    free(j->message);
    mem_wipe(j, sizeof *j);
    free(j);
}

/* Columns of it that were taken from the quota and are not computed. */
static uint64_t job_columns(const struct blind_job *j) {
    uint64_t columns = 0;
    if (!j->is_order) return j->product.count;
    for (unsigned i = j->item; i < j->order.range_count; i++) columns += blind_order_range(&j->order, i).count;
    return columns;
}

void client_forget(struct blind_client *c) {
    while (c->head) {
        struct blind_job *j = c->head;
        c->head = j->next;
        if (c->account) blind_account_give(c->account, job_columns(j)); /* what is not computed is not paid */
        job_free(j);
    }
    c->tail = NULL;
    c->products = c->ranges = 0;
    c->bytes = 0;
}

int client_unit(struct blind_client *c, struct blind_unit *u) {
    const struct blind_job *j = c->head;
    if (!j) return 0;
    *u = (struct blind_unit){.client = c};
    if (!j->is_order) {
        u->seq = j->product.seq;
        u->stack = j->product.stack;
        u->count = j->product.count;
        return 1;
    }
    struct blind_range g = blind_order_range(&j->order, j->item);
    u->seq = j->order.seq;
    u->stack = g.stack;
    u->n = g.n;
    u->item = j->item;
    u->count = g.count;
    return 1;
}

void client_unit_done(struct blind_client *c) {
    struct blind_job *j = c->head;
    if (j->is_order) {
        c->ranges--;
        if (++j->item < j->order.range_count) return;
    } else {
        c->products--;
        c->bytes -= j->product.packed_n;
    }
    c->head = j->next;
    if (!c->head) c->tail = NULL;
    job_free(j);
}

/* Takes the message's memory. */
static int job_add(struct blind_client *c, uint8_t *message, size_t n, const struct blind_message *m) {
    struct blind_job *j = mem_zalloc(1, sizeof *j);
    if (!j) return ERR_NOMEM;
    j->message = message;
    j->message_n = n;
    j->is_order = m->type == BLIND_ORDER;
    if (j->is_order)
        j->order = m->order;
    else
        j->product = m->product;
    if (c->tail)
        c->tail->next = j;
    else
        c->head = j;
    c->tail = j;
    return 0;
}

/* ---- checks: 0 or the code ---- */

static enum blind_code stack_check(const struct blind_worker *w, uint32_t stack, uint16_t count) {
    if (stack >= w->o.stack_count || !w->o.stacks[stack].data) return BLIND_CODE_STACK;
    const struct row8 *m = &w->o.stacks[stack];
    return count > blind_columns_max(field_of(m->cols), m->rows, m->cols) ? BLIND_CODE_COLUMNS : 0;
}

static enum blind_code residues_check(struct blind_worker *w, const struct blind_product *p) {
    const struct row8 *m = &w->o.stacks[p->stack];
    const struct field *f = field_of(m->cols);
    size_t each = residues_bytes(f, m->cols);
    int r = 0;
    if (p->packed_n != each * p->count) return BLIND_CODE_SHAPE;
    for (uint16_t i = 0; i < p->count && r == 0; i++) r = residues_unpack(f, w->residues, m->cols, p->packed + i * each, each);
    mem_wipe(w->residues, m->cols * sizeof *w->residues);
    return r == 0 ? 0 : BLIND_CODE_RESIDUE;
}

static enum blind_code product_check(struct blind_client *c, const struct blind_product *p) {
    if (c->role == BLIND_ROLE_B) return BLIND_CODE_STATE;
    enum blind_code code = stack_check(c->worker, p->stack, p->count);
    if (code == 0) code = residues_check(c->worker, p);
    if (code == 0 && (c->products == PRODUCTS_MAX || p->packed_n > BYTES_MAX - c->bytes)) code = BLIND_CODE_WINDOW;
    if (code == 0 && p->count > quota_left(c)) code = BLIND_CODE_QUOTA;
    return code;
}

/* A range is at most as long as a batch, so it lies in one or two of them: those of its ends. */
static enum blind_code range_check(const struct blind_client *c, const struct blind_order *o, struct blind_range g) {
    enum blind_code code = stack_check(c->worker, g.stack, g.count);
    if (code != 0) return code;
    return blind_order_key(o, g.n) && blind_order_key(o, g.n + g.count - 1) ? 0 : BLIND_CODE_KEYS;
}

static enum blind_code order_check(const struct blind_client *c, const struct blind_order *o, uint64_t *columns) {
    enum blind_code code = c->role == BLIND_ROLE_B ? 0 : BLIND_CODE_STATE;
    *columns = 0;
    for (unsigned i = 0; i < o->range_count && code == 0; i++) {
        struct blind_range g = blind_order_range(o, i);
        *columns += g.count;
        code = range_check(c, o, g);
    }
    if (code == 0 && o->range_count > BLIND_RANGES_MAX - c->ranges) code = BLIND_CODE_WINDOW;
    if (code == 0 && *columns > quota_left(c)) code = BLIND_CODE_QUOTA;
    return code;
}

/* ---- one message ---- */

static enum blind_code on_hello(struct blind_client *c, const struct blind_hello *h) {
    if (c->state != CLIENT_FRESH) return BLIND_CODE_STATE;
    if (memcmp(h->manifest_hash, c->worker->o.manifest_hash, 32) != 0) return BLIND_CODE_MANIFEST;
    c->role = h->role;
    c->state = CLIENT_SERVED;
    put_ready(c);
    return 0;
}

static enum blind_code on_grant(struct blind_client *c, uint32_t bytes) {
    if (c->role != BLIND_ROLE_B) return BLIND_CODE_STATE;
    c->credit += bytes; /* 2^32 grants of 2^32 bytes would be needed to overflow it */
    return 0;
}

/* A product or an order: *kept says that the message's memory was taken. */
static enum blind_code on_work(struct blind_client *c, uint8_t *message, size_t n, const struct blind_message *m, int *kept) {
    uint64_t columns = m->type == BLIND_PRODUCT ? m->product.count : 0;
    enum blind_code code = m->type == BLIND_PRODUCT ? product_check(c, &m->product) : order_check(c, &m->order, &columns);
    if (code != 0) return code;
    if (c->account && !blind_account_take(c->account, columns)) return BLIND_CODE_QUOTA; /* another session was quicker */
    if (job_add(c, message, n, m) != 0) {
        if (c->account) blind_account_give(c->account, columns);
        return BLIND_CODE_INTERNAL;
    }
    *kept = 1;
    c->quota -= columns;
    if (m->type == BLIND_PRODUCT) {
        c->products++;
        c->bytes += m->product.packed_n;
    } else {
        c->ranges += m->order.range_count;
    }
    return 0;
}

static enum blind_code dispatch(struct blind_client *c, uint8_t *message, size_t n, const struct blind_message *m, int *kept) {
    if (c->state == CLIENT_FRESH && m->type != BLIND_HELLO && m->type != BLIND_BYE) return BLIND_CODE_STATE;
    switch (m->type) {
    case BLIND_HELLO: return on_hello(c, &m->hello);
    case BLIND_GRANT: return on_grant(c, m->grant);
    case BLIND_PRODUCT:
    case BLIND_ORDER: return on_work(c, message, n, m, kept);
    case BLIND_BYE:
        client_forget(c);
        c->state = CLIENT_ENDED;
        return 0;
    default: return BLIND_CODE_FORMAT; /* blind_message_read lets no worker's type through */
    }
}

static enum blind_code code_of(int err) {
    return err == ERR_VERSION       ? BLIND_CODE_VERSION
           : err == ERR_LIMIT       ? BLIND_CODE_COLUMNS
           : err == ERR_WRONG_STATE ? BLIND_CODE_STATE
                                    : BLIND_CODE_FORMAT;
}

static uint32_t seq_of(const struct blind_message *m) {
    return m->type == BLIND_PRODUCT ? m->product.seq : m->type == BLIND_ORDER ? m->order.seq : 0;
}

int blind_client_message(struct blind_client *c, uint8_t *message, size_t n) {
    struct blind_message m;
    int kept = 0;
    if (c->state != CLIENT_ENDED) {
        int r = blind_message_read(message, n, 1, &m);
        enum blind_code code = r == 0 ? dispatch(c, message, n, &m, &kept) : code_of(r);
        if (code != 0) fail(c, r == 0 ? seq_of(&m) : 0, code);
    }
    if (!kept) {
        mem_wipe(message, n);
        free(message);
    }
    mem_wipe(&m, sizeof m); /* a hello's token */
    return c->state == CLIENT_ENDED;
}
