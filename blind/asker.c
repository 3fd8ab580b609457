/* blind/asker.c - see asker.h. */
#include "blind/asker.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "blind/pair_fill.h"

#include <string.h>

uint32_t asker_columns_max(const struct asker *a, uint32_t stack) {
    const struct linear *l = &a->stacks[stack];
    uint32_t most = blind_columns_max(l->field, l->rows, l->cols), room = (uint32_t)(a->z_words / l->rows);
    if (most > PASS_CHUNK) most = PASS_CHUNK;
    return a->z_words && most > room ? room : most;
}

/* A chunk of every stack, but of the output matrix only what a pass takes: more columns of it go one after the other. */
static int take_memory(struct asker *a) {
    uint32_t cols = 0;
    size_t words = 0;
    for (uint32_t i = 0; i < a->stack_count; i++) {
        uint32_t columns = asker_columns_max(a, i);
        if (i + 1 == a->stack_count && columns > a->o.decode_columns) columns = a->o.decode_columns;
        if ((size_t)columns * a->stacks[i].rows > words) words = (size_t)columns * a->stacks[i].rows;
        if (a->stacks[i].cols > cols) cols = a->stacks[i].cols;
    }
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

/* ---- one ticket ---- */

void asker_forget(const struct slots *ticket, struct answer *wu) {
    for (uint32_t i = 0; i < ticket->count; i++) answer_end(&wu[i]);
}

static int expect(struct asker *a, const struct slots *t, struct answer *wu) {
    const struct freivalds *check = prepared_check(a->o.prepared, t->stack);
    int r = 0;
    for (uint32_t i = 0; i < t->count && r == 0; i++)
        r = pair_expect_input(t, i, check, &wu[i], a->z + (size_t)i * check->rows, a->u);
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

int asker_ask(struct asker *a, const struct slots *t, struct answer *wu) {
    const uint8_t *bytes;
    size_t n;
    struct awaited due = {.count = t->count, .column = wu};
    enum blind_fault fault = FAULT_LINK;
    uint8_t code = 0;
    uint64_t until_ms = clock_mono_ms() + conversation_allowed_ms(&a->stacks[t->stack], t->count, a->o.answer_ms);
    if (!a->conv.open) return ERR_IO; /* never over another connection than the ticket's own */
    memset(wu, 0, t->count * sizeof *wu); /* what is not begun can be forgotten */
    int r = slots_bytes(t, &bytes, &n);
    if (r == 0 && t->count > a->conv.quota) { /* it would refuse: what need not be sent is not */
        fault = FAULT_QUOTA, code = BLIND_CODE_QUOTA;
        r = ERR_LOST;
    }
    if (r == 0) r = conversation_product(&a->conv, t->stack, t->count, bytes, n, &due.seq);
    if (r == 0) r = expect(a, t, wu); /* while it works */
    uint64_t begun = clock_mono_ns();
    if (r == 0) r = hear(a, &due, until_ms, &fault, &code);
    count(a, t->count, r == 0 ? t->count : 0, clock_mono_ns() - begun);
    if (r == 0) {
        roster_praise(a->o.roster, &a->conv);
        return 0;
    }
    asker_forget(t, wu);
    if (r != ERR_LOST) return r;
    drop(a, fault, code, t->stack);
    return ERR_IO;
}

int asker_product(struct asker *a, struct pass *pass, asker_chunk *chunk, void *owner, uint32_t stack, uint32_t count,
                  const int32_t *x, int32_t *y) {
    a->why.text[0] = 0;
    if (stack >= a->stack_count || count == 0) return why_set(&a->why, ERR_RANGE, "no such stack, or no columns");
    const struct linear *l = &a->stacks[stack];
    uint32_t most = asker_columns_max(a, stack);
    roster_again(a->o.roster);
    pass_begin(pass, stack, count);
    uint32_t all = pass_padded(pass, stack, count);
    int r = 0;
    for (uint32_t at = 0, n; at < all && r == 0; at += n) {
        n = all - at < most ? all - at : most;
        uint32_t wanted = at >= count ? 0 : count - at < n ? count - at : n;
        const int32_t *in = wanted ? x + (size_t)at * l->cols : NULL;
        int32_t *out = wanted ? y + (size_t)at * l->rows : NULL;
        do r = chunk(owner, stack, n, wanted, in, out);
        while (r == ERR_IO);
    }
    if (r != 0) pass_failed(pass);
    return r;
}
