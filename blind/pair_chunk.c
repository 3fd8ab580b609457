/* blind/pair_chunk.c - one product on its way: a session to spend slots of, B's half, the mask, A's half, the check, and the mask off again. */
#include "base/clock.h"
#include "base/mem.h"
#include "blind/pair_parts.h"

#include <string.h>

/* One chunk on its way: columns of one stack, from B's half to the open product. */
struct chunk {
    uint32_t stack, count, wanted; /* columns, with padding; those that the caller wants */
    const struct linear *l;
    struct slots *ticket;
    struct answer *wr[PAIR_COLUMNS]; /* B's, held by the stock */
    struct answer wu[PAIR_COLUMNS];  /* A's, in p->z */
};

/* ---- sessions ---- */

static void end_session(struct pair *p) {
    pthread_mutex_lock(&p->lock);
    if (p->session) blind_session_end(p->session);
    pthread_mutex_unlock(&p->lock);
}

/* The worker is gone, or is not listened to any more: with its connection the session ends, whatever the reason. */
static void drop_a(struct pair *p, enum blind_fault fault, uint8_t code, uint32_t stack) {
    end_session(p);
    roster_report(p->roster, PAIR_A, &p->a, fault, code, stack);
    pthread_mutex_lock(&p->lock);
    p->served[PAIR_A] = 0;
    pthread_mutex_unlock(&p->lock);
    conversation_close(&p->a);
}

static int have_a(struct pair *p) {
    if (p->a.open) return 0;
    int r = roster_connect(p->roster, PAIR_A, &p->a, &p->hello[PAIR_A], &p->why);
    pthread_mutex_lock(&p->lock);
    p->served[PAIR_A] = r == 0;
    if (r == 0) memcpy(p->serving[PAIR_A], p->a.link.identity, 32);
    pthread_mutex_unlock(&p->lock);
    return r;
}

static int session_goes_on(struct pair *p, uint32_t stack) { /* lock held */
    return p->session && blind_session_alive(p->session) &&
           blind_session_next(p->session, stack) < SLOTS_N_MAX - 2 * SLOTS_COLUMNS_MAX;
}

/* A connection to A, and a session that lives as long as it. */
static int have_session(struct pair *p, uint32_t stack) {
    struct blind_session *fresh = NULL;
    int r = have_a(p);
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
            r = ERR_LOST, p->why = p->b_why;
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

/* Forgets what came of an answer that was refused, or is used. */
static void forget_data(struct chunk *k) {
    for (uint32_t i = 0; i < k->count; i++) answer_end(&k->wu[i]);
}

static int expect_data(struct pair *p, struct chunk *k) {
    const struct freivalds *check = prepared_check(p->prepared, k->stack);
    int r = 0;
    for (uint32_t i = 0; i < k->count && r == 0; i++)
        r = pair_expect_input(k->ticket, i, check, &k->wu[i], p->z + (size_t)i * k->l->rows, p->u);
    mem_wipe(p->u, k->l->cols * sizeof *p->u);
    return r;
}

/* Pieces until the answer is whole and has passed, or the time is over. */
static int hear_data(struct pair *p, struct chunk *k, uint32_t seq, uint64_t until_ms, enum blind_fault *fault, uint8_t *code) {
    struct awaited due = {seq, 0, k->count, k->wu};
    for (;;) {
        uint64_t now = clock_mono_ms();
        if (now >= until_ms) {
            *fault = FAULT_LATE;
            return ERR_LOST;
        }
        int r = conversation_piece(&p->a, &due, (uint32_t)(until_ms - now), fault, code);
        if (r == 1) return 0;
        if (r != 0 && r != ERR_MORE) return r;
    }
}

static void count_a(struct pair *p, uint32_t asked, uint32_t verified, uint64_t waited_ns) {
    pthread_mutex_lock(&p->lock);
    p->counts.products += asked;
    p->counts.verified += verified;
    p->counts.wait_data_ns += waited_ns;
    p->counts.up[PAIR_A] = p->a.bytes_up;
    p->counts.down[PAIR_A] = p->a.bytes_down;
    pthread_mutex_unlock(&p->lock);
}

/* The ticket's bytes to A and its answer back, from this worker. ERR_LOST: it is dropped. */
static int ask_one(struct pair *p, struct chunk *k) {
    const uint8_t *bytes;
    size_t n;
    uint32_t seq;
    enum blind_fault fault = FAULT_LINK;
    uint8_t code = 0;
    uint64_t until_ms = clock_mono_ms() + p->answer_ms;
    int r = slots_bytes(k->ticket, &bytes, &n);
    if (r == 0) r = conversation_product(&p->a, k->stack, k->count, bytes, n, &seq);
    if (r == 0) r = expect_data(p, k); /* while A works */
    uint64_t begun = clock_mono_ns();
    if (r == 0) r = hear_data(p, k, seq, until_ms, &fault, &code);
    count_a(p, k->count, r == 0 ? k->count : 0, clock_mono_ns() - begun);
    if (r == 0) roster_praise(p->roster, &p->a);
    if (r == 0) return 0;
    forget_data(k);
    if (r == ERR_LOST) drop_a(p, fault, code, k->stack);
    return r;
}

/* From whoever serves the role: the same bytes, until somebody has answered them right. */
static int ask(struct pair *p, struct chunk *k) {
    int r;
    do {
        r = have_a(p);
        if (r != 0) return r;
        r = ask_one(p, k);
    } while (r == ERR_LOST);
    return r;
}

static int open_products(struct pair *p, struct chunk *k, int32_t *y) {
    int r = 0;
    for (uint32_t i = 0; i < k->wanted && r == 0; i++) r = pair_open(&k->wu[i], k->wr[i], y + (size_t)i * k->l->rows);
    forget_data(k);
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < k->count; i++) stock_used(p, k->stack, k->ticket->first + i);
    pthread_mutex_unlock(&p->lock);
    return r;
}

int pair_chunk(struct pair *p, uint32_t stack, uint32_t count, uint32_t wanted, const int32_t *x, int32_t *y) {
    struct chunk k = {.stack = stack, .count = count, .wanted = wanted, .l = &p->stacks[stack]};
    int r = have_session(p, stack);
    if (r == 0) r = wait_for_masks(p, &k);
    if (r == 0) r = mask(p, &k, x);
    if (r == 0) r = ask(p, &k);
    if (r == 0) r = open_products(p, &k, y);
    if (r != 0) end_session(p); /* slots may be spent that nobody answered: their masks are not kept for later */
    slots_free(k.ticket);
    return r;
}
