/* blind/pair_chunk.c - one product on its way: a session to spend slots of, B's half, the mask, A's half, the check, and the
 * mask off again. */
#include "base/clock.h"
#include "base/mem.h"
#include "blind/pair_parts.h"

#include <string.h>

/* One chunk on its way: columns of one stack, from B's half to the open product. */
struct chunk {
    uint32_t stack, count, wanted; /* columns, with padding; those that the caller wants */
    const struct linear *l;
    struct slots *ticket;
    struct answer *wr[PASS_CHUNK]; /* B's, held by the stock */
    struct answer wu[PASS_CHUNK];  /* A's, in the asker's memory */
};

/* ---- sessions ---- */

void pair_end_session(void *owner) {
    struct pair *p = owner;
    pthread_mutex_lock(&p->lock);
    if (p->session) blind_session_end(p->session);
    pthread_mutex_unlock(&p->lock);
}

static int session_goes_on(struct pair *p, uint32_t stack) { /* lock held */
    return p->session && blind_session_alive(p->session) &&
           blind_session_next(p->session, stack) < SLOTS_N_MAX - 2 * SLOTS_COLUMNS_MAX;
}

/* A connection to A, and a session that is made for it and ends with it, if not before. */
static int have_session(struct pair *p, uint32_t stack) {
    struct blind_session *fresh = NULL;
    int r = asker_connect(&p->asker);
    pthread_mutex_lock(&p->lock);
    if (r == 0 && !session_goes_on(p, stack)) {
        r = blind_session_new(&fresh, p->stacks, p->stack_count);
        if (r == 0) {
            stock_drop(p);
            blind_session_free(p->session);
            p->session = fresh;
            p->counts.sessions++;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return r;
}

/* ---- one chunk ---- */

/* Orders what is needed, and waits until B's product is there for every slot that comes next. Spends nothing. */
static int wait_for_masks(struct pair *p, struct chunk *k) {
    uint64_t begun = clock_mono_ns();
    pthread_mutex_lock(&p->lock);
    int r = plan_orders(p, k->stack, k->count);
    uint32_t first = blind_session_next(p->session, k->stack);
    p->b_lost = 0;
    pthread_cond_signal(&p->work);
    for (uint32_t i = 0; i < k->count && r == 0;) {
        k->wr[i] = stock_answer(p, k->stack, first + i);
        if (k->wr[i])
            i++;
        else if (p->b_lost)
            r = ERR_LOST, p->asker.why = p->b_why;
        else
            pthread_cond_wait(&p->news, &p->lock);
    }
    p->counts.wait_mask_ns += clock_mono_ns() - begun;
    pthread_mutex_unlock(&p->lock);
    return r;
}

/* Spends the slots and fixes the bytes that are sent for them. */
static int mask(struct pair *p, struct chunk *k, const int32_t *x) {
    pthread_mutex_lock(&p->lock);
    int r = slots_spend(p->session, k->stack, k->count, &k->ticket);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < k->count && r == 0; i++) {
        const int32_t *column = i < k->wanted ? x + (size_t)i * k->l->cols : p->zeros;
        pthread_mutex_lock(&p->lock);
        r = pair_fill(p->session, k->ticket, column, k->wr[i]);
        pthread_mutex_unlock(&p->lock);
    }
    return r;
}

static int open_products(struct pair *p, struct chunk *k, int32_t *y) {
    int r = 0;
    for (uint32_t i = 0; i < k->wanted && r == 0; i++) r = pair_open(&k->wu[i], k->wr[i], y + (size_t)i * k->l->rows);
    asker_forget(k->ticket, k->wu);
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < k->count; i++) stock_used(p, k->stack, k->ticket->first + i);
    pthread_mutex_unlock(&p->lock);
    return r;
}

int pair_chunk(void *owner, uint32_t stack, uint32_t count, uint32_t wanted, const int32_t *x, int32_t *y) {
    struct pair *p = owner;
    struct chunk k = {.stack = stack, .count = count, .wanted = wanted, .l = &p->stacks[stack]};
    int r = have_session(p, stack);
    if (r == 0) r = wait_for_masks(p, &k);
    if (r == 0) r = mask(p, &k, x);
    if (r == 0) r = asker_ask(&p->asker, k.ticket, k.wu); /* by the connection that have_session saw, or not at all */
    if (r == 0) r = open_products(p, &k, y);
    if (r != 0) pair_end_session(p); /* slots may be spent that nobody answered: their masks are not kept for later */
    slots_free(k.ticket);
    return r;
}
