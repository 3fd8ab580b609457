/* blind: what the worker of mode `lattice` sees: the same messages, byte counts and order, for two prompts of equal padded length, and
 * residues that are uniform, on a real model's inputs. */
#include "blind/message.h"
#include "model/engine.h"
#include "tests/unit/blind/lattice_scene.h"

enum { SEEN_MAX = 1 << 13, DECODED = 6, BUCKETS = 256, IDS = 256 };

struct seen { /* a message's head; what is behind it is residues */
    uint32_t from_client, type, n, stack, count, seq;
};
struct recorded {
    struct blind_link inner;
    struct seen seen[SEEN_MAX];
    uint32_t count;
    uint64_t bucket[BUCKETS]; /* of residues that came */
};
static struct lattice_site l;
static struct recorded first, second;

static void must(int ok) {
    if (!ok) abort();
}

static void count_residues(struct recorded *r, const struct blind_product *p) {
    const struct linear *stack = &prepared_stacks(l.s.prepared)[p->stack];
    size_t each = residues_bytes(stack->field, stack->cols);
    uint32_t *u = malloc(stack->cols * sizeof *u);
    must(u != NULL && p->packed_n == each * p->count);
    for (uint32_t c = 0; c < p->count; c++) {
        must(residues_unpack(stack->field, u, stack->cols, p->packed + c * each, each) == 0);
        for (uint32_t j = 0; j < stack->cols; j++) r->bucket[(uint64_t)u[j] * BUCKETS / stack->field->p]++;
    }
    free(u);
}

static void note(struct recorded *r, int from_client, const uint8_t *p, size_t n) {
    struct blind_message m;
    must(r->count < SEEN_MAX && blind_message_read(p, n, from_client, &m) == 0);
    struct seen e = {.from_client = (uint32_t)from_client, .type = m.type, .n = (uint32_t)n};
    if (m.type == BLIND_PRODUCT) {
        e.stack = m.product.stack, e.count = m.product.count, e.seq = m.product.seq;
        count_residues(r, &m.product);
    } else if (m.type == BLIND_ANSWER) {
        e.stack = m.answer.first, e.count = m.answer.count, e.seq = m.answer.seq;
    }
    r->seen[r->count++] = e;
}

static int on_send(void *state, const uint8_t *message, size_t n) {
    struct recorded *r = state;
    note(r, 1, message, n);
    return r->inner.ops->send(r->inner.state, message, n);
}
static int on_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct recorded *r = state;
    int e = r->inner.ops->receive(r->inner.state, message, n, wait_ms);
    if (e == 0) note(r, 0, *message, *n);
    return e;
}
static void on_close(void *state) {
    struct recorded *r = state;
    r->inner.ops->close(r->inner.state);
}
static const struct blind_link_ops recorded_ops = {on_send, on_receive, on_close};
static void wrap(struct pair_worker *w, struct blind_link *k) {
    struct recorded *r = w->arg;
    r->inner = *k;
    k->ops = &recorded_ops;
    k->state = r;
}

/* A prompt of n ids in chunks of 64, all of them alike when seed is 0, and DECODED tokens after it; a fresh client and worker. */
static void run(struct recorded *r, uint32_t n, uint32_t seed) {
    struct why why = {{0}};
    struct engine *e = NULL;
    struct kv_seq seq;
    int32_t id[IDS];
    memset(r, 0, sizeof *r);
    struct pair_worker *w = pair_site_worker(&l.s, PAIR_A);
    w->wrap = wrap;
    w->arg = r;
    lattice_site_start(&l);
    struct engine_opts o = {.threads = 1,
                            .rows_max = PASS_CHUNK,
                            .logits_max = 1,
                            .kv_pages = 8,
                            .linear = &lattice_client_ops,
                            .linear_state = l.client};
    CHECK_INT(engine_new(&e, l.s.client, &o, &why), 0);
    CHECK_INT(kv_seq_init(&seq, IDS), 0);
    CHECK_INT(kv_seq_reserve(&seq, engine_kv(e), IDS), 0);
    for (uint32_t i = 0; i < IDS; i++) id[i] = (int32_t)(seed ? (seed * 7919 + i * i * 31 + i) % model_n_vocab(l.s.client) : 17);
    lattice_client_prompt(l.client, n);
    for (uint32_t at = 0, step; at < n + DECODED; at += step) {
        step = at >= n ? 1 : n - at < PASS_CHUNK ? n - at : PASS_CHUNK;
        struct engine_part part = {.seq = &seq, .ids = id + at, .count = step, .logits_from = at + step >= n ? step - 1 : step};
        CHECK_INT(engine_step(e, &part, 1), 0);
        CHECK_INT(part.err, 0);
    }
    kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    lattice_client_free(l.client);
    l.client = NULL;
    pair_site_stop(&l.s); /* its workers */
}

static int alike(void) {
    return first.count == second.count && memcmp(first.seen, second.seen, first.count * sizeof first.seen[0]) == 0;
}

static void check_prompts(enum model_arith arith) {
    /* in one chunk; in two, the second with one column or with many; in three */
    static const uint32_t lengths[][2] = {{1, 64}, {2, 33}, {65, 128}, {129, 190}};
    lattice_site_open_as(&l, 5, arith);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        run(&first, lengths[i][0], 1);
        run(&second, lengths[i][1], 2);
        printf("# %u and %u tokens: %u messages\n", lengths[i][0], lengths[i][1], first.count);
        CHECK(first.count > 300);
        CHECK(alike());
    }
    run(&second, 65, 1); /* the recorder would notice */
    CHECK(!alike());
    lattice_site_close(&l);
}

TEST(prompts_of_equal_padded_length_look_alike_to_the_worker) { check_prompts(ARITH_ROW8); }
TEST(folded_prompts_of_equal_padded_length_look_alike_to_the_worker) { check_prompts(ARITH_ROW8_FOLD); }

/* Chi-square of 255 degrees of freedom: mean 255, deviation 22.6; a true uniform source is past 400 once in 10^8. The prompt is one id
 * again and again, whose integers are far from uniform. */
TEST(what_the_worker_receives_is_uniform) {
    double chi = 0, all = 0;
    lattice_site_open(&l, 5);
    run(&first, 128, 0);
    for (int i = 0; i < BUCKETS; i++) all += (double)first.bucket[i];
    for (int i = 0; i < BUCKETS; i++) {
        double d = (double)first.bucket[i] - all / BUCKETS;
        chi += d * d / (all / BUCKETS);
    }
    printf("# %.0f residues, chi-square %.1f\n", all, chi);
    CHECK(all > 1e6);
    CHECK(chi < 400);
    lattice_site_close(&l);
}

TESTS_MAIN("lattice_traffic", T(prompts_of_equal_padded_length_look_alike_to_the_worker),
           T(folded_prompts_of_equal_padded_length_look_alike_to_the_worker), T(what_the_worker_receives_is_uniform))
