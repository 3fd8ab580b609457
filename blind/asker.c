/* blind/asker.c - see asker.h. */
#include "blind/asker.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "blind/pair_fill.h"

#include <string.h>

/* A chunk of every round, but of the output matrix only what a pass takes: more columns of it go one after the other. */
static int take_memory(struct asker *a, struct conversation_opts *hello) {
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
    hello->products = folded ? LINEAR_ASKS_MAX : 1;
    a->z = secret_pages(words * sizeof *a->z);
    a->u = secret_pages(cols * sizeof *a->u);
    a->z_words = words;
    return a->z && a->u ? 0 : ERR_NOMEM;
}

int asker_init(struct asker *a, const struct asker_opts *o) {
    *a = (struct asker){
        .o = *o, .stacks = prepared_stacks(o->prepared), .stack_count = prepared_manifest(o->prepared)->stack_count};
    struct conversation_opts hello = {.role = o->role,
                                      .token = o->token,
                                      .token_n = o->token_n,
                                      .stacks = a->stacks,
                                      .stack_count = a->stack_count,
                                      .columns = PASS_CHUNK,
                                      .wait_ms = o->answer_ms};
    memcpy(hello.manifest, prepared_digest(o->prepared), sizeof hello.manifest);
    int r = take_memory(a, &hello);
    return r == 0 ? crew_init(&a->crew, &hello) : r;
}

void asker_release(struct asker *a) {
    crew_release(&a->crew);
    secret_pages_free(a->z);
    secret_pages_free(a->u);
    a->z = a->u = NULL;
}

/* ---- who is asked ---- */

static void tell_serving(struct asker *a) {
    pthread_mutex_lock(a->o.lock);
    a->o.counts->served[PAIR_A] = crew_serving(&a->crew, a->o.counts->serving[PAIR_A]);
    pthread_mutex_unlock(a->o.lock);
}

int asker_connect(struct asker *a) {
    if (a->crew.complete) return 0;
    int r = crew_connect(&a->crew, a->o.roster, PAIR_A, &a->why);
    if (r == ERR_LIMIT) { /* between two rounds nobody owes us anything */
        crew_close(&a->crew);
        r = crew_connect(&a->crew, a->o.roster, PAIR_A, &a->why);
    }
    tell_serving(a);
    return r;
}

/* That worker is gone, or is not listened to any more. With its connection the session ends, whatever the reason, and with the session all
 * connections: the others may owe answers that nobody waits for now. */
static void drop(struct asker *a, const struct conversation *who, enum blind_fault fault, uint8_t code, uint32_t stack) {
    a->o.lost(a->o.owner);
    roster_report(a->o.roster, PAIR_A, who, fault, code, stack);
    crew_close(&a->crew);
    tell_serving(a);
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
static int hear(struct conversation *from, const struct awaited *due, uint64_t until_ms, enum blind_fault *fault, uint8_t *code) {
    for (;;) {
        uint64_t now = clock_mono_ms();
        if (now >= until_ms) {
            *fault = FAULT_LATE;
            return ERR_LOST;
        }
        int r = conversation_piece(from, due, (uint32_t)(until_ms - now), fault, code);
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
    crew_bytes(&a->crew, &c->up[PAIR_A], &c->down[PAIR_A]);
    pthread_mutex_unlock(a->o.lock);
}

/* What is asked of whom, and how far it has come. */
struct asking {
    struct conversation *to[LINEAR_ASKS_MAX];
    struct awaited due[LINEAR_ASKS_MAX];
    unsigned at; /* the one that is being asked, or waited for */
};

/* Whoever holds each stack; ERR_IO: it is held by nobody now, so the tickets' own connections are gone. */
static int find_holders(struct asker *a, const struct asked *asked, unsigned asks, struct asking *k) {
    for (unsigned i = 0; i < asks; i++)
        if (!(k->to[i] = crew_of(&a->crew, asked[i].ticket->stack))) return ERR_IO;
    return 0;
}

/* 1: each may still be asked for that many columns. A worker would refuse the rest, and what need not be sent is not. */
static int quotas_do(const struct asked *asked, unsigned asks, struct asking *k) {
    for (k->at = 0; k->at < asks; k->at++) {
        uint64_t columns = 0;
        for (unsigned i = 0; i < asks; i++) columns += k->to[i] == k->to[k->at] ? asked[i].ticket->count : 0;
        if (columns > k->to[k->at]->quota) return 0;
    }
    k->at = 0;
    return 1;
}

/* All that is asked for, before anything is waited for. */
static int send_all(const struct asked *asked, unsigned asks, struct asking *k) {
    int r = 0;
    for (k->at = 0; k->at < asks; k->at++) {
        const struct slots *t = asked[k->at].ticket;
        const uint8_t *bytes;
        size_t n;
        k->due[k->at] = (struct awaited){.count = t->count, .column = asked[k->at].wu};
        r = slots_bytes(t, &bytes, &n);
        if (r == 0) r = conversation_product(k->to[k->at], t->stack, t->count, bytes, n, &k->due[k->at].seq);
        if (r != 0) return r;
    }
    k->at = 0;
    return 0;
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

static int hear_all(struct asking *k, unsigned asks, uint64_t until_ms, enum blind_fault *fault, uint8_t *code) {
    int r = 0;
    for (k->at = 0; k->at < asks; k->at++)
        if ((r = hear(k->to[k->at], &k->due[k->at], until_ms, fault, code)) != 0) return r;
    return 0;
}

int asker_ask(struct asker *a, const struct asked *asked, unsigned asks) {
    struct asking k = {.at = 0};
    enum blind_fault fault = FAULT_LINK;
    uint8_t code = 0;
    uint32_t columns;
    uint64_t until_ms = clock_mono_ms() + look_over(a, asked, asks, &columns);
    int r = find_holders(a, asked, asks, &k);
    if (r != 0) return r;
    if (!quotas_do(asked, asks, &k)) {
        fault = FAULT_QUOTA, code = BLIND_CODE_QUOTA;
        r = ERR_LOST;
    }
    if (r == 0) r = send_all(asked, asks, &k);
    if (r == 0) r = expect_all(a, asked, asks); /* while they work */
    uint64_t begun = clock_mono_ns();
    if (r == 0) r = hear_all(&k, asks, until_ms, &fault, &code);
    count(a, columns, r == 0 ? columns : 0, clock_mono_ns() - begun);
    for (unsigned i = 0; i < asks && r == 0; i++) roster_praise(a->o.roster, k.to[i]);
    if (r == 0) return 0;
    asker_forget(asked, asks);
    if (r != ERR_LOST) return r;
    drop(a, k.to[k.at], fault, code, asked[k.at].ticket->stack);
    return ERR_IO;
}
