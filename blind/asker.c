/* blind/asker.c - see asker.h. */
#include "blind/asker.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "blind/pair_fill.h"

#include <string.h>

/* A chunk of every round, but of the output matrix only what a pass takes: more columns of it go one after the other. */
static int take_memory(struct asker *a) {
    int folded = blind_manifest_folded(prepared_manifest(a->o.prepared));
    uint32_t cols = 0;
    size_t words = 0;
    for (uint32_t i = 0; i < a->stack_count; i++) {
        unsigned asks = folded && i % 2 && i + 2 < a->stack_count ? 2 : 1; /* model/row8_fold.h: 1 and 2, 3 and 4, ... */
        size_t rows = a->stacks[i].rows + (asks == 2 ? (size_t)a->stacks[i + 1].rows : 0);
        uint32_t columns = asker_columns_max(a, i, asks);
        if (i + 1 == a->stack_count && columns > a->o.decode_columns) columns = a->o.decode_columns;
        if (columns * rows > words) words = columns * rows;
        if (a->stacks[i].cols > cols) cols = a->stacks[i].cols;
    }
    a->hello.products = folded ? LINEAR_ASKS_MAX : 1;
    a->z = secret_pages(words * sizeof *a->z);
    a->u = secret_pages(cols * sizeof *a->u);
    a->z_words = words;
    return a->z && a->u ? 0 : ERR_NOMEM;
}

int asker_init(struct asker *a, const struct asker_opts *o) {
    *a = (struct asker){
        .o = *o, .stacks = prepared_stacks(o->prepared), .stack_count = prepared_manifest(o->prepared)->stack_count};
    a->hello = (struct conversation_opts){.role = o->role,
                                          .token = o->token,
                                          .token_n = o->token_n,
                                          .stacks = a->stacks,
                                          .stack_count = a->stack_count,
                                          .columns = PASS_CHUNK,
                                          .wait_ms = o->answer_ms};
    memcpy(a->hello.manifest, prepared_digest(o->prepared), sizeof a->hello.manifest);
    int r = take_memory(a);
    return r == 0 ? conversation_init(&a->conv, &a->hello) : r;
}

void asker_release(struct asker *a) {
    conversation_release(&a->conv);
    secret_pages_free(a->z);
    secret_pages_free(a->u);
    a->z = a->u = NULL;
}

/* ---- who is asked ---- */

static void tell_serving(struct asker *a, int served) {
    pthread_mutex_lock(a->o.lock);
    a->o.counts->served[PAIR_A] = served;
    if (served) memcpy(a->o.counts->serving[PAIR_A], a->conv.link.identity, 32);
    pthread_mutex_unlock(a->o.lock);
}

int asker_connect(struct asker *a) {
    if (a->conv.open) return 0;
    int r = roster_connect(a->o.roster, PAIR_A, &a->conv, &a->hello, &a->why);
    tell_serving(a, r == 0);
    return r;
}

/* The worker is gone, or is not listened to any more: with its connection the session ends, whatever the reason. */
static void drop(struct asker *a, enum blind_fault fault, uint8_t code, uint32_t stack) {
    a->o.lost(a->o.owner);
    roster_report(a->o.roster, PAIR_A, &a->conv, fault, code, stack);
    tell_serving(a, 0);
    conversation_close(&a->conv);
}

/* ---- one round ---- */

void asker_forget(const struct asked *asked, unsigned asks) {
    for (unsigned k = 0; k < asks; k++)
        for (uint32_t i = 0; i < asked[k].ticket->count; i++) answer_end(&asked[k].wu[i]);
}

/* Every column's answer into its own place in z, of which *z is the next free one. */
static int expect(struct asker *a, const struct asked *k, uint32_t **z) {
    const struct freivalds *check = prepared_check(a->o.prepared, k->ticket->stack);
    int r = 0;
    for (uint32_t i = 0; i < k->ticket->count && r == 0; i++, *z += check->rows)
        r = pair_expect_input(k->ticket, i, check, &k->wu[i], *z, a->u);
    mem_wipe(a->u, check->cols * sizeof *a->u);
    return r;
}

/* Pieces until the answer is whole and has passed, or the time is over. */
static int hear(struct asker *a, const struct awaited *due, uint64_t until_ms, enum blind_fault *fault, uint8_t *code) {
    for (;;) {
        uint64_t now = clock_mono_ms();
        if (now >= until_ms) {
            *fault = FAULT_LATE;
            return ERR_LOST;
        }
        int r = conversation_piece(&a->conv, due, (uint32_t)(until_ms - now), fault, code);
        if (r == 1) return 0;
        if (r != 0 && r != ERR_MORE) return r;
    }
}

static void count(struct asker *a, uint32_t asked, uint32_t verified, uint64_t waited_ns) {
    struct blind_counts *c = a->o.counts;
    pthread_mutex_lock(a->o.lock);
    c->products += asked;
    c->verified += verified;
    c->wait_data_ns += waited_ns;
    c->up[PAIR_A] = a->conv.bytes_up;
    c->down[PAIR_A] = a->conv.bytes_down;
    pthread_mutex_unlock(a->o.lock);
}

/* All that is asked for, before anything is waited for. */
static int send_all(struct asker *a, const struct asked *asked, unsigned asks, struct awaited *due) {
    int r = 0;
    for (unsigned k = 0; k < asks && r == 0; k++) {
        const struct slots *t = asked[k].ticket;
        const uint8_t *bytes;
        size_t n;
        due[k] = (struct awaited){.count = t->count, .column = asked[k].wu};
        r = slots_bytes(t, &bytes, &n);
        if (r == 0) r = conversation_product(&a->conv, t->stack, t->count, bytes, n, &due[k].seq);
    }
    return r;
}

static int expect_all(struct asker *a, const struct asked *asked, unsigned asks) {
    uint32_t *z = a->z;
    int r = 0;
    for (unsigned k = 0; k < asks && r == 0; k++) r = expect(a, &asked[k], &z);
    return r;
}

/* How long all answers may take, and how many columns there are. */
static uint64_t look_over(const struct asker *a, const struct asked *asked, unsigned asks, uint32_t *columns) {
    uint64_t allowed_ms = a->o.answer_ms;
    *columns = 0;
    for (unsigned k = 0; k < asks; k++) {
        const struct slots *t = asked[k].ticket;
        allowed_ms += conversation_allowed_ms(&a->stacks[t->stack], t->count, 0);
        *columns += t->count;
        memset(asked[k].wu, 0, t->count * sizeof *asked[k].wu); /* what is not begun can be forgotten */
    }
    return allowed_ms;
}

int asker_ask(struct asker *a, const struct asked *asked, unsigned asks) {
    struct awaited due[LINEAR_ASKS_MAX];
    enum blind_fault fault = FAULT_LINK;
    uint8_t code = 0;
    uint32_t columns;
    unsigned at = 0;
    uint64_t until_ms = clock_mono_ms() + look_over(a, asked, asks, &columns);
    if (!a->conv.open) return ERR_IO; /* never over another connection than the tickets' own */
    int r = 0;
    if (columns > a->conv.quota) { /* it would refuse: what need not be sent is not */
        fault = FAULT_QUOTA, code = BLIND_CODE_QUOTA;
        r = ERR_LOST;
    }
    if (r == 0) r = send_all(a, asked, asks, due);
    if (r == 0) r = expect_all(a, asked, asks); /* while it works */
    uint64_t begun = clock_mono_ns();
    while (r == 0 && (r = hear(a, &due[at], until_ms, &fault, &code)) == 0 && at + 1 < asks) at++;
    count(a, columns, r == 0 ? columns : 0, clock_mono_ns() - begun);
    if (r == 0) {
        roster_praise(a->o.roster, &a->conv);
        return 0;
    }
    asker_forget(asked, asks);
    if (r != ERR_LOST) return r;
    drop(a, fault, code, asked[at].ticket->stack);
    return ERR_IO;
}
