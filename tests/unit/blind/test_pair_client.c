/* blind: the client's half of mode `pair`: who may serve, what is refused and with which reason, sessions, and how passes are
 * cut. */
#include <limits.h>

#include "blind/message.h"
#include "blind/pair_parts.h"
#include "tests/unit/blind/pair_scene.h"
#include "tests/unit/blind/send_log.h"

static struct pair_site s;
static const char prompt[] = "How are you today?";
enum { TOKENS = 12 };

static void open_site(void) {
    pair_site_open(&s);
    s.how.answer_ms = 5000;
}

static struct blind_incident incident(size_t i) {
    struct blind_incident out = {.fault = FAULT_NONE};
    CHECK_INT(roster_incidents(pair_roster(s.pair), i, &out, 1), 1);
    return out;
}

/* One product of stack 0, count columns: what it returns; compared with the plain product when it succeeds. */
static int one_product(uint32_t stack, uint32_t count, int32_t most) {
    const struct linear l = model_linear(s.weights, stack < model_linear_count(s.weights) ? stack : 0);
    int32_t *x = malloc((size_t)count * l.cols * sizeof *x), *y = malloc((size_t)count * l.rows * sizeof *y);
    int8_t *w = malloc(l.cols);
    CHECK(x && y && w);
    for (size_t i = 0; i < (size_t)count * l.cols; i++) x[i] = (int32_t)(i * 2654435761u % 201) - 100;
    x[0] = most ? most : x[0];
    int r = pair_ops.product(s.pair, stack, count, x, y);
    for (uint32_t row = 0; r == 0 && row < l.rows; row += 37) {
        row8_unpack(model_linear_weights(s.weights, stack), row, w);
        for (uint32_t t = 0; t < count; t++) {
            int64_t sum = 0;
            for (uint32_t c = 0; c < l.cols; c++) sum += (int64_t)w[c] * x[(size_t)t * l.cols + c];
            CHECK_INT(y[(size_t)t * l.rows + row], sum);
        }
    }
    free(x);
    free(y);
    free(w);
    return r;
}

static void check_answers(void) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    struct pair_answer want, got;
    CHECK_INT(pair_generate(&s, NULL, prompt, &greedy, TOKENS, &want), 0);
    CHECK_INT(pair_generate(&s, s.pair, prompt, &greedy, TOKENS, &got), 0);
    pair_same_answer(&want, &got);
}

/* The first of the role's list is no good: what became of it, and the answer is another's. */
static void replaced(enum pair_role role, enum blind_fault fault, uint8_t code) {
    (void)pair_site_worker(&s, role);
    (void)pair_site_worker(&s, role == PAIR_A ? PAIR_B : PAIR_A);
    pair_site_start(&s);
    check_answers();
    struct blind_incident i = incident(0);
    CHECK_INT(i.fault, fault);
    CHECK_INT(i.code, code);
    CHECK_INT(i.role, role);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 1);
    pair_site_stop(&s);
}

TEST(a_worker_of_another_manifest_is_passed_over) {
    open_site();
    for (int role = 0; role < PAIR_ROLES; role++) {
        s.opts[role].manifest_hash[5] ^= 1;
        (void)pair_site_worker(&s, (enum pair_role)role);
        s.opts[role].manifest_hash[5] ^= 1;
        replaced((enum pair_role)role, FAULT_REFUSED, BLIND_CODE_MANIFEST);
    }
    pair_site_close(&s);
}

TEST(a_quota_that_is_used_up_moves_the_work_to_the_next) {
    open_site();
    for (int role = 0; role < PAIR_ROLES; role++) {
        s.opts[role].columns_quota = 64 * 24 + 30; /* the prompt, and a little */
        (void)pair_site_worker(&s, (enum pair_role)role);
        s.opts[role].columns_quota = 0;
        replaced((enum pair_role)role, FAULT_QUOTA, BLIND_CODE_QUOTA);
    }
    pair_site_close(&s);
}

/* What B was asked for before, it answers still. */
static void count_settled(struct blind_counts *out) {
    uint64_t before;
    pair_count(s.pair, out);
    do {
        before = out->products;
        usleep(100000);
        pair_count(s.pair, out);
    } while (out->products != before);
}

/* A's columns do for a token and not for a prompt's chunk. Whoever tries again and again until they are paid for buys nothing of B. */
TEST(columns_that_do_not_suffice_are_not_tried_again_at_bs_cost) {
    struct blind_counts first, last;
    struct why why;
    enum pair_role role = PAIR_B;
    uint8_t identity[32];
    open_site();
    s.opts[PAIR_A].columns_quota = 40;
    struct pair_worker *poor = pair_site_worker(&s, PAIR_A);
    s.opts[PAIR_A].columns_quota = 0;
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    pair_prompt(s.pair, 64);
    CHECK_INT(one_product(0, 64, 0), ERR_LOST);
    pair_why(s.pair, &why);
    CHECK(strstr(why.text, "for A") && strstr(why.text, "used up"));
    CHECK_INT(roster_unpaid(pair_roster(s.pair), &role, identity), 1);
    CHECK_INT(role, PAIR_A);
    CHECK_INT(incident(0).fault, FAULT_QUOTA);
    count_settled(&first);
    unsigned links = poor->links;
    for (int i = 0; i < 5; i++) CHECK_INT(one_product(0, 64, 0), ERR_LOST);
    count_settled(&last);
    CHECK(poor->links > links); /* it was asked whether it has more by now */
    CHECK_INT(last.products, first.products);
    CHECK_INT(last.sessions, first.sessions);
    (void)pair_site_worker(&s, PAIR_A);
    CHECK_INT(one_product(0, 64, 0), 0);
    CHECK_INT(roster_unpaid(pair_roster(s.pair), &role, identity), 0);
    pair_site_close(&s);
}

/* Another operator than the role's list has. */
static void foreign_operator(struct pair_worker *w, struct blind_link *k) { memset(k->operator_id, *(const int *)w->arg, 32); }
TEST(an_operator_that_is_not_listed_or_listed_for_the_other_role_serves_nothing) {
    int nobody = 0x55, other[PAIR_ROLES];
    open_site();
    for (int role = 0; role < PAIR_ROLES; role++) {
        uint8_t id[32];
        pair_operator_of(role == PAIR_A ? PAIR_B : PAIR_A, id);
        other[role] = id[0];
        for (int k = 0; k < 2; k++) {
            struct pair_worker *w = pair_site_worker(&s, (enum pair_role)role);
            w->wrap = foreign_operator;
            w->arg = k ? &other[role] : &nobody;
            replaced((enum pair_role)role, FAULT_POLICY, 0);
        }
    }
    pair_site_close(&s);
}

TEST(one_worker_never_serves_both_roles) {
    struct why why;
    open_site();
    struct pair_worker *a = pair_site_worker(&s, PAIR_A);
    s.worker[s.workers++] = (struct pair_worker){.role = PAIR_B, .local = a->local};
    pair_site_start(&s);
    CHECK_INT(one_product(0, 1, 0), ERR_LOST);
    pair_why(s.pair, &why);
    CHECK(strstr(why.text, "for B") != NULL);
    CHECK_INT(incident(0).fault, FAULT_POLICY);
    CHECK_INT(incident(0).role, PAIR_B);
    s.workers--; /* it is the other's to free */
    pair_site_close(&s);
}

TEST(without_operators_of_both_roles_there_is_no_client) {
    struct why why = {{0}};
    open_site();
    s.how.policy.role[PAIR_B].allowed_count = 0;
    CHECK_INT(pair_new(&s.pair, &s.how, &why), ERR_PERM);
    CHECK(s.pair == NULL && strstr(why.text, "operators") != NULL);
    pair_site_close(&s);
}

TEST(workers_that_cannot_be_reached_are_counted_in_the_reason) {
    struct why why;
    open_site();
    pair_site_worker(&s, PAIR_A)->unreachable = 1;
    pair_site_worker(&s, PAIR_A)->unreachable = 1;
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    CHECK_INT(one_product(0, 1, 0), ERR_LOST);
    pair_why(s.pair, &why);
    CHECK(strstr(why.text, "for A: 2 known, 2 not reached") != NULL);
    s.worker[1].unreachable = 0;
    CHECK_INT(one_product(0, 1, 0), 0);
    pair_site_close(&s);
}

TEST(products_out_of_range_are_refused) {
    open_site();
    (void)pair_site_worker(&s, PAIR_A);
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    CHECK_INT(one_product(model_linear_count(s.weights), 1, 0), ERR_RANGE);
    CHECK_INT(one_product(0, 1, FIELD_P24 / 2 + 1), ERR_RANGE);
    CHECK_INT(one_product(0, 1, -FIELD_P24 / 2 - 1), ERR_RANGE);
    CHECK_INT(one_product(0, 1, 0), 0); /* with fresh keys: what was spent stays spent */
    struct blind_counts n;
    pair_count(s.pair, &n);
    CHECK_INT(n.sessions, 3);
    pair_site_close(&s);
}

TEST(any_number_of_columns_of_any_stack_is_exact) {
    static const uint32_t counts[] = {1, 2, 63, 64, 65, 130};
    open_site();
    (void)pair_site_worker(&s, PAIR_A);
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    uint32_t n = model_linear_count(s.weights);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (uint32_t k = 0; k < 4; k++) CHECK_INT(one_product(k == 3 ? n - 1 : (k * 7 + (uint32_t)i * 5) % n, counts[i], 0), 0);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
    pair_site_close(&s);
}

/* One round of two stacks; what it returns. Compared with the plain product when it succeeds. */
static int one_round(uint32_t first, uint32_t second, uint32_t count, uint32_t second_count) {
    const uint32_t stack[] = {first, second};
    struct linear_ask ask[2];
    int32_t *x[2], *y[2];
    for (int k = 0; k < 2; k++) {
        const struct linear l = model_linear(s.weights, stack[k]);
        ask[k] = (struct linear_ask){stack[k], k ? second_count : count, NULL, NULL};
        x[k] = malloc((size_t)ask[k].count * l.cols * sizeof *x[k]);
        y[k] = malloc((size_t)ask[k].count * l.rows * sizeof *y[k]);
        CHECK(x[k] && y[k]);
        for (size_t i = 0; i < (size_t)ask[k].count * l.cols; i++) x[k][i] = (int32_t)(i * 2654435761u % 201) - 100 - k;
        ask[k].x = x[k];
        ask[k].y = y[k];
    }
    int r = pair_ops.products(s.pair, ask, 2);
    for (int k = 0; r == 0 && k < 2; k++) {
        const struct linear l = model_linear(s.weights, stack[k]);
        int8_t *w = malloc(l.cols);
        for (uint32_t row = 0; row < l.rows; row += 37) {
            row8_unpack(model_linear_weights(s.weights, stack[k]), row, w);
            for (uint32_t t = 0; t < count; t++) {
                int64_t sum = 0;
                for (uint32_t c = 0; c < l.cols; c++) sum += (int64_t)w[c] * x[k][(size_t)t * l.cols + c];
                CHECK_INT(y[k][(size_t)t * l.rows + row], sum);
            }
        }
        free(w);
    }
    for (int k = 0; k < 2; k++) free(x[k]), free(y[k]);
    return r;
}

/* Also for a pair that was not prepared for it, which has less room: it cuts them into smaller pieces. */
TEST(any_two_neighbouring_stacks_at_once_are_exact_and_other_rounds_are_refused) {
    static const enum model_arith both[] = {ARITH_ROW8, ARITH_ROW8_FOLD};
    for (int i = 0; i < 2; i++) {
        pair_site_open_as(&s, both[i]);
        (void)pair_site_worker(&s, PAIR_A);
        (void)pair_site_worker(&s, PAIR_B);
        pair_site_start(&s);
        uint32_t n = model_linear_count(s.weights);
        CHECK_INT(one_product(0, 1, 0), 0);
        for (uint32_t k = 1; k + 2 < n; k += 5) CHECK_INT(one_round(k, k + 1, 1 + 13 * k % 100, 1 + 13 * k % 100), 0);
        CHECK_INT(one_round(n - 2, n - 1, 1, 1), ERR_RANGE); /* the output matrix is asked for alone */
        CHECK_INT(one_round(1, 3, 1, 1), ERR_RANGE);
        CHECK_INT(one_round(2, 1, 1, 1), ERR_RANGE);
        CHECK_INT(one_round(1, 2, 2, 1), ERR_RANGE);
        CHECK_INT(pair_ops.products(s.pair, NULL, 0), ERR_RANGE);
        CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
        pair_site_close(&s);
    }
}

/* What a worker says of itself before anything else: that it keeps one product at a time. */
static int (*inner_receive)(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms);
static int one_at_a_time(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    static uint8_t changed[BLIND_SMALL_MAX];
    struct blind_message m;
    int r = inner_receive(state, message, n, wait_ms);
    if (r != 0 || blind_message_read(*message, *n, 0, &m) != 0 || m.type != BLIND_READY) return r;
    m.ready.products_max = 1;
    struct writer w = writer_over(changed, sizeof changed);
    blind_message_write(&w, &m);
    *message = changed;
    *n = w.len;
    return 0;
}
static struct blind_link_ops narrow_ops;
static void narrow(struct pair_worker *w, struct blind_link *k) {
    (void)w;
    narrow_ops = *k->ops;
    inner_receive = k->ops->receive;
    narrow_ops.receive = one_at_a_time;
    k->ops = &narrow_ops;
}
TEST(a_worker_that_keeps_one_product_at_a_time_serves_no_folded_rounds) {
    pair_site_open_as(&s, ARITH_ROW8_FOLD);
    pair_site_worker(&s, PAIR_A)->wrap = narrow;
    replaced(PAIR_A, FAULT_UNFIT, 0);
    pair_site_close(&s);
    open_site(); /* all others are served as before */
    pair_site_worker(&s, PAIR_A)->wrap = narrow;
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    check_answers();
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 0);
    pair_site_close(&s);
}

TEST(little_memory_ahead_and_wide_passes_change_no_answer) {
    static const struct {
        size_t ahead_bytes;
        uint32_t decode_columns;
    } how[] = {{1, 1}, {1 << 20, 1}, {1, 4}, {0, 4}, {0, 64}};
    open_site();
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
        s.how.ahead_bytes = how[i].ahead_bytes;
        s.how.decode_columns = how[i].decode_columns;
        (void)pair_site_worker(&s, PAIR_A);
        (void)pair_site_worker(&s, PAIR_B);
        pair_site_start(&s);
        check_answers();
        pair_site_stop(&s);
    }
    s.how.decode_columns = 65;
    struct why why;
    CHECK_INT(pair_new(&s.pair, &s.how, &why), ERR_RANGE);
    pair_site_close(&s);
}

/* A's connection breaks in the middle of an answer: the session ends with it. */
static unsigned breaks_after;
struct breaking {
    struct blind_link inner;
    unsigned sent;
};
static struct breaking breaking;
static int breaking_send(void *state, const uint8_t *message, size_t n) {
    struct breaking *b = state;
    return ++b->sent == breaks_after ? ERR_IO : b->inner.ops->send(b->inner.state, message, n);
}
static int breaking_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct breaking *b = state;
    return b->inner.ops->receive(b->inner.state, message, n, wait_ms);
}
static void breaking_close(void *state) {
    struct breaking *b = state;
    b->inner.ops->close(b->inner.state);
}
static const struct blind_link_ops breaking_ops = {breaking_send, breaking_receive, breaking_close};
static void breaking_wrap(struct pair_worker *w, struct blind_link *k) {
    if (w->links > 1) return; /* the next connection holds */
    breaking = (struct breaking){.inner = *k};
    k->ops = &breaking_ops;
    k->state = &breaking;
}
TEST(a_lost_connection_ends_the_session_and_not_the_answer) {
    struct blind_counts n;
    open_site();
    for (breaks_after = 2; breaks_after < 80; breaks_after += 19) {
        pair_site_worker(&s, PAIR_A)->wrap = breaking_wrap;
        (void)pair_site_worker(&s, PAIR_B);
        pair_site_start(&s);
        check_answers();
        pair_count(s.pair, &n);
        CHECK_INT(n.sessions, 2);
        CHECK_INT(incident(0).fault, FAULT_LINK);
        CHECK_INT(s.worker[0].links, 2); /* the same worker: nobody is accused */
        pair_site_stop(&s);
    }
    pair_site_close(&s);
}

static struct send_log sent;
static uint64_t sessions(void) {
    struct blind_counts n;
    pair_count(s.pair, &n);
    return n.sessions;
}
static void log_wrap(struct pair_worker *w, struct blind_link *k) {
    (void)w;
    send_log_wrap(&sent, k);
}
TEST(what_was_masked_for_a_connection_goes_over_no_other) {
    static const unsigned fatal[] = {2, 5, 6, 7, 11, 0}; /* three in a row are two workers' */
    sent = (struct send_log){.fatal = fatal, .sessions = sessions};
    open_site();
    for (int i = 0; i < 2; i++) pair_site_worker(&s, PAIR_A)->wrap = log_wrap;
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    for (uint32_t i = 0; i < 10; i++) CHECK_INT(one_product(i % 2, i % 3 ? 1 : 3, 0), 0);
    CHECK_INT(sessions(), 6);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 5);
    send_log_check(&sent);
    pair_site_close(&s);
}

/* Bytes that are held back on the way, on a worker's first connection. */
static int held_back;
static unsigned stalled_links;
static struct breaking stalling;
static int stalling_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct breaking *b = state;
    if (!__atomic_load_n(&held_back, __ATOMIC_SEQ_CST)) return b->inner.ops->receive(b->inner.state, message, n, wait_ms);
    usleep(wait_ms * 1000);
    return ERR_MORE;
}
static int stalling_send(void *state, const uint8_t *message, size_t n) {
    struct breaking *b = state;
    return b->inner.ops->send(b->inner.state, message, n);
}
static const struct blind_link_ops stalling_ops = {stalling_send, stalling_receive, breaking_close};
static void stalling_wrap(struct pair_worker *w, struct blind_link *k) {
    stalled_links = w->links;
    if (w->links > 1) return;
    stalling = (struct breaking){.inner = *k};
    k->ops = &stalling_ops;
    k->state = &stalling;
}
static void hold_back(int yes) { __atomic_store_n(&held_back, yes, __ATOMIC_SEQ_CST); }

static void serves(enum pair_role role, uint8_t id[32]) { CHECK_INT(pair_serving(s.pair, role, id), 1); }

/* Enough columns that B, too, is asked for more. */
static void use(void) {
    for (uint32_t i = 0; i < 3; i++) CHECK_INT(one_product(0, 64, 0), 0);
}

TEST(a_worker_that_was_held_back_once_serves_again) {
    uint8_t first[32], now[32];
    open_site();
    s.how.answer_ms = 1000;
    for (int role = 0; role < PAIR_ROLES; role++) {
        pair_site_worker(&s, (enum pair_role)role)->wrap = stalling_wrap;
        (void)pair_site_worker(&s, role == PAIR_A ? PAIR_B : PAIR_A);
        pair_site_start(&s);
        use();
        serves((enum pair_role)role, first);
        hold_back(1);
        use(); /* nobody else is there: it is asked again at once, over a new connection */
        hold_back(0);
        serves((enum pair_role)role, now);
        CHECK_MEM(now, first, 32);
        CHECK_INT(stalled_links, 3); /* the second only showed that it is the one who rests */
        CHECK_INT(roster_incident_count(pair_roster(s.pair)), 1);
        CHECK_INT(incident(0).fault, FAULT_LATE);
        CHECK(!fault_accuses(incident(0).fault));
        pair_site_stop(&s);
    }
    pair_site_close(&s);
}

TEST(a_worker_that_was_late_comes_after_the_others_for_a_while) {
    uint8_t first[32], now[32];
    open_site();
    s.how.answer_ms = 1000;
    breaks_after = UINT_MAX;
    pair_site_worker(&s, PAIR_A)->wrap = stalling_wrap;
    pair_site_worker(&s, PAIR_A)->wrap = breaking_wrap;
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    use();
    serves(PAIR_A, first);
    hold_back(1);
    use();
    hold_back(0);
    serves(PAIR_A, now);
    CHECK(memcmp(now, first, 32) != 0);
    usleep(ROSTER_RESTS * 1000 * 1000);
    breaks_after = breaking.sent + 1;
    use();
    serves(PAIR_A, now);
    CHECK_MEM(now, first, 32); /* it has rested, and is first of the list */
    CHECK_INT(incident(1).fault, FAULT_LINK);
    CHECK_INT(roster_incident_count(pair_roster(s.pair)), 2);
    pair_site_close(&s);
}

/* 64 ranges of four stacks that are far apart, each range in two batches: more keys than one message holds. */
enum { FAR_FIRST = 10, FAR_STACKS = 4, FAR_COLUMNS = 16 * 64 };
static uint32_t far_start(uint32_t i) { return i * 4096 + 32; }

static int far_held(struct pair *p) {
    int held = 1;
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < FAR_STACKS; i++)
        held = held && stock_answer(p, FAR_FIRST + i, far_start(i)) &&
               stock_answer(p, FAR_FIRST + i, far_start(i) + FAR_COLUMNS - 1);
    pthread_mutex_unlock(&p->lock);
    return held;
}

TEST(an_order_of_many_batches_goes_out_in_several_messages) {
    open_site();
    (void)pair_site_worker(&s, PAIR_A);
    (void)pair_site_worker(&s, PAIR_B);
    pair_site_start(&s);
    CHECK_INT(one_product(0, 1, 0), 0); /* orders nothing of stacks that are used so much later */
    struct pair *p = s.pair;
    pthread_mutex_lock(&p->lock);
    p->order++;
    for (uint32_t i = 0; i < FAR_STACKS; i++) {
        CHECK(p->stock[FAR_FIRST + i].first == NULL);
        p->stock[FAR_FIRST + i].ordered_to = far_start(i);
        CHECK_INT(stock_order(p, FAR_FIRST + i, FAR_COLUMNS), 0);
    }
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int waited = 0; waited < 600 && !far_held(p) && roster_incident_count(pair_roster(p)) == 0; waited++) usleep(100000);
    CHECK_INT(roster_incident_count(pair_roster(p)), 0);
    CHECK(far_held(p));
    pair_site_close(&s);
}

TESTS_MAIN("pair_client", T(a_worker_of_another_manifest_is_passed_over), T(a_quota_that_is_used_up_moves_the_work_to_the_next),
           T(columns_that_do_not_suffice_are_not_tried_again_at_bs_cost),
           T(an_operator_that_is_not_listed_or_listed_for_the_other_role_serves_nothing), T(one_worker_never_serves_both_roles),
           T(without_operators_of_both_roles_there_is_no_client), T(workers_that_cannot_be_reached_are_counted_in_the_reason),
           T(products_out_of_range_are_refused), T(any_number_of_columns_of_any_stack_is_exact),
           T(any_two_neighbouring_stacks_at_once_are_exact_and_other_rounds_are_refused),
           T(a_worker_that_keeps_one_product_at_a_time_serves_no_folded_rounds),
           T(little_memory_ahead_and_wide_passes_change_no_answer), T(a_lost_connection_ends_the_session_and_not_the_answer),
           T(what_was_masked_for_a_connection_goes_over_no_other), T(a_worker_that_was_held_back_once_serves_again),
           T(a_worker_that_was_late_comes_after_the_others_for_a_while), T(an_order_of_many_batches_goes_out_in_several_messages))
