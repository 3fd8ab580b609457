/* blind/pair_ahead.c - the thread that talks to B: sends what was ordered, takes and checks the answers, and finds another
 * worker of the role when one fails, which then is asked for all that it has not answered. While nothing is asked for, it sleeps. Of several that
 * hold parts of the model each is asked for its own; answers are taken in the order of all that was asked, which is each one's own order. */
#include "base/clock.h"
#include "base/mem.h"
#include "blind/pair_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_POLL_MS = 1 /* a link cannot be woken: so long may an order wait while an answer is waited for */ };

/* What one message orders. */
struct batch {
    struct conversation *to;
    struct range *range[PAIR_RANGES_MAX];
    unsigned count;
    uint64_t grant;
};

/* ---- what is asked next ---- */

/* Keys that a range needs: its columns lie in one batch or two. */
static unsigned keys_of(const struct range *r) { return pair_batch_of(r->n + r->count - 1) - pair_batch_of(r->n) + 1; }

/* 1: the range that is first in the queue goes into this message, keys being what those in it need at most. */
static int batch_takes(struct pair *p, const struct batch *b, unsigned keys) { /* lock held */
    const struct range *r = p->ordered.head;
    if (!r || b->count == PAIR_RANGES_MAX || keys + keys_of(r) > BLIND_KEYS_MAX) return 0;
    return b->count == 0 || (r->order == b->range[0]->order && crew_of(&p->b, r->stack) == b->to);
}

/* The ranges of the order that is first in the queue; more than a message holds, of them or their keys, go into further ones. */
static void batch_take(struct pair *p, struct batch *b) {
    unsigned keys = 0;
    b->count = 0;
    b->grant = 0;
    pthread_mutex_lock(&p->lock);
    while (batch_takes(p, b, keys)) {
        struct range *r = ranges_take(&p->ordered);
        if (b->count == 0) b->to = crew_of(&p->b, r->stack); /* there is one: have_b */
        keys += keys_of(r);
        r->by = b->to;
        const struct linear *l = &p->stacks[r->stack];
        r->state = RANGE_ASKED;
        b->grant += residues_bytes(l->field, l->rows) * r->count;
        b->range[b->count++] = r;
    }
    pthread_mutex_unlock(&p->lock);
}

/* Begins every column's answer, and the list of keys. The lock is held a column at a time, since the caller's thread may need
 * it. Nonzero: the session has ended meanwhile, nothing of the batch is wanted any more. */
static int batch_begin(struct pair *p, struct batch *b) {
    int r = 0;
    for (unsigned i = 0; i < b->count; i++) {
        struct range *g = b->range[i];
        const struct freivalds *check = prepared_check(p->prepared, g->stack);
        for (uint32_t c = 0; c < g->count && r == 0; c++) {
            pthread_mutex_lock(&p->lock);
            r = g->stale ? ERR_WRONG_STATE
                         : pair_expect_mask(p->session, check, g->stack, g->n + c, &g->answer[c], g->z + (size_t)c * check->rows);
            pthread_mutex_unlock(&p->lock);
        }
    }
    return r;
}

static int key_known(const struct blind_batch *keys, unsigned count, uint32_t batch) {
    for (unsigned i = 0; i < count; i++)
        if (keys[i].batch == batch) return 1;
    return 0;
}

/* Ascending, each once: at most BLIND_KEYS_MAX, as batch_take sees to. */
static void key_list(const struct batch *b, struct blind_batch *keys, unsigned *count) {
    *count = 0;
    for (unsigned i = 0; i < b->count; i++) {
        const struct range *g = b->range[i];
        for (uint32_t k = pair_batch_of(g->n); k <= pair_batch_of(g->n + g->count - 1); k++) {
            if (key_known(keys, *count, k)) continue;
            assert(*count < BLIND_KEYS_MAX);
            unsigned at = (*count)++;
            for (; at > 0 && keys[at - 1].batch > k; at--) keys[at].batch = keys[at - 1].batch;
            keys[at].batch = k;
        }
    }
}

static int batch_send(struct pair *p, const struct batch *b) {
    struct blind_batch keys[BLIND_KEYS_MAX];
    struct blind_range ranges[PAIR_RANGES_MAX];
    unsigned key_count;
    uint32_t seq;
    int r = 0;
    key_list(b, keys, &key_count);
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < b->count; i++) r = b->range[i]->stale ? ERR_WRONG_STATE : r;
    for (unsigned i = 0; i < key_count && r == 0; i++) r = pair_order_key(p->session, keys[i].batch, keys[i].key);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < b->count; i++)
        ranges[i] = (struct blind_range){b->range[i]->stack, b->range[i]->n, (uint16_t)b->range[i]->count};
    if (r == 0) r = conversation_order(b->to, (uint32_t)b->grant, keys, key_count, ranges, b->count, &seq);
    mem_wipe(keys, sizeof keys);
    for (unsigned i = 0; i < b->count && r == 0; i++) {
        b->range[i]->seq = seq;
        b->range[i]->item = (uint16_t)i;
    }
    return r;
}

/* ---- when B fails ---- */

/* All that this one (NULL: anybody) has not answered, and this batch, goes to the front of the queue again; what is stale goes. What others were asked for stays
 * asked. */
static void order_again(struct pair *p, const struct conversation *who, struct batch *b) {
    struct ranges again = {0}, others = {0};
    struct range *r;
    for (unsigned i = 0; b && i < b->count; i++) {
        ranges_add(&p->asked, b->range[i]);
        p->asked_count++;
    }
    pthread_mutex_lock(&p->lock);
    while ((r = ranges_take(&p->asked))) {
        if (who && r->by != who) {
            ranges_add(&others, r);
            continue;
        }
        p->asked_count--;
        for (uint32_t c = 0; c < r->count; c++) answer_end(&r->answer[c]);
        r->state = RANGE_ORDERED;
        if (r->stale)
            range_free(p, r);
        else
            ranges_add(&again, r);
    }
    ranges_prepend(&p->ordered, &again);
    p->asked = others;
    p->due_since_ms = clock_mono_ms();
    pthread_mutex_unlock(&p->lock);
}

static void tell_serving(struct pair *p) { /* lock held */
    p->counts.served[PAIR_B] = crew_serving(&p->b, p->counts.serving[PAIR_B]);
}

static void drop_b(struct pair *p, struct conversation *who, enum blind_fault fault, uint8_t code, uint32_t stack) {
    roster_report(p->roster, PAIR_B, who, fault, code, stack);
    crew_drop(&p->b, who);
    pthread_mutex_lock(&p->lock);
    tell_serving(p);
    pthread_mutex_unlock(&p->lock);
}

/* Somebody to ask, for every stack. Nobody: whoever waits is told, and that is that until the next order. */
static int have_b(struct pair *p) {
    struct why why = {{0}};
    if (p->b.complete) return 0;
    int r = crew_connect(&p->b, p->roster, PAIR_B, &why);
    if (r == ERR_LIMIT) {
        order_again(p, NULL, NULL);
        crew_close(&p->b);
        r = crew_connect(&p->b, p->roster, PAIR_B, &why);
    }
    p->due_since_ms = clock_mono_ms(); /* what others have answered meanwhile is not late: nobody listened */
    pthread_mutex_lock(&p->lock);
    tell_serving(p);
    if (r != 0) p->b_lost = 1, p->b_why = why;
    pthread_cond_broadcast(&p->news);
    pthread_mutex_unlock(&p->lock);
    return r;
}

/* ---- one turn ---- */

/* The session has ended before they were asked for. Those that are not stale yet will be dropped with the session's stock. */
static void forget(struct pair *p, const struct batch *b) {
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < b->count; i++) {
        b->range[i]->state = RANGE_ORDERED;
        if (b->range[i]->stale) range_free(p, b->range[i]);
    }
    pthread_mutex_unlock(&p->lock);
}

static void ask_next(struct pair *p) {
    struct batch b;
    if (have_b(p) != 0) return;
    batch_take(p, &b);
    if (b.count == 0) return;
    int r = batch_begin(p, &b);
    if (r == 0) r = batch_send(p, &b);
    if (r == ERR_LOST) {
        drop_b(p, b.to, FAULT_LINK, 0, b.range[0]->stack);
        order_again(p, b.to, &b);
    } else if (r != 0) {
        forget(p, &b);
    } else {
        if (!p->asked.head) p->due_since_ms = clock_mono_ms();
        for (unsigned i = 0; i < b.count; i++) ranges_add(&p->asked, b.range[i]);
        p->asked_count += b.count;
    }
}

static void count_b(struct pair *p, uint32_t asked, uint32_t verified) { /* lock held */
    p->counts.products += asked;
    p->counts.verified += verified;
    crew_bytes(&p->b, &p->counts.up[PAIR_B], &p->counts.down[PAIR_B]);
}

/* The first range is answered and checked. */
static void held(struct pair *p) {
    struct range *r = ranges_take(&p->asked);
    p->asked_count--;
    p->due_since_ms = clock_mono_ms();
    roster_praise(p->roster, r->by);
    pthread_mutex_lock(&p->lock);
    count_b(p, r->count, r->count);
    r->state = RANGE_HELD;
    if (r->stale) range_free(p, r);
    pthread_cond_broadcast(&p->news);
    pthread_mutex_unlock(&p->lock);
}

static void hear_one(struct pair *p) {
    struct range *r = p->asked.head;
    struct awaited due = {r->seq, r->item, r->count, r->answer};
    enum blind_fault fault = FAULT_NONE;
    uint8_t code = 0;
    int e = conversation_piece(r->by, &due, ANSWER_POLL_MS, &fault, &code);
    uint64_t allowed_ms = conversation_allowed_ms(&p->stacks[r->stack], r->count, p->answer_ms);
    if ((e == 0 || e == ERR_MORE) && clock_mono_ms() - p->due_since_ms > allowed_ms) e = ERR_LOST, fault = FAULT_LATE;
    if (e == 1) held(p);
    if (e >= 0 || e == ERR_MORE) return;
    pthread_mutex_lock(&p->lock);
    count_b(p, r->count, 0);
    pthread_mutex_unlock(&p->lock);
    struct conversation *who = r->by;
    drop_b(p, who, fault, code, r->stack);
    order_again(p, who, NULL);
}

/* 1: there is something to do; 0: the end. */
static int wait_for_work(struct pair *p) {
    pthread_mutex_lock(&p->lock);
    while (!p->stopping && !p->asked.head && (p->b_lost || !p->ordered.head)) pthread_cond_wait(&p->work, &p->lock);
    int go_on = !p->stopping;
    pthread_mutex_unlock(&p->lock);
    return go_on;
}

static int may_ask(struct pair *p) {
    uint32_t most = crew_ranges_max(&p->b, UINT16_MAX);
    pthread_mutex_lock(&p->lock);
    int may = p->ordered.head && !p->b_lost && p->asked_count + PAIR_RANGES_MAX <= most;
    pthread_mutex_unlock(&p->lock);
    return may;
}

void *pair_ahead_run(void *arg) {
    struct pair *p = arg;
    while (wait_for_work(p)) {
        if (may_ask(p)) ask_next(p);
        if (p->asked.head) hear_one(p);
    }
    return NULL;
}
