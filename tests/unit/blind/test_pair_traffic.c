/* blind: what the two workers of mode `pair` see: the same sizes, counts and order for two prompts of equal padded length, and
 * uniform residues. */
#include <time.h>

#include "blind/message.h"
#include "model/engine.h"
#include "tests/unit/blind/pair_scene.h"

enum { SEEN_MAX = 1 << 15, DECODED = 6, BUCKETS = 256, IDS = 256 };

/* Everything that went over one role's link: the length and the head of each message (what is behind it is residues or keys). */
struct seen {
    uint32_t type, n, stack, count, extra;
};
struct record {
    struct blind_link inner;
    enum pair_role role;
    struct seen *seen[2]; /* by direction: how the two interleave at B, whose answers come ahead of use, is a matter of time */
    uint32_t count[2];
    uint64_t bucket[BUCKETS]; /* of residues that A received */
};
static struct pair_site s;
static struct record first[PAIR_ROLES], second[PAIR_ROLES];
static uint32_t turns[PAIR_ROLES]; /* of the latest run: times that the client spoke after the worker, or first */
static int client_spoke[PAIR_ROLES];

static void must(int ok) {
    if (!ok) abort(); /* the other thread's link too */
}

static void note_columns(struct record *r, const struct blind_product *p) {
    uint32_t cols = prepared_stacks(s.prepared)[p->stack].cols;
    const struct field *f = prepared_stacks(s.prepared)[p->stack].field;
    size_t each = residues_bytes(f, cols);
    uint32_t *u = malloc(cols * sizeof *u);
    must(u != NULL && p->packed_n == each * p->count);
    for (uint32_t c = 0; c < p->count; c++) {
        must(residues_unpack(f, u, cols, p->packed + c * each, each) == 0);
        for (uint32_t j = 0; j < cols; j++) r->bucket[(uint64_t)u[j] * BUCKETS / f->p]++;
    }
    free(u);
}

static void note(struct record *r, int from_client, const uint8_t *p, size_t n) {
    struct blind_message m;
    struct seen e = {.n = (uint32_t)n};
    must(r->count[from_client] < SEEN_MAX && blind_message_read(p, n, from_client, &m) == 0);
    e.type = m.type;
    if (m.type != BLIND_BYE) {
        turns[r->role] += from_client && !client_spoke[r->role];
        client_spoke[r->role] = from_client;
    }
    if (m.type == BLIND_PRODUCT) {
        e.stack = m.product.stack, e.count = m.product.count, e.extra = m.product.seq;
        note_columns(r, &m.product);
    } else if (m.type == BLIND_ANSWER) {
        e.stack = m.answer.first, e.count = m.answer.count, e.extra = m.answer.seq << 10 | m.answer.item;
    } else if (m.type == BLIND_GRANT) {
        e.extra = m.grant;
    } else if (m.type == BLIND_ORDER) {
        e.count = m.order.range_count;
        for (unsigned i = 0; i < m.order.range_count; i++) {
            struct blind_range g = blind_order_range(&m.order, i);
            e.extra = e.extra * 31 + g.stack * 7 + g.n * 65537 + g.count;
        }
    }
    r->seen[from_client][r->count[from_client]++] = e;
}

static int on_send(void *state, const uint8_t *message, size_t n) {
    struct record *r = state;
    note(r, 1, message, n);
    return r->inner.ops->send(r->inner.state, message, n);
}
static int on_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct record *r = state;
    int e = r->inner.ops->receive(r->inner.state, message, n, wait_ms);
    if (e == 0) note(r, 0, *message, *n);
    return e;
}
static void on_close(void *state) {
    struct record *r = state;
    r->inner.ops->close(r->inner.state);
}
static const struct blind_link_ops record_ops = {on_send, on_receive, on_close};
static void wrap(struct pair_worker *w, struct blind_link *k) {
    struct record *r = w->arg;
    r->inner = *k;
    k->ops = &record_ops;
    k->state = r;
}

/* Until B has answered all that it was asked: how much of that is lost when a client leaves is a matter of time. */
static void settle(void) {
    struct timespec nap = {0, 20000000};
    struct blind_counts now, before = {0};
    for (int still = 0; still < 15; still++) {
        nanosleep(&nap, NULL);
        pair_count(s.pair, &now);
        if (now.verified != before.verified) still = 0;
        before = now;
    }
}

static uint32_t guess; /* ids that may be guessed in a pass after the prompt */

/* One id is fed, and guesses, of which some are right: how many of both is the seed's to say. */
static void decode_pass(struct engine *e, struct kv_seq *seq, const int32_t *id, uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    uint32_t fed = 1 + (*state >> 10) % (guess + 1), right = (*state >> 20) % fed, before = seq->length;
    struct engine_part part = {.seq = seq, .ids = id + before, .count = fed};
    CHECK_INT(engine_step(e, &part, 1), 0);
    kv_seq_rewind(seq, before + 1 + right);
}

/* A prompt of n ids in steps of `chunk`, and DECODED passes after it, with fresh workers. */
static void run(struct record *r, uint32_t n, uint32_t chunk, uint32_t seed) {
    struct why why = {{0}};
    struct engine *e = NULL;
    struct kv_seq seq;
    int32_t id[IDS];
    for (int role = 0; role < PAIR_ROLES; role++) {
        r[role] = (struct record){.role = (enum pair_role)role};
        turns[role] = 0;
        client_spoke[role] = 0;
        for (int d = 0; d < 2; d++) CHECK((r[role].seen[d] = calloc(SEEN_MAX, sizeof(struct seen))) != NULL);
        struct pair_worker *w = pair_site_worker(&s, (enum pair_role)role);
        w->wrap = wrap;
        w->arg = &r[role];
    }
    s.how.decode_columns = 1 + guess;
    pair_site_start(&s);
    struct engine_opts o = {
        .threads = 1, .rows_max = chunk, .logits_max = 1 + guess, .kv_pages = 8, .linear = &pair_ops, .linear_state = s.pair};
    CHECK_INT(engine_new(&e, s.client, &o, &why), 0);
    CHECK_INT(kv_seq_init(&seq, IDS), 0);
    CHECK_INT(kv_seq_reserve(&seq, engine_kv(e), IDS), 0);
    for (uint32_t i = 0; i < IDS; i++) id[i] = (int32_t)((seed * 7919 + i * i * 31 + i) % model_n_vocab(s.client));
    pair_prompt(s.pair, n);
    for (uint32_t at = 0, step; at < n; at += step) {
        step = n - at < chunk ? n - at : chunk;
        struct engine_part part = {.seq = &seq, .ids = id + at, .count = step, .logits_from = at + step >= n ? step - 1 : step};
        CHECK_INT(engine_step(e, &part, 1), 0);
    }
    for (unsigned i = 0; i < DECODED; i++) decode_pass(e, &seq, id, &seed);
    kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    settle();
    pair_site_stop(&s);
}

static void forget(struct record *r) {
    for (int role = 0; role < PAIR_ROLES; role++)
        for (int d = 0; d < 2; d++) free(r[role].seen[d]);
}

/* The number of the first message that differs, of A's or else of B's, to or from; -1: none does. */
static int first_difference(const struct record *a, const struct record *b) {
    for (int at = 0; at < 2 * PAIR_ROLES; at++) {
        int role = at / 2, d = at % 2;
        uint32_t i = 0, n = a[role].count[d] < b[role].count[d] ? a[role].count[d] : b[role].count[d];
        while (i < n && memcmp(&a[role].seen[d][i], &b[role].seen[d][i], sizeof(struct seen)) == 0) i++;
        if (i < n || a[role].count[d] != b[role].count[d]) return (int)i;
    }
    return -1;
}

static void check_prompts(enum model_arith arith) {
    /* in one chunk; in two, the second with one column or with many; in three */
    static const uint32_t lengths[][2] = {{1, 64}, {2, 33}, {65, 128}, {66, 90}, {129, 190}};
    pair_site_open_as(&s, arith);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        run(first, lengths[i][0], 64, 1);
        run(second, lengths[i][1], 64, 2);
        printf("# %u and %u tokens: %u messages to A, %u to B\n", lengths[i][0], lengths[i][1], first[PAIR_A].count[1],
               first[PAIR_B].count[1]);
        CHECK(first[PAIR_A].count[0] > 100 && first[PAIR_B].count[0] > 50);
        CHECK_INT(first_difference(first, second), -1);
        forget(first);
        forget(second);
    }
    pair_site_close(&s);
}

TEST(prompts_of_equal_padded_length_look_alike_to_both_workers) { check_prompts(ARITH_ROW8); }
TEST(folded_prompts_of_equal_padded_length_look_alike_to_both_workers) { check_prompts(ARITH_ROW8_FOLD); }

/* As many passes, but other guesses in each and other ones right. */
static void check_guesses(enum model_arith arith) {
    static const uint32_t guesses[] = {1, 3, 7};
    pair_site_open_as(&s, arith);
    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        guess = guesses[i];
        run(first, 65, 64, 1);
        run(second, 100, 64, 2);
        CHECK_INT(first_difference(first, second), -1);
        forget(first);
        forget(second);
    }
    guess = 0;
    pair_site_close(&s);
}
TEST(passes_look_alike_whatever_was_guessed_and_whatever_was_right) { check_guesses(ARITH_ROW8); }
TEST(folded_passes_look_alike_whatever_was_guessed_and_whatever_was_right) { check_guesses(ARITH_ROW8_FOLD); }

/* How often what A sees turns from the client's messages to its own: round trips, one after the other. */
static uint32_t round_trips(enum model_arith arith) {
    pair_site_open_as(&s, arith);
    run(first, 64, 64, 1);
    uint32_t trips = turns[PAIR_A], stacks = prepared_manifest(s.prepared)->stack_count;
    printf("# %s: %u round trips to A, greeting and %u passes of %u stacks\n", prepared_manifest(s.prepared)->profile, trips,
           1 + DECODED, stacks);
    forget(first);
    pair_site_close(&s);
    return trips;
}
TEST(a_folded_pass_takes_two_round_trips_for_each_layer) {
    enum { LAYERS = 6 }; /* the shipped model's; the output matrix once for the prompt */
    CHECK_INT(round_trips(ARITH_ROW8), 1 + (1 + DECODED) * (4 * LAYERS + 1));
    CHECK_INT(round_trips(ARITH_ROW8_FOLD), 1 + (1 + DECODED) * (2 * LAYERS + 2));
}

/* The recorder would notice: another padded length is seen. */
TEST(prompts_of_other_padded_lengths_do_not) {
    pair_site_open(&s);
    run(first, 64, 64, 1);
    run(second, 65, 64, 1);
    CHECK(first_difference(first, second) >= 0);
    forget(first);
    forget(second);
    pair_site_close(&s);
}

/* Chi-square of 255 degrees of freedom: mean 255, deviation 22.6; a true uniform source is past 400 once in 10^8. The prompt
 * is one id again and again, whose integers are far from uniform. */
static void check_uniform(enum model_arith arith) {
    double chi = 0, all = 0;
    pair_site_open_as(&s, arith);
    run(first, 128, 64, 0);
    for (int i = 0; i < BUCKETS; i++) all += (double)first[PAIR_A].bucket[i];
    for (int i = 0; i < BUCKETS; i++) {
        double d = (double)first[PAIR_A].bucket[i] - all / BUCKETS;
        chi += d * d / (all / BUCKETS);
    }
    printf("# %.0f residues, chi-square %.1f\n", all, chi);
    CHECK(all > 1e6);
    CHECK(chi < 400);
    forget(first);
    pair_site_close(&s);
}

TEST(what_a_receives_is_uniform) { check_uniform(ARITH_ROW8); }
TEST(what_a_receives_folded_is_uniform) { check_uniform(ARITH_ROW8_FOLD); }

TESTS_MAIN("pair_traffic", T(prompts_of_equal_padded_length_look_alike_to_both_workers),
           T(folded_prompts_of_equal_padded_length_look_alike_to_both_workers),
           T(a_folded_pass_takes_two_round_trips_for_each_layer),
           T(passes_look_alike_whatever_was_guessed_and_whatever_was_right),
           T(folded_passes_look_alike_whatever_was_guessed_and_whatever_was_right), T(prompts_of_other_padded_lengths_do_not),
           T(what_a_receives_is_uniform), T(what_a_receives_folded_is_uniform))
