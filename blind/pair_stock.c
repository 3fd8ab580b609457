/* blind/pair_stock.c - B's products by slot, from order to use. A block of memory serves one range after another of its size,
 * so that decoding allocates nothing once it is under way. */
#include "base/mem.h"
#include "base/secret.h"
#include "blind/pair_parts.h"

#include <string.h>

/* ---- queues of ranges ---- */

void ranges_add(struct ranges *q, struct range *r) {
    r->then = NULL;
    if (q->tail)
        q->tail->then = r;
    else
        q->head = r;
    q->tail = r;
}

struct range *ranges_take(struct ranges *q) {
    struct range *r = q->head;
    if (!r) return NULL;
    q->head = r->then;
    if (!q->head) q->tail = NULL;
    r->then = NULL;
    return r;
}

void ranges_prepend(struct ranges *q, struct ranges *front) {
    if (!front->head) return;
    front->tail->then = q->head;
    q->head = front->head;
    if (!q->tail) q->tail = front->tail;
    *front = (struct ranges){0};
}

/* ---- blocks ---- */

static size_t block_bytes(uint32_t rows, uint32_t count) {
    return sizeof(struct range) + count * (sizeof(struct answer) + (size_t)rows * sizeof(uint32_t));
}

static struct range *block_take(struct pair *p, size_t bytes) {
    for (uint32_t i = 0; i < p->spares; i++) {
        struct range *r = p->spare[i];
        if (r->bytes != bytes) continue;
        p->spare[i] = p->spare[--p->spares];
        return r;
    }
    struct range *r = secret_pages(bytes);
    if (r) r->bytes = bytes;
    return r;
}

static struct range *range_new(struct pair *p, uint32_t stack, uint32_t n, uint32_t count) {
    struct range *r = block_take(p, block_bytes(p->stacks[stack].rows, count));
    if (!r) return NULL;
    r->stack = stack;
    r->n = n;
    r->count = count;
    r->order = p->order;
    r->state = RANGE_ORDERED;
    r->answer = (struct answer *)(r + 1);
    r->z = (uint32_t *)(r->answer + count);
    return r;
}

/* The oldest spare makes room: sizes that are not used any more go first. */
void range_free(struct pair *p, struct range *r) {
    size_t bytes = r->bytes;
    for (uint32_t i = 0; i < r->count; i++) answer_end(&r->answer[i]);
    memset(r, 0, sizeof *r);
    r->bytes = bytes;
    if (p->spares == PAIR_SPARE_MAX) {
        secret_pages_free(p->spare[0]);
        memmove(p->spare, p->spare + 1, --p->spares * sizeof p->spare[0]);
    }
    p->spare[p->spares++] = r;
}

/* ---- ranges of a stack ---- */

int stock_order(struct pair *p, uint32_t stack, uint32_t columns) {
    struct stock *s = &p->stock[stack];
    const struct linear *l = &p->stacks[stack];
    uint32_t most = blind_columns_max(l->field, l->rows, l->cols);
    while (columns) {
        uint32_t count = columns < most ? columns : most;
        struct range *r = range_new(p, stack, s->ordered_to, count);
        if (!r) return ERR_NOMEM;
        if (s->last)
            s->last->next = r;
        else
            s->first = r;
        s->last = r;
        s->ordered_to += count;
        columns -= count;
        ranges_add(&p->ordered, r);
    }
    return 0;
}

uint32_t stock_ahead(const struct pair *p, uint32_t stack) {
    return p->stock[stack].ordered_to - blind_session_next(p->session, stack);
}

static struct range *range_of(const struct pair *p, uint32_t stack, uint32_t n) {
    struct range *r = p->stock[stack].first;
    while (r && n >= r->n + r->count) r = r->next;
    return r && n >= r->n ? r : NULL;
}

struct answer *stock_answer(struct pair *p, uint32_t stack, uint32_t n) {
    struct range *r = range_of(p, stack, n);
    return r && r->state == RANGE_HELD ? &r->answer[n - r->n] : NULL;
}

void stock_used(struct pair *p, uint32_t stack, uint32_t n) {
    struct range *r = range_of(p, stack, n);
    struct stock *s = &p->stock[stack];
    if (!r || r->state != RANGE_HELD) return;
    answer_end(&r->answer[n - r->n]);
    if (++r->used < r->count || r != s->first) return; /* slots are used in order, so the first is done first */
    s->first = r->next;
    if (!s->first) s->last = NULL;
    range_free(p, r);
}

void stock_drop(struct pair *p) {
    p->ordered = (struct ranges){0};
    for (uint32_t i = 0; i < p->stack_count; i++) {
        struct stock *s = &p->stock[i];
        for (struct range *r = s->first, *next; r; r = next) {
            next = r->next;
            r->next = NULL;
            r->stale = 1;
            if (r->state != RANGE_ASKED) range_free(p, r);
        }
        *s = (struct stock){0};
    }
}

void stock_release(struct pair *p) {
    stock_drop(p);
    for (struct range *r; (r = ranges_take(&p->asked));) range_free(p, r); /* the other thread has ended */
    while (p->spares) secret_pages_free(p->spare[--p->spares]);
}
