/* blind/pair_chunk.c - one round's products on their way: a session to spend slots of, B's half, the mask, A's half, the check, and the
 * mask off again. */
#include "base/clock.h"
#include "base/mem.h"
#include "blind/pair_parts.h"

#include <string.h>

/* One chunk on its way: columns of one stack, from B's half to the open product. */
struct chunk {
    const struct asker_part *of;
    const struct linear *l;
    struct slots *ticket;
    struct answer *wr[PASS_CHUNK]; /* B's, held by the stock */
    struct answer wu[PASS_CHUNK];  /* A's, in the asker's memory */
};
/* Those of a round: the same columns of each stack. */
struct round {
    struct chunk chunk[LINEAR_ASKS_MAX];
    unsigned chunks;
};

/* ---- sessions ---- */

void pair_end_session(void *owner) {
    struct pair *p = owner;
    pthread_mutex_lock(&p->lock);
    if (p->session) blind_session_end(p->session);
    pthread_mutex_unlock(&p->lock);
}

static int session_goes_on(struct pair *p, const struct round *k) { /* lock held */
    int on = p->session && blind_session_alive(p->session);
    for (unsigned i = 0; i < k->chunks && on; i++)
        on = blind_session_next(p->session, k->chunk[i].of->stack) < SLOTS_N_MAX - 2 * SLOTS_COLUMNS_MAX;
    return on;
}

/* A connection to A, and a session that is made for it and ends with it, if not before. */
static int have_session(struct pair *p, const struct round *k) {
    struct blind_session *fresh = NULL;
    int r = asker_connect(&p->asker);
    pthread_mutex_lock(&p->lock);
    if (r == 0 && !session_goes_on(p, k)) {
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

/* B's product for every slot of the chunk that comes next. */
static int wait_for_chunk(struct pair *p, struct chunk *k) { /* lock held */
    uint32_t first = blind_session_next(p->session, k->of->stack);
    for (uint32_t i = 0; i < k->of->count;) {
        k->wr[i] = stock_answer(p, k->of->stack, first + i);
        if (k->wr[i]) {
            i++;
        } else if (p->b_lost) {
            p->asker.why = p->b_why;
            return ERR_LOST;
        } else {
            pthread_cond_wait(&p->news, &p->lock);
        }
    }
    return 0;
}

/* Orders what is needed, and waits until all of it is there. Spends nothing. */
static int wait_for_masks(struct pair *p, struct round *k) {
    uint64_t begun = clock_mono_ns();
    int r = 0;
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < k->chunks && r == 0; i++) r = plan_orders(p, k->chunk[i].of->stack, k->chunk[i].of->count);
    p->b_lost = 0;
    pthread_cond_signal(&p->work);
    for (unsigned i = 0; i < k->chunks && r == 0; i++) r = wait_for_chunk(p, &k->chunk[i]);
    p->counts.wait_mask_ns += clock_mono_ns() - begun;
    pthread_mutex_unlock(&p->lock);
    return r;
}

/* Spends the slots and fixes the bytes that are sent for them. */
static int mask(struct pair *p, struct chunk *k) {
    pthread_mutex_lock(&p->lock);
    int r = slots_spend(p->session, k->of->stack, k->of->count, &k->ticket);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < k->of->count && r == 0; i++) {
        const int32_t *column = i < k->of->wanted ? k->of->x + (size_t)i * k->l->cols : p->zeros;
        pthread_mutex_lock(&p->lock);
        r = pair_fill(p->session, k->ticket, column, k->wr[i]);
        pthread_mutex_unlock(&p->lock);
    }
    return r;
}

static int open_products(struct pair *p, struct chunk *k) {
    int r = 0;
    for (uint32_t i = 0; i < k->of->wanted && r == 0; i++) r = pair_open(&k->wu[i], k->wr[i], k->of->y + (size_t)i * k->l->rows);
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < k->of->count; i++) stock_used(p, k->of->stack, k->ticket->first + i);
    pthread_mutex_unlock(&p->lock);
    return r;
}

/* By the connection that have_session saw, or not at all. */
static int ask(struct pair *p, struct round *k) {
    struct asked asked[LINEAR_ASKS_MAX] = {{NULL, NULL}};
    for (unsigned i = 0; i < k->chunks; i++) asked[i] = (struct asked){k->chunk[i].ticket, k->chunk[i].wu};
    int r = asker_ask(&p->asker, asked, k->chunks);
    if (r != 0) return r;
    for (unsigned i = 0; i < k->chunks && r == 0; i++) r = open_products(p, &k->chunk[i]);
    asker_forget(asked, k->chunks);
    return r;
}

int pair_chunk(void *owner, const struct asker_part *part, unsigned parts) {
    struct pair *p = owner;
    struct round k = {.chunks = parts};
    for (unsigned i = 0; i < parts; i++) k.chunk[i].of = &part[i], k.chunk[i].l = &p->stacks[part[i].stack];
    int r = have_session(p, &k);
    if (r == 0) r = wait_for_masks(p, &k);
    for (unsigned i = 0; i < parts && r == 0; i++) r = mask(p, &k.chunk[i]);
    if (r == 0) r = ask(p, &k);
    if (r != 0) pair_end_session(p); /* slots may be spent that nobody answered: their masks are not kept for later */
    for (unsigned i = 0; i < parts; i++) slots_free(k.chunk[i].ticket);
    return r;
}
